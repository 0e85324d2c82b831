"""Learn a Design: choose the columns, and read the table as often as their states need: often not at all.

Plain number columns need no reading: their types are known. Categories need one pass for their levels, imputation the same
pass for the means, `center`, `scale` and `poly` one or two more over their arguments.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bestline.data.design.coding import codings
from bestline.data.design.design import Design, Encoded
from bestline.data.design.expressions import Call, expression, learn_state
from bestline.data.design.factors import MISSING_LEVEL, Column, Factor
from bestline.data.design.formula import Category, Piece, Recipe, as_category, parse, plain, powers
from bestline.data.design.profiles import (
    MOST_TEXTS,
    CountGaps,
    Gram,
    Learnt,
    Levels,
    Mean,
    Profile,
    Profiles,
    Summarise,
    Training,
)
from bestline.data.design.syntax import State
from bestline.data.passes import Named
from bestline.data.progress import Progress
from bestline.data.tables import Field, Kind, Source
from bestline.errors import ColumnError, DataError, FormulaError, MissingValuesError, OptionError, listed, readable

MOST_COLUMNS = 8_000  # of X: moments of more would need over 0.5 GB, and minutes for each 100,000 rows
MOST_LEVELS = 200  # of a text column that nobody asked for
_COUNTERS = frozenset(
    {"", "unnamed: 0", "index", "id", "row", "rowid", "row_id", "rownames", "row_names", "rownumber", "row_number"}
)
_DOT = re.compile(r"(?<![\w.)\]`\"'])\.(?![\w.])")


def learn(
    source: Source,
    *,
    formula: str | None = None,
    target: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    weights: str | None = None,
    missing: str = "raise",
    degree: int = 1,
    training: Training | None = None,
    aside: str | None = None,
    progress: Progress | None = None,
) -> Design:
    """The design of a formula, or of a target and features; without either, of all columns that can serve.

    Parameters
    ----------
    source : Source
    formula : str, optional
        Such as `y ~ x1 + C(g)`.
    target, features : str and sequence of str, optional
        Columns by name, in place of a formula; `features` are all others that can serve if left out.
    weights : str, optional
        Column of weights.
    missing : {"raise", "drop", "impute"}
    aside : str, optional
        A column that is no feature unless it is named.
    degree : int
        Above 1, every column x is followed by its powers I(x ** 2), ..., I(x ** degree).
    training : callable, optional
        Tells which rows of a batch are training rows; means and states are learnt from these alone, levels from all rows.
    progress : callable, optional
        Hears of each pass: (what, fraction).

    Raises
    ------
    FormulaError, ColumnError, MissingValuesError, DataError
    """
    if missing not in ("raise", "drop", "impute"):
        raise OptionError(f"`missing` must be 'raise', 'drop' or 'impute'; got {missing!r}.")
    if weights is not None and source.field(weights).kind is not Kind.NUMBER:
        raise ColumnError(f"The weights in column {readable(weights)} are not numbers; name a column of numbers.")
    learner = _Learner(source, Learnt(weights, training), progress)
    recipe, notes = _recipe(source, formula, target, features, weights, aside, learner)
    if degree > 1:
        recipe = powers(recipe, degree, {f.name for f in source.fields if f.kind is Kind.NUMBER})
    draft = _draft(source, recipe, weights, missing)
    profiles = learner.profile(draft.categories, draft.numbers if missing == "impute" else ())
    design, remarks = _coded(draft, source, profiles.levels.parts)
    if missing == "impute":
        design = replace(design, means=_means(draft.numbers, profiles.means.parts))
    states = learner.states(design)
    table = tuple(n for n in source.names if n not in design.target_columns and n != weights)
    return replace(design, states=states, table=table, notes=(*notes, *remarks, *_target_notes(design, source)))


class _Learner:
    """Goes over the source for what is not known yet, and remembers what it has found."""

    def __init__(self, source: Source, counted: Learnt, progress: Progress | None) -> None:
        self.source, self.counted, self.progress = source, counted, progress
        self.found = Profiles(Named({}), Named({}))

    def profile(self, texts: Sequence[str] = (), numbers: Sequence[str] = ()) -> Profiles:
        """The levels of some columns and the means of others: one pass over those that are not known yet."""
        new = Profile(
            tuple(n for n in dict.fromkeys(texts) if n not in self.found.levels.parts),
            tuple(n for n in dict.fromkeys(numbers) if n not in self.found.means.parts),
            self.counted,
        )
        if new.texts or new.numbers:
            self.found = self.found + self.source.reduce(new, progress=self.progress)
        return self.found

    def states(self, design: Design) -> dict[str, State]:
        """What the stateful calls of the design's expressions learn from the training rows."""
        texts = [f.text for f in (*design.factors, *design.responses) if f.kind == "expression"]
        calls = tuple(dict.fromkeys(c for text in texts for c in expression(text).calls))
        if not calls:
            return {}
        means = design.means if design.missing == "impute" else None
        ranges = self.source.reduce(Summarise(calls, means, self.counted), progress=self.progress).parts
        empty = [c.text for c in calls if ranges[c].count == 0]
        if empty:
            raise MissingValuesError(f"{listed(empty)} has no training rows to learn from.")
        poly = tuple(c for c in calls if c.kind == "poly")
        grams: Mapping[Call, Tensor] = {}
        if poly:
            grams = self.source.reduce(Gram(poly, means, self.counted, ranges=ranges), progress=self.progress).parts
        return {c.text: learn_state(c, ranges[c], grams.get(c)) for c in calls}


