"""Design: which columns a formula becomes, learnt once and frozen, so that any batch of any table is encoded alike.

A design is row-local: what a row becomes depends on that row alone, so batch by batch equals all at once.

The columns of X are products of factors: `y ~ x + C(g):x` has the factors x, one column, and C(g), one column a level; x and each
product of a level with x is a column of X.

A file with a design may come from anywhere, so each part is checked before anything is computed with it. Whatever in it is not what
a design can be raises ValueError or KeyError, and an expression that formulas do not allow raises FormulaError: nothing in a file is
ever run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from bestline.data.design.expressions import State, expression
from bestline.data.tables import Batch, Source
from bestline.errors import ColumnError, MissingValuesError, NotFiniteError, UnseenLevelError, listed, readable
from bestline.numerics import Features, Rows, Targets

MISSING_LEVEL = "(missing)"


@dataclass(frozen=True, slots=True)
class Factor:
    """What terms multiply.

    Attributes
    ----------
    text : str
        As written in the formula.
    kind : str
        "number" (a column as it stands), "expression" or "category".
    column : str
        The column of a number or category; empty for an expression.
    levels : tuple of str
        Of a category, the reference level first.
    shares : tuple of float
        Share of each level in the training rows.
    """

    text: str
    kind: str
    column: str = ""
    levels: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def numbers(self) -> list[str]:
        """Columns of the table that are read as numbers for it."""
        return [self.column] if self.kind == "number" else expression(self.text).columns if self.kind == "expression" else []

    @property
    def width(self) -> int:
        """How many components it has: levels, or columns of a polynomial."""
        return len(self.levels) if self.kind == "category" else expression(self.text).width if self.kind == "expression" else 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column of X: a product of parts, each the component (level, or degree less one) of a factor."""

    name: str
    term: str
    parts: tuple[tuple[int, int], ...]


