"""Paired: which of several lines predicts rows better that it has not seen, on the same rows and the same folds.

    d_i = e_i^2 - f_i^2        e and f are what the line and the first line miss row i by, each trained on the other folds

Rows that are hard to predict are so for all lines, and in the differences that cancels. The folds of one fit are a hash of its own
columns; here one hash of the columns of all lines says the fold, so a row is in the same fold for each. Rows are those that all lines
use. The folds' lines come from moments; the rows are read once for these, and once more for the squares of the differences:

    standard error of the mean of d:  sqrt(n / (n - 1) sum w_i^2 (d_i - mean)^2) / sum w_i

It takes rows as independent. Lines of overlapping folds resemble each other, so it is somewhat too small (Bengio & Grandvalet 2004,
JMLR 5:1089-1105).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from bestline.data.design import Design, Encoded
from bestline.data.design.weight_kinds import FREQUENCY
from bestline.data.folds import ByHash, ByValue, by_value
from bestline.data.passes import Pass
from bestline.data.tables import Batch, Source
from bestline.data.unknown_levels import Unknown, unknown_levels
from bestline.errors import DataError, NumericalError, OptionError, listed
from bestline.inference.fitted import FittedLine
from bestline.inference.scores import fold_kind
from bestline.inference.training_rows import rows_of
from bestline.inference.uncertainty import target_number
from bestline.inference.why_not import refuse_absorbed
from bestline.numerics import Comoments, Rows, Weights, rests
from bestline.training import Part
from bestline.wording import aligned, count, finite, plain, preformatted, significant


@dataclass(frozen=True, slots=True)
class PairedLine:
    """One of the lines.

    Attributes
    ----------
    formula : str
    mse, rmse : float
        Of rows that it was not trained on.
    difference, std_error : float
        Its mean squared error less that of the first line, below 0 where it predicts better, and the standard error of that.
    """

    formula: str
    mse: float
    rmse: float
    difference: float
    std_error: float


@dataclass(frozen=True, slots=True, eq=False)
class PairedComparison:
    """Lines held against the first one on rows that they have not seen: `print` it.

    Attributes
    ----------
    lines : tuple of PairedLine
    target, kind : str
        What is predicted, and the folds: "5-fold".
    rows, left_out, unknown : int
        Rows that count; rows that one line uses and another cannot; and rows with a level that the other folds lack.
    """

    lines: tuple[PairedLine, ...]
    target: str
    kind: str
    rows: int
    left_out: int
    unknown: int

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready."""
        lines = [{name: finite(value) for name, value in asdict(line).items()} for line in self.lines]
        return {
            "lines": lines,
            "target": self.target,
            "kind": self.kind,
            "rows": self.rows,
            "left_out": self.left_out,
            "unknown_levels": self.unknown,
        }

    def __str__(self) -> str:
        rows = [["", "", "RMSE", "MSE less that of 1", "std error"]]
        for number, line in enumerate(self.lines, 1):
            beside = ["", ""] if number == 1 else [significant(line.difference, 4), significant(line.std_error, 4)]
            rows.append([str(number), plain(line.formula, 80), significant(line.rmse, 6), *beside])
        notes = [
            "A difference below 0: it predicts better than 1. Its standard error takes rows as independent, and is somewhat small."
        ]
        if self.left_out:
            notes.append(f"{count(self.left_out, 'row')} left out: not all of the models use them.")
        if self.unknown:
            notes.append(f"{count(self.unknown, 'row')} left out for a level that the other folds lack.")
        head = f"Held-out error of {plain(self.target)}   ({self.kind}, {self.rows:,} rows, the same folds for all)"
        return "\n".join([head, "", *aligned(rows, numbers=True), "", *notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return preformatted(str(self))


def paired(models: Sequence[FittedLine], data: Any = None, *, target: int | str = 0) -> PairedComparison:
    """Out-of-fold errors of lines of any columns on the same rows and folds, and by how much they differ from that of the first.

    Parameters
    ----------
    models : sequence of FittedLine
    data
        The rows, for models that have none.
    target : int or str

    Raises
    ------
    OptionError
        For models without rows, of other losses, with a split, or of other weights, folds or targets.
    DataError
        When there are no two folds with rows that all use.
    NumericalError
        When a line of some folds was not reached.
    """
    name = models[0].targets[target_number(models[0], target)]
    _refuse_unlike(models, name)
    source = rows_of(models[0], data)[0]
    for line in models:
        line.design.check(source, target=True)
    lines, by = _InFolds(tuple(line.design for line in models), _grouping(models, source)), _folds(models[0])
    collected = source.reduce(CollectAlike(lines))
    for line, rows in zip(models, collected.used, strict=True):
        if line.training.count != rows:
            raise DataError(
                f"{line.design.formula} was fitted to {line.training.count:,} rows, and of these it uses {rows:,}; compare models of one "
                f"table."
            )
    if sum(fold.count > 0 for fold in collected.folds[0]) < 2:
        raise DataError(
            "There are no two folds with rows that all models use, so no row can be held out; fit with fewer folds."
        )
    # On the common rows alone: a line that has seen more of them than another would be ahead for that.
    trained = [_trained(line, folds) for line, folds in zip(models, collected.folds, strict=True)]
    at = tuple(line.targets.index(name) for line in models)
    unknown = tuple(unknown_levels(folds, line.design) for line, folds in zip(models, collected.folds, strict=True))
    found = source.reduce(JudgeAlike(lines, tuple(trained), at, unknown))
    if not found.count:
        raise DataError("Every row has a level that the other folds lack, so none can be held out; merge rare levels.")
    told = tuple(_line(line, found, i) for i, line in enumerate(models))
    all_rows = sum(fold.count for fold in collected.folds[0])
    return PairedComparison(
        told,
        name,
        fold_kind(len(collected.folds[0]), by if isinstance(by, str) else None),
        found.count,
        collected.left_out,
        all_rows - found.count,
    )


def _refuse_unlike(models: Sequence[FittedLine], name: str) -> None:
    for line in models:
        refuse_absorbed(line, "Held-out errors are compared of lines without absorbed effects")
        if not line.plan.squared_line:
            raise OptionError(
                "Held-out errors are compared of lines of squared loss, with a penalty or none; of others see model.held_out."
            )
        if line.design.weight_kind == FREQUENCY:
            raise OptionError(
                "Held-out errors are compared row by row, and frequency weights stand for several rows; repeat the rows instead."
            )
        if line.labels is not None or (line.recipe is not None and line.recipe.arguments.get("split") is not None):
            raise OptionError(
                "A model with a split has rows of its own that are held out; fit without `split` to compare by folds."
            )
        if name not in line.targets:
            raise OptionError(f"The models have different targets: {listed(models[0].targets)} and {listed(line.targets)}.")
    weights = dict.fromkeys((line.design.weights, line.design.weight_kind) for line in models)
    if len(weights) > 1:
        raise OptionError("The models have other weights, so their errors do not compare; fit all of them with the same.")
    folds = sorted({str(_folds(line)) for line in models})
    if len(folds) > 1:
        raise OptionError(
            f"The models have other folds ({listed(folds)}), so they share none; fit all of them with the same `folds`."
        )


def _grouping(models: Sequence[FittedLine], source: Source) -> ByHash | ByValue:
    """The fold of a row: a value of the column that all have as folds, or one hash of the columns of all."""
    folds = _folds(models[0])
    if isinstance(folds, str):
        return by_value(source, folds, weights=models[0].design.weights)
    designs = [line.design for line in models]

    def of_all(columns: Sequence[Sequence[str]]) -> tuple[str, ...]:
        return tuple(sorted({name for own in columns for name in own}))

    numbers, targets = of_all([d.number_columns() for d in designs]), of_all([d.target_columns for d in designs])
    return ByHash(folds, models[0].plan.seed, numbers, targets, of_all([d.texts for d in designs]))


def _folds(line: FittedLine) -> int | str:
    """The folds that a fit asked for: how many, or the column whose values they are."""
    asked: int | str = len(line.collected.folds) if line.recipe is None else line.recipe.arguments.get("folds", 5)
    return line.collected.by or asked


@dataclass(frozen=True, eq=False)
class _InFolds:
    """Several designs on the rows that all of them use, and the fold of each row."""

    designs: tuple[Design, ...]
    grouping: ByHash | ByValue

    @cached_property
    def columns(self) -> list[str]:
        """What they read."""
        return list(dict.fromkeys([*(name for d in self.designs for name in d.reads()), *self.grouping.columns]))

    @property
    def folds(self) -> int:
        """How many there are."""
        return self.grouping.folds if isinstance(self.grouping, ByHash) else len(self.grouping.values)

    def rows(self, batch: Batch) -> tuple[list[Rows], Tensor, tuple[int, ...], int]:
        """The common rows by each design, their folds (m,), how many rows each uses, and how many some use and not all."""
        encoded = [design.rows(batch) for design in self.designs]
        used = torch.zeros(batch.rows, dtype=torch.long)
        places = [torch.arange(batch.rows) if e.index is None else e.index.cpu() for e in encoded]
        own_places = [
            at if e.rows.w is None else at[e.rows.w.cpu() > 0] for e, at in zip(encoded, places, strict=True)
        ]  # a row of weight 0 is not there
        for at in own_places:
            used[at] += 1
        common = used == len(encoded)
        own = [e.rows.to("cpu")[common[at]] for e, at in zip(encoded, places, strict=True)]
        index = torch.nonzero(common)[:, 0]
        fold = self.grouping(batch, Encoded(own[0], index, {})).cpu()
        return own, fold, tuple(map(len, own_places)), int(((used > 0) & ~common).sum())


@dataclass(frozen=True, eq=False)
class Alike:
    """Co-moments of the same rows by several designs, fold by fold; how many rows each uses, and how many some use and not all."""

    folds: tuple[tuple[Comoments, ...], ...]
    used: tuple[int, ...]
    left_out: int = 0

    def __add__(self, other: Alike) -> Alike:
        folds = tuple(
            tuple(a + b for a, b in zip(mine, theirs, strict=True))
            for mine, theirs in zip(self.folds, other.folds, strict=True)
        )
        used = tuple(a + b for a, b in zip(self.used, other.used, strict=True))
        return Alike(folds, used, self.left_out + other.left_out)


@dataclass(frozen=True, eq=False)
class CollectAlike(Pass[Batch, Alike]):
    """The pass that collects them."""

    lines: _InFolds

    what = "adding up the rows of all models"
    numbered = False

    @property
    def columns(self) -> list[str]:
        """What the designs and the grouping read."""
        return self.lines.columns

    def empty(self) -> Alike:
        """Of no rows."""
        designs = self.lines.designs
        none = tuple((Comoments.empty(d.p + len(d.targets)),) * self.lines.folds for d in designs)
        return Alike(none, (0,) * len(designs))

    def of(self, batch: Batch) -> Alike:
        """Of some rows."""
        rows, fold, used, left_out = self.lines.rows(batch)
        folds = tuple(tuple(Comoments.of_rows(own[fold == f]) for f in range(self.lines.folds)) for own in rows)
        return Alike(folds, used, left_out)


@dataclass(frozen=True, eq=False)
class JudgeAlike(Pass[Batch, Comoments]):
    """The pass that takes w e^2 of each line, and w, of every row, predicted by the weights of its fold; q = lines + 1."""

    lines: _InFolds
    weights: tuple[dict[int, Weights], ...]
    targets: tuple[int, ...]
    unknown: tuple[dict[int, Unknown], ...]

    what = "predicting the folds"
    numbered = False

    @property
    def columns(self) -> list[str]:
        """What the designs and the grouping read."""
        return self.lines.columns

    def empty(self) -> Comoments:
        """Of no rows."""
        return Comoments.empty(len(self.weights) + 1)

    def of(self, batch: Batch) -> Comoments:
        """Of some rows."""
        rows, fold, _, _ = self.lines.rows(batch)
        found = self.empty()
        for f in self.weights[0]:
            here = [own[fold == f] for own in rows]
            known = torch.ones(len(here[0]), dtype=torch.bool)
            for own, unknown in zip(here, self.unknown, strict=True):
                known &= ~unknown[f].rows(own.X) if f in unknown else known
            errors = [
                _errors(own[known], lines[f])[:, at] for own, lines, at in zip(here, self.weights, self.targets, strict=True)
            ]
            # One row for all lines: whatever one of them cannot know none is judged by.
            w = here[0][known].w
            w = torch.ones(int(known.sum()), dtype=torch.float64) if w is None else w
            # As columns of one table: the co-moments of these hold the variance of every difference, and no row is kept.
            z = torch.stack([*(w * e**2 for e in errors), w], 1)
            found = found + Comoments.of_rows(Rows(z[:, :0], z))
        return found


def _errors(rows: Rows, weights: Weights) -> Tensor:
    p = rows.X.shape[1]
    return rows.y - rows.X @ weights[:p] - (weights[p] if len(weights) > p else 0.0)


def _trained(line: FittedLine, folds: Sequence[Comoments]) -> dict[int, Weights]:
    """By fold with rows, the weights (d, k) of the line trained on all others."""
    used = [i for i, fold in enumerate(folds) if fold.count]
    found = {}
    for i, rest in zip(used, rests([folds[i] for i in used]), strict=True):
        fit = line.plan.run(Part(rest))
        if fit.stop.failed or not bool(fit.weights.isfinite().all()):
            raise NumericalError(
                f"{line.design.formula} has no line of all folds but one: training ended early; use solver='exact'."
            )
        found[i] = fit.weights
    return found


def _line(line: FittedLine, found: Comoments, i: int) -> PairedLine:
    n, mean = found.count, found.center
    mse = float(mean[i] / mean[-1])
    difference = float((mean[i] - mean[0]) / mean[-1])
    # What a row adds to the difference beyond its share of it: w (d - mean of d), which has the mean 0.
    own = torch.zeros_like(mean)
    # As combinations of the columns w e^2 of two lines and w.
    own[i] += 1.0
    own[0] -= 1.0
    own[-1] = -difference
    squares = float((own * found.unit) @ found.scatter @ (own * found.unit))
    error = math.sqrt(max(squares, 0.0) * n / (n - 1)) / (n * float(mean[-1])) if n > 1 and i else math.nan
    return PairedLine(line.design.formula, mse, math.sqrt(mse), difference, error)
