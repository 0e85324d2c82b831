"""Sample: the rows that a picture shows. All of them, or when they are many, a seeded choice of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bestline.data.design import Column, Design, Factor
from bestline.data.tables import open_source
from bestline.errors import ColumnError, OptionError, ShapeError
from bestline.inference.fitted import FittedLine
from bestline.inference.training_rows import rows
from bestline.inference.why_not import refuse_absorbed
from bestline.numerics import Features, Rows, Targets, Weights, joined
from bestline.training import Fit
from bestline.training.objective import LineForward, RowLoss, line
from bestline.wording import apart, plain

MOST = 2_000  # points that can still be told apart
_MOST_LEVELS = 50  # of a category that colours rows


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Rows to be drawn, in the data's units.

    Attributes
    ----------
    rows : Rows
        Those shown, float64, in the data's order.
    of : int
        How many rows there are.
    features, targets : tuple of str
        Names of the columns of X (p,) and y (k,).
    columns : callable or None
        Where all columns of the design are made from the one that is shown: its values (m, 1) as those columns (m, p).
    levels : tuple of tuples of str
        Before a fit, the levels of each feature that is a category, whose values are their places from 0; else empty.
    again : callable or None
        Gives all rows once more, batch by batch, as those of `rows`.
    group, levels_of : Tensor (n,) or None, tuple of str
        Of a category of the line, the place of the level that each row has, and the levels.
    within : str
        Beside absorbed effects, in words: what of the columns is shown.
    """

    rows: Rows
    of: int
    features: tuple[str, ...]
    targets: tuple[str, ...]
    columns: Callable[[Tensor], Features] | None = None
    levels: tuple[tuple[str, ...], ...] = ()
    again: Callable[[], Iterator[Rows]] | None = None
    group: Tensor | None = None
    levels_of: tuple[str, ...] = ()
    within: str = ""

    @classmethod
    def draw(
        cls, rows: Rows | Iterable[Rows], features: Sequence[str], targets: Sequence[str], *, most: int = MOST, seed: int = 0
    ) -> Sample:
        """At most `most` of the rows, drawn without replacement; rows of weight 0 are left out, for they count nowhere.

        One pass, never more than one batch in memory: every row gets a random number, and those with the smallest are kept.
        So the choice does not depend on how the rows were cut into batches.

        Parameters
        ----------
        rows : Rows, or batches of Rows
            In the data's units.
        features, targets : sequence of str
        most, seed : int

        Raises
        ------
        ShapeError
            When the names do not fit the columns, or there are no rows.
        """
        if most < 1:
            raise OptionError(f"`most` must be at least 1; got {most}.")
        # Reservoir by keys: the `most` smallest of n random numbers choose a simple random sample, whatever the batches.
        generator = torch.Generator().manual_seed(seed)
        kept: Rows | None = None
        keys = torch.empty(0, dtype=torch.float64)
        of = 0
        for batch in [rows] if isinstance(rows, Rows) else rows:
            _check(batch, features, targets)
            drawn = torch.rand(len(batch), generator=generator, dtype=torch.float64)
            counts = torch.ones(len(batch), dtype=torch.bool) if batch.w is None else (batch.w > 0).cpu()
            of += int(counts.sum())
            # What is above the largest key kept can never be among the smallest.
            near = counts & (drawn <= keys.max()) if len(keys) == most else counts
            new = batch[near.to(batch.X.device)].to("cpu")
            kept = new if kept is None else joined([kept, new])
            keys = torch.cat([keys, drawn[near]])
            if len(keys) > most:
                chosen = keys.argsort()[:most].sort().values  # in the data's order
                kept, keys = kept[chosen], keys[chosen]
        if kept is None or len(kept) == 0:
            raise ShapeError("There are no rows to draw.")
        return cls(kept, of, tuple(apart(features)), tuple(apart(targets, 36)))

    def over(self, column: int, columns: Callable[[Tensor], Features]) -> Sample:
        """The same rows seen over one of the columns, from which `columns` makes all of them."""
        rows = Rows(self.rows.X[:, column : column + 1], self.rows.y, self.rows.w)
        again = None if self.again is None else partial(_column, self.again, column)
        return replace(self, rows=rows, features=(self.features[column],), columns=columns, again=again)

    def few(self, most: int) -> Sample:
        """At most so many of the rows, evenly spread: they are a random choice already, so nothing is drawn a second time."""
        keep = torch.linspace(0, len(self.rows) - 1, min(len(self.rows), most)).round().long()
        return replace(self, rows=self.rows[keep], group=None if self.group is None else self.group[keep])

    def predictions(self, fit: Fit, X: Tensor, weights: Weights) -> Targets:
        """Predictions (m, k) at values X of the columns that are shown, by weights (d, k), all in the data's units; an own forward
        function is called.
        """
        X = X if self.columns is None else self.columns(X)
        smooth = fit.objective.smooth
        if not isinstance(smooth, RowLoss):
            return line(X, weights, intercept=fit.scaling.intercept)
        scaling, like = fit.scaling, smooth.rows.X
        # Without scaling nothing is to be undone, and columns need not match weights one by one.
        plain = bool((scaling.center == 0).all() and (scaling.scale == 1).all())  # an own module's weights are not one a column
        # An own function knows only the columns as trained: in with scaled columns, out with predictions scaled back.
        p, center, scale = scaling.p, scaling.center, scaling.scale
        trained = X if plain else (X - center[:p]) / scale[:p]
        with torch.no_grad():
            prediction = smooth.forward(trained.to(like), scaling.to_trained(weights).to(like)).to("cpu", torch.float64)
        return prediction if plain else prediction * scale[p:] + center[p:]

    def straight(self, fit: Fit) -> bool:
        """Whether two points draw what a fit says over the one feature."""
        return self.columns is None and is_straight(fit)

    @property
    def note(self) -> str:
        """What must be said of the choice; empty when all rows are shown."""
        said = [self.within] if self.within else []
        if len(self.rows) < self.of:
            said.append(f"{len(self.rows):,} of {self.of:,} rows shown.")
        if self.rows.w is not None:
            said.append("Points look alike whatever their weight.")
        return " ".join(said)

    @property
    def whole(self) -> bool:
        """Whether all rows are here."""
        return len(self.rows) == self.of

    def y(self, target: int) -> Tensor:
        """Values of one target, (n,)."""
        if not 0 <= target < len(self.targets):
            raise OptionError(f"There is no target {target}; this data has {len(self.targets)}, counted from 0.")
        return self.rows.y[:, target]