def _numbers_read(factors: Sequence[Factor]) -> list[str]:
    """Number columns that factors are made of: those that stand as they are first, in order, then those of expressions."""
    # Columns that stand in X as they are come first, in X's order: then they can be read as one block.
    ordered = sorted(factors, key=lambda f: f.kind != "number")  # the sort is stable
    return list(dict.fromkeys(name for f in ordered for name in f.numbers))


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A batch as numbers, and what happened to its missing values.

    Attributes
    ----------
    rows : Rows
    index : Tensor or None
        Positions in the batch of the rows that were used; None = all of them.
    imputed : dict
        Column -> number of values filled in.
    """

    rows: Rows
    index: Tensor | None
    imputed: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """What every column of X, y and w is made of.

    Attributes
    ----------
    formula : str
        The formula, or the one that the named columns amount to.
    responses : tuple of Factor
        The targets (k,), each a number or an expression.
    intercept : bool
    factors, columns
        Columns (p,) of X are products of factors.
    weights : str or None
        Column of weights.
    missing : str
        "raise", "drop" or "impute".
    means : dict
        Column -> the training mean that fills its gaps.
    states : dict
        What stateful functions learnt.
    kinds : dict
        Source column -> "number" or "text": what prediction expects.
    table : tuple of str
        Columns of the training table in its order, without targets and weights: how bare arrays are read at prediction.
    notes : tuple of str
        What the user should know about how the columns were chosen.
    """

    formula: str
    responses: tuple[Factor, ...]
    intercept: bool
    factors: tuple[Factor, ...]
    columns: tuple[Column, ...]
    weights: str | None = None
    missing: str = "raise"
    means: dict[str, float] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    table: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of X, (p,)."""
        return tuple(c.name for c in self.columns)

    @property
    def p(self) -> int:
        """Number of columns of X."""
        return len(self.columns)

    @property
    def indicators(self) -> tuple[int, ...]:
        """Columns that are 0 or 1: products of categories alone."""
        return tuple(j for j, c in enumerate(self.columns) if all(self.factors[i].kind == "category" for i, _ in c.parts))

    @property
    def texts(self) -> list[str]:
        """Columns of categories: files are to give them as they are written, `01234` and not 1234."""
        return list(dict.fromkeys(f.column for f in self.factors if f.kind == "category"))

    @property
    def needs(self) -> list[str]:
        """Columns of the table that X is made of."""
        return list(dict.fromkeys([*self.number_columns(), *(f.column for f in self.factors if f.kind == "category")]))

    @property
    def target_columns(self) -> list[str]:
        """Columns of the table that y is made of."""
        return _numbers_read(self.responses)

    def reads(self) -> list[str]:
        """Every column of the table that training needs."""
        return list(dict.fromkeys([*self.needs, *self.target_columns, *([self.weights] if self.weights else [])]))

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets, (k,)."""
        return tuple(r.text for r in self.responses)

    def check(self, source: Source, *, target: bool) -> None:
        """Raise ColumnError when `source` lacks a column or has text where numbers were; order does not matter."""
        for name in self.reads() if target else self.needs:
            source.field(name)

    def rows(self, batch: Batch) -> Encoded:
        """X, y and w of a batch, its missing values refused, dropped or imputed as the design says.

        A row whose target or weight is missing is never imputed: it is dropped, unless missing values are refused.
        """
        y = self._targets(batch)
        w = batch.numbers([self.weights])[:, 0] if self.weights else None
        # One sum says whether any number is missing, at a fraction of the cost of looking at each.
        gaps = torch.isnan(y).any(1) if bool(y.sum().isnan()) else torch.zeros(len(y), dtype=torch.bool, device=y.device)
        if w is not None:
            gaps = gaps | torch.isnan(w)
            if (w < 0).any() or torch.isinf(w).any():
                i = int(torch.nonzero((w < 0) | torch.isinf(w))[0])
                raise ColumnError(
                    f"The weight in column {readable(str(self.weights))} at {batch.where(i)} is {float(w[i]):g}; weights must be finite and not negative."
                )
        # X knows which of its own rows have holes; targets and weights add theirs.
        X, holes, imputed = self._encode(batch, "raise")
        gaps = (gaps.to(X.device) | holes) if holes is not None else gaps
        if not bool(gaps.any()):
            index = None
        elif self.missing == "raise":
            raise self._refusal(batch, int(torch.nonzero(gaps)[0]), self.reads())
        else:
            # Row-local: which rows are dropped depends on each row alone, so any batches drop the same.
            index = torch.nonzero(~gaps)[:, 0]
            X, y, w = X[index], y[index], None if w is None else w[index]
        return Encoded(Rows(X, y, w), index, imputed)

    def features(self, batch: Batch, *, on_unseen: str = "raise") -> tuple[Features, dict[str, int]]:
        """X (n, p) of every row of a batch, for prediction, and how many values were imputed, by column.

        Rows that cannot be predicted are NaN: those with missing values when the design drops them, and, with
        `on_unseen="nan"`, those with a level that training never saw.
        """
        X, holes, imputed = self._encode(batch, on_unseen)
        if holes is not None and bool(holes.any()):
            if self.missing == "raise":
                raise self._refusal(batch, int(torch.nonzero(holes)[0]), self.needs)
            # A row with a hole in any column has no prediction at all: a part of one would be a wrong number.
            X = torch.where(holes[:, None], float("nan"), X)
        return X, imputed

    def to_dict(self) -> dict[str, Any]:
        """The design as JSON."""
        return {name: value for name, value in asdict(self).items() if name != "notes"}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Design:
        """The design that `to_dict` wrote; expressions are checked anew."""
        factors, responses = (tuple(_stored_factor(f) for f in facts[name]) for name in ("factors", "responses"))
        states = {str(k): _stored_state(v) for k, v in facts["states"].items()}
        _check_states((*factors, *responses), states)
        if not responses or any(r.kind == "category" for r in responses):
            raise ValueError("targets that are no numbers")
        if facts["missing"] not in ("raise", "drop", "impute"):
            raise ValueError("an unknown rule for missing values")
        return cls(
            formula=str(facts["formula"]),
            responses=responses,
            intercept=bool(facts["intercept"]),
            factors=factors,
            columns=tuple(_stored_column(c, factors) for c in facts["columns"]),
            weights=None if facts["weights"] is None else str(facts["weights"]),
            missing=str(facts["missing"]),
            means={str(k): float(v) for k, v in facts["means"].items()},
            states=states,
            table=tuple(map(str, facts["table"])),
        )

    def number_columns(self) -> list[str]:
        """Number columns that X is made of, those that stand in X as they are first and in X's order."""
        return _numbers_read(self.factors)

    def _targets(self, batch: Batch) -> Targets:
        names = self.target_columns
        values = batch.numbers(names)
        _refuse_infinite(values, names, batch)
        if all(r.kind == "number" for r in self.responses):
            return values
        columns = {name: values[:, j] for j, name in enumerate(names)}
        targets = []
        for response in self.responses:
            targets.append(
                columns[response.column] if response.kind == "number" else expression(response.text)(columns, self.states)
            )
            if response.kind == "expression":
                _refuse_undefined(targets[-1], torch.isnan(values).any(1), response.text, columns, batch)
        return torch.stack(targets, 1)

    def _encode(self, batch: Batch, on_unseen: str) -> tuple[Features, Tensor | None, dict[str, int]]:
        """X, which rows have gaps that are not filled (None: none can have), and how many values were filled in."""
        # Numbers of all factors are read at once: columns of one block come out as one matrix, with one copy.
        names = self.number_columns()
        numbers = batch.numbers(names)
        imputed: dict[str, int] = {}
        holes = None
        if not bool(numbers.sum().isfinite()):
            _refuse_infinite(numbers, names, batch)
            numbers, holes, imputed = self.filled(numbers, names)
        # Plain columns in their order are the table's own memory, where it is one matrix: nothing is copied.
        if all(f.kind == "number" for f in self.factors) and [c.parts for c in self.columns] == [
            ((j, 0),) for j in range(self.p)
        ]:
            return numbers, holes, imputed
        parts: list[Tensor] = []
        values = {name: numbers[:, j] for j, name in enumerate(names)}
        for factor in self.factors:
            if factor.kind == "category":
                part, gap = self.one_hot(factor, batch, on_unseen, imputed)
                part = part.to(numbers.device)
                if gap is not None:
                    holes = gap if holes is None else holes | gap
            elif factor.kind == "number":
                part = values[factor.column][:, None]
            else:
                part = expression(factor.text)(values, self.states)
                _refuse_undefined(part, holes, factor.text, values, batch)
                part = part[:, None] if part.ndim == 1 else part
            parts.append(part)
        # Column by column, each a product of the components of its factors: X[:, j] = prod parts.
        X = torch.empty(batch.rows, self.p, dtype=torch.float64, device=numbers.device)
        for j, column in enumerate(self.columns):
            (first, at), *others = column.parts
            X[:, j] = parts[first][:, at]
            for factor_index, component in others:
                X[:, j] *= parts[factor_index][:, component]
        return X, holes, imputed

    def filled(self, numbers: Tensor, names: Sequence[str]) -> tuple[Tensor, Tensor | None, dict[str, int]]:
        """Numbers (n, columns) without gaps, which rows have some that stay (None: none), and how many were imputed, by column."""
        gaps = torch.isnan(numbers)
        if self.missing != "impute":
            # Any number will do, for the row is dropped or refused; 1 is in the range of log and of division.
            return numbers.nan_to_num(1.0), gaps.any(1), {}
        means = torch.tensor([self.means.get(name, float("nan")) for name in names], dtype=torch.float64, device=numbers.device)
        filled = torch.where(gaps, means, numbers)
        counts = {name: int(c) for name, c in zip(names, gaps.sum(0), strict=True) if c}
        return filled, None, counts

    def one_hot(self, factor: Factor, batch: Batch, on_unseen: str, imputed: dict[str, int]) -> tuple[Tensor, Tensor | None]:
        """One column a level (n, levels), and which rows miss the value and are not filled in."""
        codes, seen = batch.text(factor.column)
        known = {level: i for i, level in enumerate(factor.levels)}
        # Codes of this batch's levels to those of the design: -2 for a level that training never saw, -1 for a missing value.
        table = torch.tensor([*(known.get(level, -2) for level in seen), -1])  # the last entry is that of code -1
        index = table[codes.cpu()]
        # Row j of the identity is the indicator of level j; the clamp is for codes below 0, which are mended below.
        indicators = torch.eye(len(factor.levels), dtype=torch.float64)
        one_hot = indicators[index.clamp(min=0)]
        if bool((index == -2).any()):
            i = int(torch.nonzero(index == -2)[0])
            if on_unseen == "raise":
                raise UnseenLevelError(seen[int(codes[i])], factor.column, batch.where(i), factor.levels)
            one_hot[index == -2] = float("nan")
        missing = index == -1
        if not bool(missing.any()):
            return one_hot, None
        if self.missing != "impute":
            return one_hot, missing.to(codes.device)
        imputed[factor.column] = int(missing.sum())
        # Training had no gaps in this column, or it would have a level of its own: fill with the mean of its columns.
        level = known.get(MISSING_LEVEL)
        one_hot[missing] = torch.tensor(factor.shares, dtype=torch.float64) if level is None else indicators[level]
        return one_hot, None

    def _refusal(self, batch: Batch, i: int, names: Sequence[str]) -> MissingValuesError:
        texts = self.texts
        # Only now, for the message, is each column looked at on its own.
        gaps = [n for n in names if (int(batch.text(n)[0][i]) < 0 if n in texts else bool(batch.numbers([n])[i].isnan().any()))]
        return MissingValuesError(
            f"{listed(gaps)} has no value at {batch.where(i)}, and this line was fitted to rows without gaps; fill it in, leave the row "
            f"out, or fit again with missing='impute' or 'drop'."
        )