def _recipe(
    source: Source,
    formula: str | None,
    target: str | Sequence[str] | None,
    features: Sequence[str] | None,
    weights: str | None,
    aside: str | None,
    learner: _Learner,
) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe asked for, its `.` or its missing list of features filled with the columns that can serve."""
    if formula is not None:
        if target is not None or features is not None:
            raise OptionError("Give either a formula or a target with features, not both.")
        if not _DOT.search(formula):
            return parse(formula, source.names), ()
        named = set(re.findall(r"[^\W\d]\w*", _DOT.sub(" ", formula))) | ({weights} if weights else set())
        chosen, notes = _choose([f for f in source.fields if f.name not in {*named, aside}], learner)
        present = [n for n in source.names if n in named]  # the parser takes away what the formula names
        return parse(formula, [*present, *chosen]), notes
    targets = [target] if isinstance(target, str) else list(target or source.target or ())
    if not targets:
        raise OptionError("Say what to predict: a formula such as 'y ~ x', or a target column.")
    for name in [*targets, *(features or ())]:
        source.field(name)
    if features is not None:
        wanted = [features] if isinstance(features, str) else list(dict.fromkeys(features))
        if set(wanted) & set(targets):
            raise OptionError(
                f"The target {listed(sorted(set(wanted) & set(targets)))} is among the features; leave it out of them."
            )
        return plain(targets, wanted), ()
    others = [f for f in source.fields if f.name not in (*targets, weights, aside)]
    chosen, notes = _choose(others, learner)
    if not chosen:
        raise ColumnError(
            f"No column of {source.label} can serve as a feature{_because(notes)}; name the features, or give a formula."
        )
    return plain(targets, chosen), notes


def _because(notes: Sequence[str]) -> str:
    return f" ({notes[0].split('. Name ')[0][0].lower()}{notes[0].split('. Name ')[0][1:]})" if notes else ""


def _choose(fields: Sequence[Field], learner: _Learner) -> tuple[list[str], tuple[str, ...]]:
    """Columns that can serve as features, and a sentence for each kind that is left out."""
    levels = learner.profile([f.name for f in fields if f.kind is Kind.TEXT]).levels.parts
    left: dict[str, list[str]] = {}
    chosen = []
    for f in fields:
        if f.note == "mixed dates":  # not even leaving it out is safe: nobody knows what it says
            raise ColumnError(
                f"Column {readable(f.name)} mixes several ways to write a date, so its dates are ambiguous; write them all as 2024-02-01, or name the features to leave it out."
            )
        reason = _unfit(f, levels.get(f.name))
        if f.name.casefold() in _COUNTERS and f.kind is Kind.NUMBER and _counts_rows(learner.source, f.name):
            reason = "it numbers the rows, as an index that some program wrote"
        if reason is None:
            chosen.append(f.name)
        else:
            left.setdefault(reason, []).append(f.name)
    notes = [
        f"Left out {listed(names, most=8)}: {reason}. Name {'it' if len(names) == 1 else 'them'} in a formula or as features to use "
        f"{'it' if len(names) == 1 else 'them'} all the same."
        for reason, names in left.items()
    ]
    return chosen, tuple(notes)


def _counts_rows(source: Source, name: str) -> bool:
    """Whether a column holds the rows' own numbers, from 0 or from 1, as far as the first batch shows."""
    batch = next(iter(source.batches([name])), None)
    if batch is None or batch.rows < 3:
        return False
    count = torch.arange(batch.rows, dtype=torch.float64)
    values = batch.numbers([name])[:, 0].cpu()
    return torch.equal(values, count) or torch.equal(values, count + 1)


