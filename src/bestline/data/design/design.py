"""Design: which columns a formula becomes, learnt once and frozen, so that any batch of any table is encoded alike.

A design is row-local: what a row becomes depends on that row alone, so batch by batch equals all at once.

The columns of X are products of factors: `y ~ x + C(g):x` has the factors x, one column, and C(g), one column a level; x and each
product of a level with x is a column of X.

A file with a design may come from anywhere, so each part is checked before anything is computed with it. Whatever in it is not what
a design can be raises ValueError or KeyError, and an expression that formulas do not allow raises FormulaError: nothing in a file is
ever run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import torch
from torch import Tensor

import bestline.files as store
from bestline.calls import needed
from bestline.data.design.absorbed import Absorbed
from bestline.data.design.encoded import Columns, Encoded, NewRows, Part, either, laid_out
from bestline.data.design.expressions import State, expression
from bestline.data.design.factors import (
    Coded,
    Column,
    Factor,
    check_states,
    less,
    numbers_read,
    one_hot,
    stored_column,
    stored_factor,
    stored_state,
)
from bestline.data.design.profiles import gaps_in
from bestline.data.design.weight_kinds import ANALYTIC, FREQUENCY, checked_kind, refuse_weights
from bestline.data.tables import Batch, Source
from bestline.errors import MissingValuesError, NotFiniteError, listed, readable
from bestline.numerics import Rows, RowVector, Targets

_FORMAT = 1  # of a design as JSON


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
    rounded : tuple of str
        Columns of the training table whose numbers float64 could not hold, such as integers beyond 2**53.
    notes : tuple of str
        What the user should know about how the columns were chosen.
    beside : tuple of str
        Columns that a training row must have a value of though the line does not read them, such as those of clusters.
    weight_kind : str
        What the weights are: "analytic", "frequency" or "probability".
    absorbed : Absorbed or None
        Effects of levels that are taken out of every column, and are not columns themselves.
    offsets : tuple of Factor
        Known parts of the target, with the weight 1.
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
    rounded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    weight_kind: str = ANALYTIC
    absorbed: Absorbed | None = None
    offsets: tuple[Factor, ...] = ()

    @property
    def trained(self) -> tuple[Factor, ...]:
        """What the line is trained on (k,): the targets without what is known of them."""
        return less(self.responses, self.offsets)

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
        categories = (f.column for f in self.factors if f.kind == "category")
        return list(dict.fromkeys([*categories, *(() if self.absorbed is None else self.absorbed.columns)]))

    @property
    def words(self) -> list[str]:
        """Those of them that no number is taken from."""
        numbers = {*self.number_columns(), *self.target_columns, self.weights}
        return [name for name in self.texts if name not in numbers]

    @property
    def needs(self) -> list[str]:
        """Columns of the table that predictions are made of."""
        return list(dict.fromkeys([*self.number_columns(), *self.texts, *numbers_read(self.offsets)]))

    @property
    def target_columns(self) -> list[str]:
        """Columns of the table that y is made of."""
        return numbers_read(self.trained)

    def reads(self) -> list[str]:
        """Every column of the table that training needs."""
        weights = [self.weights] if self.weights else []
        return list(dict.fromkeys([*self.needs, *self.target_columns, *weights, *self.beside]))

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets, (k,)."""
        return tuple(r.text for r in self.responses)

    @property
    def levels_taken(self) -> int:
        """Degrees of freedom that absorbed effects take."""
        return 0 if self.absorbed is None else self.absorbed.weights

    def as_read(self, source: Source) -> Design:
        """The same, with the columns whose whole numbers float64 has rounded, as far as the source has been read."""
        numbers = {name for f in (*self.factors, *self.trained) for name in f.numbers}
        return replace(self, rounded=source.rounded(numbers))

    @property
    def verbatim(self) -> bool:
        """Whether X and y are columns of numbers as they are read, in their order."""
        plain = all(r.kind == "number" for r in self.trained) and self.missing != "impute"
        return self.absorbed is None and self._as_it_stands and plain

    def check(self, source: Source, *, target: bool) -> None:
        """Raise ColumnError when `source` lacks a column or has text where numbers were; order does not matter."""
        for name in self.reads() if target else self.needs:
            source.field(name)

    def plain(self, batch: Batch) -> Rows | None:
        """X and y as they stand in the batch, in their own precision, whatever they hold; None where anything has to be computed."""
        as_it_stands = self._as_it_stands and all(r.kind == "number" for r in self.trained)
        if self.weights or self.beside or self.absorbed is not None or not as_it_stands:
            return None
        X, y = batch.matrix(self.number_columns()), batch.matrix(self.target_columns)
        return None if X is None or y is None or X.device != y.device else Rows(X, y)

    def rows(self, batch: Batch, *, on_unseen: str = "nan") -> Encoded:
        """X, y and w of the rows of a batch that count, missing values refused, dropped or imputed as the design says.

        A row of weight 0 is not there, whatever it holds. A row whose target or weight is missing, or a value beside, is never imputed: it is
        dropped, unless missing values are refused. A row with a level that no training row has is left out, whatever the design says of
        missing values; `on_unseen` may say otherwise, as in `features`.
        """
        w = self._weights(batch)
        absent = w == 0 if w is not None and bool((w == 0).any()) else None
        placed = None if self.absorbed is None else self.absorbed.placed(batch)
        if placed is not None and placed.single is not None:
            absent = either(absent, placed.single)
        y = self.target_values(batch, absent)
        # One sum says whether any number is missing, at a fraction of the cost of looking at each.
        gaps = torch.isnan(y).any(1) if bool(y.sum().isnan()) else torch.zeros(len(y), dtype=torch.bool, device=y.device)
        if w is not None:
            gaps = gaps | torch.isnan(w)
        for name in self.beside if self.absorbed is None else [n for n in self.beside if n not in self.absorbed.columns]:
            gaps = gaps | batch.lacks(name).to(gaps.device)
        gaps = either(gaps, None if placed is None else placed.missing)
        skipped = either(gaps, absent)
        found = self._encode(batch, skipped if bool(skipped.any()) else None, on_unseen)
        # X knows which of its own rows have holes; targets and weights add theirs.
        gaps = either(gaps.to(found.X.device), found.holes)
        if absent is not None:
            gaps = gaps & ~absent.to(gaps.device)
        if placed is not None:
            found.note_unseen(*placed.strange((~either(gaps, absent)).cpu(), batch, on_unseen), on_unseen)
        gapped = bool(gaps.any())
        if gapped and self.missing == "raise":
            raise self._refusal(batch, int(torch.nonzero(gaps)[0]))
        left = either(gaps, absent, found.strange)
        X, index = found.X, None
        if bool(left.any()):
            # Row-local: which rows are left out depends on each row alone, so any batches leave out the same.
            index = torch.nonzero(~left)[:, 0]
            X, y, w = X[index], y[index], None if w is None else w[index]
        strange = 0 if found.strange is None else int((found.strange & ~gaps).sum())
        read = Rows(X, y, w, copies=self.weight_kind == FREQUENCY)
        rows, height = (read, None) if placed is None else placed.rests(read, index)
        return Encoded(rows, index, found.imputed, gaps if gapped else None, found.unseen, strange, height)

    def features(self, batch: Batch, *, on_unseen: str = "nan") -> NewRows:
        """X (n, p) of every row of a batch, for prediction, NaN in rows that cannot be predicted.

        Those are rows with missing values, unless the design imputes them, and rows with a level that no training row has, unless
        `on_unseen` is "raise", or "average": then such a row counts as every level, each by its share in the training rows.
        """
        found, known = self._encode(batch, None, on_unseen), self.known(batch)
        if known is not None and bool(known.isnan().any()):
            found.holes = either(known.isnan(), found.holes)
        placed, height = (None if self.absorbed is None else self.absorbed.placed(batch)), None
        if placed is not None:
            found.holes = None if found.holes is None and placed.missing is None else either(found.holes, placed.missing)
            every = torch.ones(len(found.X), dtype=torch.bool) if found.holes is None else ~found.holes
            found.note_unseen(*placed.strange(every.cpu(), batch, on_unseen), on_unseen)
            rests, height = placed.rests(Rows(found.X, found.X.new_zeros(len(found.X), len(self.responses))))
            found.X = rests.X
        gapped = 0 if found.holes is None else int(found.holes.sum())
        gaps = self.gaps(batch, found.holes, self.needs) if gapped else {}
        lacking = None
        if gapped or found.strange is not None:
            # A row with a hole in any column has no prediction at all: a part of one would be a wrong number.
            nothing = torch.zeros(len(found.X), dtype=torch.bool, device=found.X.device)
            lacking = either(nothing, found.holes, found.strange)
            found.X = torch.where(lacking[:, None], float("nan"), found.X)
        return NewRows(found.X, lacking, gapped, gaps, found.imputed, found.unseen, tuple(found.beyond), height, known)

    def gaps(self, batch: Batch, among: Tensor | None, names: Sequence[str]) -> dict[str, int]:
        """How many of the rows `among` (n,) lack the value of each of these columns; columns without gaps are not named."""
        if among is None:
            return {}
        counts = {name: int((gap & among.cpu()).sum()) for name, gap in gaps_in(batch, names, self.texts).items()}
        return {name: count for name, count in counts.items() if count}

    def forgiving(self) -> Design:
        """The same design for rows that need not train: where training refuses rows with missing values, it leaves them out.

        What only training looks at, such as clusters, they need not have.
        """
        apart = None if self.absorbed is None else self.absorbed.forgiving()
        return replace(self, missing="drop" if self.missing == "raise" else self.missing, beside=(), absorbed=apart)

    def to_dict(self) -> dict[str, Any]:
        """The design as JSON."""
        unsaid = {"notes", "absorbed", *(name for name in ("beside", "offsets") if not getattr(self, name))}
        unsaid |= {"weight_kind"} if self.weight_kind == ANALYTIC else set()
        told = {name: value for name, value in asdict(replace(self, absorbed=None)).items() if name not in unsaid}
        for factor in (*told["factors"], *told["responses"], *told.get("offsets", ())):
            if factor["coding"] == "treatment":  # which nobody needs to be told
                del factor["coding"]
        return told if self.absorbed is None else {**told, "absorbed": self.absorbed.to_dict()}

    def to_json(self) -> str:
        """The design as a text, to be kept or sent to where rows are; nothing in it is ever run."""
        return store.to_json("design", _FORMAT, self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The design that `to_json` wrote.

        Raises ModelFileError where it is none, is damaged, or was written by a newer bestline.
        """
        needed(text, str, "A design is made of the text of `to_json`")
        _, facts = store.from_json(text, "design", _FORMAT)
        with store.restoring(None, "design"):
            return cls.from_dict(facts)

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Self:
        """The design that `to_dict` wrote; expressions are checked anew."""
        told = facts["factors"], facts["responses"], facts.get("offsets", ())
        factors, responses, offsets = (tuple(map(stored_factor, some)) for some in told)
        states = {str(k): stored_state(v) for k, v in facts["states"].items()}
        check_states((*factors, *responses, *offsets), states)
        if not responses or any(r.kind == "category" for r in (*responses, *offsets)):
            raise ValueError("targets that are no numbers")
        if facts["missing"] not in ("raise", "drop", "impute"):
            raise ValueError("an unknown rule for missing values")
        return cls(
            formula=str(facts["formula"]),
            responses=responses,
            intercept=bool(facts["intercept"]),
            factors=factors,
            columns=tuple(stored_column(c, factors) for c in facts["columns"]),
            weights=None if facts["weights"] is None else str(facts["weights"]),
            missing=str(facts["missing"]),
            means={str(k): float(v) for k, v in facts["means"].items()},
            states=states,
            table=tuple(map(str, facts["table"])),
            rounded=tuple(map(str, facts.get("rounded", ()))),  # files of before do not say
            beside=tuple(map(str, facts.get("beside", ()))),
            weight_kind=checked_kind(facts.get("weight_kind", ANALYTIC), facts["weights"]),
            absorbed=Absorbed.from_dict(facts["absorbed"], len(facts["columns"]), len(responses))
            if "absorbed" in facts
            else None,
            offsets=offsets,
        )

    def number_columns(self) -> list[str]:
        """Number columns that X is made of, those that stand in X as they are first and in X's order."""
        return numbers_read(self.factors)

    @property
    def _as_it_stands(self) -> bool:
        """Whether X is number columns of the table, each once, and nothing else."""
        return all(f.kind == "number" for f in self.factors) and [c.parts for c in self.columns] == [
            ((j, 0),) for j in range(self.p)
        ]

    def _weights(self, batch: Batch) -> RowVector | None:
        """The weights (n,), NaN where missing; raises ColumnError for what cannot be one."""
        if not self.weights:
            return None
        w = batch.numbers([self.weights])[:, 0]
        refuse_weights(w, self.weights, self.weight_kind, batch)
        return w

    def target_values(self, batch: Batch, absent: Tensor | None = None) -> Targets:
        """The targets (n, k), NaN where missing; what the rows that are `absent` hold is not looked at."""
        names = self.target_columns
        values = batch.numbers(names)
        _refuse_infinite(values, names, batch, absent)
        if all(r.kind == "number" for r in self.trained):
            return values
        columns = {name: values[:, j] for j, name in enumerate(names)}
        targets = []
        for response in self.trained:
            targets.append(
                columns[response.column] if response.kind == "number" else expression(response.text)(columns, self.states)
            )
            if response.kind == "expression":
                _refuse_undefined(targets[-1], either(torch.isnan(values).any(1), absent), response.text, columns, batch)
        return torch.stack(targets, 1)

    def known(self, batch: Batch) -> RowVector | None:
        """The sum of the known parts of the target (n,), NaN where one is missing; None: there are none."""
        if not self.offsets:
            return None
        names = numbers_read(self.offsets)
        numbers = batch.numbers(names)
        _refuse_infinite(numbers, names, batch, None)
        values = {name: numbers[:, j] for j, name in enumerate(names)}
        known = torch.zeros(batch.rows, dtype=torch.float64, device=numbers.device)
        for offset in self.offsets:
            part = values[offset.column] if offset.kind == "number" else expression(offset.text)(values, self.states)
            _refuse_undefined(part, torch.isnan(numbers).any(1), offset.text, values, batch)
            known = known + part
        return known

    def _encode(self, batch: Batch, skipped: Tensor | None, on_unseen: str) -> Columns:
        """X, and what is to be said of its rows; those that are `skipped` will not be used, so what they hold is not looked at."""
        # Numbers of all factors are read at once: columns of one block come out as one matrix, with one copy.
        names = self.number_columns()
        numbers = batch.numbers(names)
        skipped = None if skipped is None else skipped.to(numbers.device)
        found, read = Columns(numbers, None), numbers
        if not bool(numbers.sum().isfinite()):
            _refuse_infinite(numbers, names, batch, skipped)
            numbers, found.holes, found.imputed = self.filled(numbers, names, skipped)
            found.X = numbers
        # Plain columns in their order are the table's own memory, where it is one matrix: nothing is copied.
        if self._as_it_stands:
            return found
        parts: list[Part] = []
        codes: list[tuple[Factor, Coded]] = []
        values = {name: numbers[:, j] for j, name in enumerate(names)}
        for factor in self.factors:
            if factor.kind == "category":
                coded = one_hot(factor, batch, impute=self.missing == "impute", average=on_unseen == "average")
                parts.append((coded.values.to(numbers.device), 0))
                codes.append((factor, coded))
                if coded.missing is not None:
                    found.holes = either(coded.missing.to(numbers.device), found.holes)
            elif factor.kind == "number":
                parts.append((numbers, names.index(factor.column)))
            elif factor.kind == "gap":
                parts.append((torch.isnan(read[:, names.index(factor.column)])[:, None].to(read), 0))
            else:
                part = expression(factor.text)(values, self.states)
                holes = either(found.holes, skipped)
                _refuse_undefined(part, holes, factor.text, values, batch)
                found.beyond += expression(factor.text).beyond(values, self.states, holes)
                parts.append((part[:, None] if part.ndim == 1 else part, 0))
        found.X = laid_out(parts, self.columns, numbers)
        # Now it is known which rows are left out anyway: what they hold is not said.
        unused = either(torch.zeros(batch.rows, dtype=torch.bool), skipped, found.holes)
        for factor, coded in codes:
            found.note(factor, coded, batch, ~unused, on_unseen)
        return found

    def filled(
        self, numbers: Tensor, names: Sequence[str], skipped: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, dict[str, int]]:
        """Numbers (n, columns) without gaps, which rows have some that stay (None: none), and how many were imputed, by column.

        Gaps of rows that are `skipped` are filled like others, and not counted.
        """
        gaps = torch.isnan(numbers)
        if self.missing != "impute":
            # Any number will do, for the row is dropped or refused; 1 is in the range of log and of division.
            return numbers.nan_to_num(1.0), gaps.any(1), {}
        means = torch.tensor([self.means.get(name, float("nan")) for name in names], dtype=torch.float64, device=numbers.device)
        filled = torch.where(gaps, means, numbers)
        counted = gaps if skipped is None else gaps & ~skipped[:, None]
        return filled, None, {name: int(c) for name, c in zip(names, counted.sum(0), strict=True) if c}

    def _refusal(self, batch: Batch, i: int) -> MissingValuesError:
        # Only now, for the message, is each column looked at on its own.
        gaps = self.gaps(batch, torch.arange(batch.rows) == i, self.reads())
        return MissingValuesError(
            f"{listed(gaps)} has no value at {batch.where(i)}, and this line was fitted to rows without gaps; fill it in, leave the row "
            f"out, or fit again with missing='impute' or 'drop'."
        )


def _refuse_infinite(values: Tensor, names: Sequence[str], batch: Batch, skipped: Tensor | None) -> None:
    if bool(values.sum().isfinite()):
        return  # one quick look: with an infinite number among them no sum is finite
    infinite = torch.isinf(values)
    if skipped is not None:
        infinite = infinite & ~skipped[:, None].to(infinite.device)
    if bool(infinite.any()):
        i, j = torch.nonzero(infinite)[0].tolist()
        raise NotFiniteError(
            f"Column {readable(names[j])} is infinite at {batch.where(i)}; correct the value or leave the row out of the file."
        )


def _refuse_undefined(values: Tensor, holes: Tensor, text: str, columns: Mapping[str, Tensor], batch: Batch) -> None:
    """An expression that is not a number although its columns are, such as log(0), is an error, not a missing value."""
    undefined = ~torch.isfinite(values if values.ndim == 1 else values.sum(1)) & ~holes.to(values.device)
    if bool(undefined.any()):
        i = int(torch.nonzero(undefined)[0])
        given = ", ".join(f"{readable(c)} = {float(columns[c][i]):g}" for c in expression(text).columns)
        raise NotFiniteError(
            f"{readable(text)} is not a finite number at {batch.where(i)}, where {given}; change the formula, or leave such rows out."
        )