def _column(again: Callable[[], Iterator[Rows]], column: int) -> Iterator[Rows]:
    return (Rows(batch.X[:, column : column + 1], batch.y, batch.w) for batch in again())


def _check(rows: Rows, features: Sequence[str], targets: Sequence[str]) -> None:
    if (len(features), len(targets)) != (rows.X.shape[1], rows.y.shape[1]):
        raise ShapeError(
            f"A sample needs a name for each column; got {len(features)} and {len(targets)} names for "
            f"{rows.X.shape[1]} features and {rows.y.shape[1]} targets."
        )


def is_straight(fit: Fit) -> bool:
    """Whether predictions are those of a line with these weights, so that two points draw it; of own functions nobody knows."""
    smooth = fit.objective.smooth
    return not isinstance(smooth, RowLoss) or isinstance(smooth.forward, LineForward)


__all__ = ["MOST", "Sample", "is_straight", "rows_shown", "with_levels"]


def rows_shown(
    model: FittedLine, data: Any = None, part: str = "training", *, most: int = MOST, by: str | None = None
) -> Sample:
    """The rows to show: of `data`, or else of a part of the model's own; at most so many.

    Each has the level of a category of the line, of the one called `by`, or else of the first.
    """
    design = model.design
    if by is not None:
        refuse_absorbed(model, "Colours by level need columns that effects are not taken out of")
    # What is left of columns beside absorbed effects has neither levels nor a curve over one variable.
    bare = design.absorbed is not None
    wide, levels = (model, ()) if bare else with_levels(model, by)
    variable, p = None if bare else _variable(design), design.p
    if variable is not None and variable not in design.names:
        wide = _with_variable(model, variable)
    # Of a target with known parts rows and line are without them.
    targets = [f"{name} less its offset" for name in model.targets] if design.offsets else model.targets
    drawn = Sample.draw(rows(wide, part, data), wide.features, targets, most=most)
    X = drawn.rows.X
    sample = replace(
        drawn,
        rows=Rows(X[:, :p], drawn.rows.y, drawn.rows.w),
        features=drawn.features[:p],
        again=lambda: rows(model, part, data),
        group=X[:, p:].argmax(1) if levels else None,
        levels_of=levels,
        within="" if design.absorbed is None else _within(design.absorbed.names),
    )
    if variable is None:
        return sample

    def columns(X: Tensor) -> Tensor:
        (batch,) = open_source({variable: X[:, 0]}).batches([variable])
        return replace(design, offsets=()).features(batch).X

    return replace(drawn, again=lambda: rows(wide, part, data)).over(wide.design.names.index(variable), columns)


def _within(effects: Sequence[str]) -> str:
    """That the rows are what absorbed effects leave of them."""
    names = " and ".join(map(plain, effects))
    less = "the mean of its level" if len(effects) == 1 else "these effects"
    return f"Rows and line are shown within {names}: each value less {less}."


def _variable(design: Design) -> str | None:
    """The variable that several columns are made of, as x and x^2, or a spline of x: a curve over it. Others have no single axis."""
    needs = replace(design, offsets=()).needs
    return needs[0] if design.p > 1 and len(needs) == 1 and not design.texts else None


def _with_variable(model: FittedLine, name: str) -> FittedLine:
    """The line with one more column, a number as it stands in the table."""
    design = model.design
    factors, column = (*design.factors, Factor(name, "number", name)), Column(name, name, ((len(design.factors), 0),))
    return FittedLine.of(model, design=replace(design, factors=factors, columns=(*design.columns, column)))


def _category(design: Design, by: str | None) -> int | None:
    """The number, among the design's factors, of the category whose levels are told apart."""
    known = {f.column: i for i, f in reversed(list(enumerate(design.factors))) if f.kind == "category"}
    if by is not None and not isinstance(by, str):
        raise OptionError(f"`by` is the name of a category of the line; got {by!r}.")
    if by is not None and by not in known:
        raise OptionError(f"{ColumnError.missing(by, list(known), 'the categories of the line')}")
    found = known[by] if by is not None else min(known.values(), default=None)
    # Of more levels most would be others, and every one is a column.
    return found if found is not None and (by is not None or len(design.factors[found].levels) <= _MOST_LEVELS) else None


def with_levels(model: FittedLine, by: str | None) -> tuple[FittedLine, tuple[str, ...]]:
    """The line with one more column for each level of a category, 1 in its rows, and the levels; itself where it has no category.

    The category is the one called `by`, or else the first.
    """
    design = model.design
    category = _category(design, by)
    if category is None:
        return model, ()
    factor = design.factors[category]
    more = tuple(Column(f"level {j} of {factor.text}", factor.text, ((category, j),)) for j in range(factor.width))
    return FittedLine.of(model, design=replace(design, columns=(*design.columns, *more))), factor.levels