def _unfit(f: Field, found: Levels | None) -> str | None:
    """Why a column that nobody asked for should not be a feature, or None when it can be."""
    if f.kind is Kind.DATE:
        return "dates are not numbers"
    if f.kind is Kind.OTHER:
        return "neither numbers nor text"
    if f.kind is Kind.EMPTY:
        return "every value is missing"
    if found is None:
        return None
    distinct = len(found.counts)
    if distinct == 0:
        return "every value is missing"
    if found.overflowing or distinct > 0.5 * found.present:
        return "nearly every row has a text of its own, so it looks like an identifier"
    if distinct > MOST_LEVELS:
        return f"a text of over {MOST_LEVELS} levels looks like an identifier"
    if distinct == 1 and not found.missing:
        return "every row has the same text"
    return None


@dataclass(frozen=True, slots=True)
class _Draft:
    """A recipe whose pieces are matched to columns, before levels are known."""

    recipe: Recipe
    kinds: dict[Piece, Factor | Category]
    responses: tuple[Factor, ...]
    weights: str | None
    missing: str

    @property
    def categories(self) -> list[str]:
        return [k.column for k in self.kinds.values() if isinstance(k, Category)]

    @property
    def numbers(self) -> list[str]:
        factors = [k for k in self.kinds.values() if isinstance(k, Factor)]
        return list(
            dict.fromkeys(c for f in factors for c in ([f.column] if f.kind == "number" else expression(f.text).columns))
        )


def _draft(source: Source, recipe: Recipe, weights: str | None, missing: str) -> _Draft:
    kinds: dict[Piece, Factor | Category] = {}
    for piece in dict.fromkeys(p for term in recipe.terms for p in term):
        category = as_category(piece)
        if category is not None:
            if source.field(category.column).kind not in (Kind.TEXT, Kind.NUMBER):
                raise _unusable(source.field(category.column))
            kinds[piece] = category
        elif piece.column and source.field(piece.text).kind is Kind.TEXT:
            kinds[piece] = Category(piece.text, None)
        else:
            kinds[piece] = _number(source, piece, "a feature")
    return _Draft(recipe, kinds, tuple(_number(source, r, "the target") for r in recipe.responses), weights, missing)


def _number(source: Source, piece: Piece, role: str) -> Factor:
    """A piece that must give numbers: a number column, or an expression of such."""
    columns = [piece.text] if piece.column else expression(piece.text).columns
    for name in columns:
        f = source.field(name)
        if f.kind is Kind.TEXT:
            raise ColumnError(
                f"Column {readable(name)} is text, and {role} must be numbers; "
                + ("choose another target." if role == "the target" else f"write C({name}) for categories.")
            )
        if f.kind is not Kind.NUMBER:
            raise _unusable(f)
    if not piece.column and role == "the target" and expression(piece.text).width > 1:
        raise FormulaError(f"The response {readable(piece.text)} gives several columns; a target is one column.")
    return Factor(piece.text, "number", piece.text) if piece.column else Factor(piece.text, "expression")


def _unusable(f: Field) -> ColumnError:
    what = {Kind.DATE: "holds dates", Kind.EMPTY: "has no values at all: every one is missing"}.get(
        f.kind, "is neither numbers nor text"
    )
    return ColumnError(f"Column {readable(f.name)} {what}; leave it out, or turn it into numbers before fitting.")


def _coded(draft: _Draft, source: Source, levels: Mapping[str, Levels]) -> tuple[Design, list[str]]:
    """The design with its columns spelt out, and remarks on categories that say nothing."""
    factors = [_settled(kind, piece, draft, source, levels) for piece, kind in draft.kinds.items()]
    number_of = {piece: i for i, piece in enumerate(draft.kinds)}
    terms = []
    for term in draft.recipe.terms:
        ids = [number_of[piece] for piece in term]
        numeric = [i for i in ids if factors[i].kind != "category"]
        terms.append((frozenset[object](numeric), [i for i in ids if factors[i].kind == "category"]))
    columns: list[Column] = []
    for term, coding in zip(draft.recipe.terms, codings(terms, intercept=draft.recipe.intercept), strict=True):
        ids = [number_of[piece] for piece in term]
        text = ":".join(piece.text for piece in term)
        for product in coding:
            columns.extend(
                _columns_of(text, [i for i in ids if factors[i].kind != "category" or i in product], factors, product)
            )
            if len(columns) > MOST_COLUMNS:
                raise DataError(
                    f"The design has more than {MOST_COLUMNS:,} columns (reached in {readable(text)}); leave out columns with many "
                    f"levels, or work on the rows where they are fewer: bestline.Ridge for l2, bestline.Lasso or bestline.LassoCV for l1."
                )
    single = [f.column for f in factors if f.kind == "category" and len(f.levels) == 1]
    remarks = [f"{listed(single)} has one level only, so it says nothing beside the intercept."] if single else []
    design = Design(
        draft.recipe.text, draft.responses, draft.recipe.intercept, tuple(factors), tuple(columns), draft.weights, draft.missing
    )
    return design, remarks


