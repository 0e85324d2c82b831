"""Draft: a formula whose pieces are matched to columns, before it is known what their levels, means and states are.

It says all that can be said of a design before a row is read: which columns, as numbers or as levels, and which rows count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bestline.data.design.categories import Category, as_category
from bestline.data.design.expressions import Call, expression
from bestline.data.design.factors import Factor, numbers_read
from bestline.data.design.formula import ParsedFormula
from bestline.data.design.grammar import Piece
from bestline.data.design.profiles import Learnt, Training
from bestline.data.tables import Field, Kind, Source
from bestline.errors import ColumnError, FormulaError, as_written, readable


@dataclass(frozen=True, eq=False)
class Draft:
    """What is known of a design before its rows are read.

    Attributes
    ----------
    formula : ParsedFormula
    kinds : mapping
        Each piece of the formula -> the factor that it is, or the category whose levels are not known yet; in order.
    responses : tuple of Factor
    weights : str or None
        Column of weights.
    missing : {"raise", "drop", "impute"}
    declared : mapping
        Column of categories -> the levels that its type declares.
    label : str
        What messages call the data.
    table, notes
        As in Design.
    levels : mapping
        Column of categories -> levels that count as found though no row may have them.
    beside : tuple of str
        Columns that a row must have a value of though the line does not read them, such as those of clusters.
    offsets : tuple of Factor
        Known parts of the target.
    weight_kind : str
        What the weights are, as in Design.
    """

    formula: ParsedFormula
    kinds: Mapping[Piece, Factor | Category]
    responses: tuple[Factor, ...]
    weights: str | None
    missing: str
    declared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    label: str = "the data"
    table: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    levels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    offsets: tuple[Factor, ...] = ()
    weight_kind: str = "analytic"

    @property
    def factors(self) -> list[Factor]:
        """The factors that are no categories."""
        return [kind for kind in self.kinds.values() if isinstance(kind, Factor)]

    @property
    def texts(self) -> list[str]:
        """Columns whose levels must be known."""
        return list(dict.fromkeys(k.column for k in self.kinds.values() if isinstance(k, Category)))

    def number_columns(self) -> list[str]:
        """Columns that X is made of as numbers, in the order in which a design reads them."""
        return numbers_read(self.factors)

    @property
    def target_columns(self) -> list[str]:
        """Columns that y is made of, what is known of it as well."""
        return numbers_read((*self.responses, *self.offsets))

    def reads(self) -> list[str]:
        """Every column of the table that training needs."""
        weights = [self.weights] if self.weights else []
        return list(dict.fromkeys([*self.number_columns(), *self.texts, *self.target_columns, *weights, *self.beside]))

    @property
    def calls(self) -> tuple[Call, ...]:
        """Calls of functions that learn from the rows."""
        texts = [f.text for f in (*self.factors, *self.responses, *self.offsets) if f.kind == "expression"]
        return tuple(dict.fromkeys(call for text in texts for call in expression(text).calls))

    @property
    def verbatim(self) -> bool:
        """Whether X and y will be columns of numbers as they are read, in their order."""
        if self.formula.absorbed:
            return False
        plain = all(f.kind == "number" for f in (*self.factors, *self.responses)) and not self.texts
        alone = all(len(term) == 1 for term in self.formula.terms)
        return (
            plain
            and alone
            and not self.offsets
            and self.missing != "impute"
            and len(self.formula.terms) == len(self.number_columns())
        )

    def counted(self, training: Training | None) -> Learnt:
        """From which rows the design is learnt: those of training, but none that is left out for a value missing."""
        if self.missing == "raise":
            return Learnt(self.weights, training)
        features = [] if self.missing == "impute" else [*self.number_columns(), *self.texts]
        needed = dict.fromkeys([*features, *self.target_columns, *([self.weights] if self.weights else []), *self.beside])
        return Learnt(self.weights, training, tuple(needed), frozenset(self.texts))

    def with_notes(self, *notes: str) -> Draft:
        """The same with more to say."""
        return replace(self, notes=(*self.notes, *notes))


def draft_of(source: Source, formula: ParsedFormula, weights: str | None, missing: str) -> Draft:
    """The pieces of a formula matched to the columns of a source; raises ColumnError where they cannot serve."""
    kinds: dict[Piece, Factor | Category] = {}
    for piece in dict.fromkeys(p for term in formula.terms for p in term):
        category = as_category(piece)
        if category is not None:
            if source.field(category.column).kind not in (Kind.TEXT, Kind.NUMBER):
                raise _unusable(source.field(category.column))
            kinds[piece] = category
        elif piece.column and source.field(piece.text).kind is Kind.TEXT:
            kinds[piece] = Category(piece.text, None)
        elif piece.column and source.field(piece.text).kind is Kind.DATE:
            kinds[piece] = Factor(days := source.in_days(piece.text), "number", days)
        else:
            kinds[piece] = _number(source, piece, "a feature")
    responses = tuple(_number(source, r, "the target") for r in formula.responses)
    for name in dict.fromkeys(name for by in formula.absorbed for name in by):
        if source.field(name).kind in (Kind.OTHER, Kind.EMPTY):
            raise _unusable(source.field(name))
    categories = dict.fromkeys(k.column for k in kinds.values() if isinstance(k, Category))
    declared = {name: tuple(levels) for name in categories if (levels := source.field(name).levels)}
    offsets = tuple(_number(source, piece, "an offset") for piece in formula.offsets)
    return Draft(formula, kinds, responses, weights, missing, declared, source.label, offsets=offsets)


def _number(source: Source, piece: Piece, role: str) -> Factor:
    """A piece that must give numbers: a number column, or an expression of such."""
    columns = [piece.text] if piece.column else expression(piece.text).columns
    for name in columns:
        f = source.field(name)
        if f.kind is Kind.TEXT:
            raise ColumnError(
                f"Column {readable(name)} is text, and {role} must be numbers; "
                + (
                    f"write C({as_written(name)}) for categories."
                    if role == "a feature"
                    else f"choose another {role.split()[1]}."
                )
            )
        if f.kind is not Kind.NUMBER:
            raise _unusable(f)
    if not piece.column and role != "a feature" and expression(piece.text).width > 1:
        what = "The response" if role == "the target" else "The offset"
        raise FormulaError(f"{what} {readable(piece.text)} gives several columns; {role} is one column.")
    if not piece.column:
        return Factor(piece.text, "expression")
    return Factor(piece.text, "number", piece.text, truth=source.field(piece.text).truth)


def _unusable(f: Field) -> ColumnError:
    what = {Kind.DATE: "holds dates", Kind.EMPTY: "has no values at all: every one is missing"}.get(
        f.kind, f"is {f.note}, neither numbers nor text"
    )
    return ColumnError(f"Column {readable(f.name)} {what}; leave it out, or turn it into numbers before fitting.")