def _refuse_infinite(values: Tensor, names: Sequence[str], batch: Batch) -> None:
    infinite = torch.isinf(values)
    if bool(infinite.any()):
        i, j = torch.nonzero(infinite)[0].tolist()
        raise NotFiniteError(
            f"Column {readable(names[j])} is infinite at {batch.where(i)}; correct the value or leave the row out of the file."
        )


def _refuse_undefined(values: Tensor, holes: Tensor | None, text: str, columns: Mapping[str, Tensor], batch: Batch) -> None:
    """An expression that is not a number although its columns are, such as log(0), is an error, not a missing value."""
    undefined = ~torch.isfinite(values if values.ndim == 1 else values.sum(1))
    if holes is not None:
        undefined = undefined & ~holes
    if bool(undefined.any()):
        i = int(torch.nonzero(undefined)[0])
        given = ", ".join(f"{readable(c)} = {float(columns[c][i]):g}" for c in expression(text).columns)
        raise NotFiniteError(
            f"{readable(text)} is not a finite number at {batch.where(i)}, where {given}; change the formula, or leave such rows out."
        )


def _stored_factor(facts: Mapping[str, Any]) -> Factor:
    """A factor as JSON has it."""
    kind = facts["kind"]
    if kind not in ("number", "expression", "category"):
        raise ValueError(f"a factor of the unknown kind {kind!r}")
    if kind == "expression":
        expression(str(facts["text"]))  # a text that is not allowed ends here, before anything is computed
    levels, shares = tuple(map(str, facts["levels"])), tuple(map(float, facts["shares"]))
    if len(levels) != len(shares) or (kind == "category") != bool(levels):
        raise ValueError("a category without levels and shares that match")
    return Factor(str(facts["text"]), kind, str(facts["column"]), levels, shares)