def _settled(kind: Factor | Category, piece: Piece, draft: _Draft, source: Source, found: Mapping[str, Levels]) -> Factor:
    if isinstance(kind, Factor):
        return kind
    own = found[kind.column]
    if own.overflowing:
        raise ColumnError(
            f"Column {readable(kind.column)} has more than {MOST_TEXTS:,} levels; it looks like an identifier, leave it out."
        )
    counts, levels = dict(own.counts), _ordered(own.counts, source.field(kind.column))
    if kind.reference is not None:
        if kind.reference not in levels:
            raise ColumnError.missing(kind.reference, levels, f"the levels of {readable(kind.column)}")
        levels.remove(kind.reference)
        levels.insert(0, kind.reference)
    if draft.missing == "impute" and own.missing:
        levels.append(MISSING_LEVEL)
        counts[MISSING_LEVEL] = counts.get(MISSING_LEVEL, 0) + own.missing
    if not levels:
        raise ColumnError(f"Column {readable(kind.column)} has no values at all: every one is missing; leave it out.")
    total = sum(counts[level] for level in levels)
    return Factor(piece.text, "category", kind.column, tuple(levels), tuple(counts[level] / total for level in levels))


def _ordered(levels: Counter[str], f: Field) -> list[str]:
    """Levels in the order their type declares, of numbers by size, else by the alphabet."""
    present = [level for level in levels if level != MISSING_LEVEL]
    if f.levels is not None:
        return [level for level in f.levels if level in levels]
    try:
        return sorted(present, key=lambda level: (float(level), level))
    except ValueError:
        return sorted(present)


def _columns_of(term: str, ids: Sequence[int], factors: Sequence[Factor], product: dict[object, bool]) -> Iterator[Column]:
    """Columns of one product, the first factor's components running fastest."""
    made: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", ())]
    for i in reversed(ids):
        options = _components(factors[i], full=product.get(i, False))
        made = [(f"{label}:{name}" if name else label, ((i, at), *parts)) for name, parts in made for label, at in options]
    for name, parts in made:
        yield Column(name, term, parts)


def _components(factor: Factor, *, full: bool) -> list[tuple[str, int]]:
    if factor.kind == "category":
        if full:
            return [(f"{factor.text}[{level}]", at) for at, level in enumerate(factor.levels)]
        return [(f"{factor.text}[T.{level}]", at) for at, level in enumerate(factor.levels) if at > 0]
    width = expression(factor.text).width if factor.kind == "expression" else 1
    return [(factor.text, 0)] if width == 1 else [(f"{factor.text}[{d + 1}]", d) for d in range(width)]


def _means(numbers: Sequence[str], found: Mapping[str, Mean]) -> dict[str, float]:
    empty = [name for name in numbers if found[name].weight == 0]
    if empty:
        raise MissingValuesError(f"{listed(empty)} has no values in the training rows, so no mean to impute; leave it out.")
    return {name: found[name].mean for name in numbers}


def _target_notes(design: Design, source: Source) -> list[str]:
    notes = []
    for response in design.responses:
        if response.kind == "number" and source.field(response.column).note == "bool":
            notes.append(
                f"The target {readable(response.text)} is true or false: the line is fitted to 0 and 1, a linear probability."
            )
        elif response.kind == "expression":
            notes.append(
                f"The target is {readable(response.text)}: predictions and errors are in its units, and turning a prediction back does "
                f"not give the mean of {listed(expression(response.text).columns)}."
            )
    return notes


def missing_values(design: Design, source: Source) -> MissingValuesError:
    """The refusal of missing values, with how many there are in which column."""
    gaps = source.reduce(CountGaps(tuple(design.reads()), frozenset(design.texts)))
    counts = ", ".join(f"{readable(name)} {count:,}" for name, count in gaps.columns.parts.items() if count)
    return MissingValuesError(
        f"{gaps.gapped:,} of the {gaps.rows:,} rows of {source.label} have missing values ({counts}); choose missing='drop' (--missing drop) "
        f"to leave them out, or missing='impute' to fill them in."
    )


__all__ = ["Encoded", "learn", "missing_values"]