def _stored_state(facts: Mapping[str, Any]) -> State:
    """The state of a stateful call: numbers, and for polynomials a square matrix of them."""
    state: State = {str(k): float(v) for k, v in facts.items() if k != "basis"}
    if "basis" in facts:
        state["basis"] = [[float(x) for x in row] for row in facts["basis"]]
        if any(len(row) != len(state["basis"]) for row in state["basis"]):
            raise ValueError("a basis that is not square")
    numbers = [x for v in state.values() for row in (v if isinstance(v, list) else [[v]]) for x in row]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a state with numbers that are not finite")
    return state


def _check_states(factors: Sequence[Factor], states: Mapping[str, State]) -> None:
    """Raise ValueError when a stateful call of the expressions lacks its state, or has another's."""
    # A file that leaves a state out, or brings another's, would be computed with numbers that nobody learnt.
    needed = {"center": {"mean"}, "scale": {"mean", "deviation"}, "poly": {"middle", "half", "basis"}}
    for call in (c for f in factors if f.kind == "expression" for c in expression(f.text).calls):
        state = states.get(call.text, {})
        if set(state) != needed[call.kind] or ("basis" in state and len(state["basis"]) != call.degree + 1):
            raise ValueError(f"no state for {call.text}")


def _stored_column(facts: Mapping[str, Any], factors: Sequence[Factor]) -> Column:
    """A column as JSON has it, of parts that `factors` have."""
    # Every index is held against what the factors have: nothing in a file can reach beside its table.
    parts = tuple((int(i), int(j)) for i, j in facts["parts"])
    if not parts or any(not (0 <= i < len(factors) and 0 <= j < factors[i].width) for i, j in parts):
        raise ValueError("a column of parts that do not exist")
    return Column(str(facts["name"]), str(facts["term"]), parts)
