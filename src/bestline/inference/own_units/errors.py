"""Errors in own units: how far off a line of `log(y)` is in units of `y`, and what turns its predictions into means.

One more pass over the rows, when it is first asked for: every training row is predicted by the line and turned back, and every row
that was held out by the line that did not see it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from bestline.data.design import Design
from bestline.data.design.inverse import Inverse
from bestline.data.folds import Grouping
from bestline.data.moments import Moments
from bestline.data.passes import Pass
from bestline.data.split import parts_of
from bestline.data.tables import Batch
from bestline.errors import DataError
from bestline.inference.again import Again
from bestline.inference.held_out import lines_of_folds
from bestline.inference.own_units.smearing import Residuals, Spread
from bestline.inference.scores import Errors, Scores
from bestline.numerics import Comoments, Weights
from bestline.training import Parts, Plan

Inverses = Sequence[Inverse | None]


@dataclass(frozen=True, slots=True, eq=False)
class OwnUnits:
    """Errors in units of the targets' own columns, and the residuals that means take; of targets that are not turned back the same as ever.

    Attributes
    ----------
    inverses : tuple of Inverse or None
        The way back from each target (k,).
    training, held_out : Scores or None
        As `fitted_scores` and `held_out` of the line, in these units; None where there are none.
    spreads : tuple of Spread or None
        The training residuals of each target (k,), in units of the line.
    """

    inverses: tuple[Inverse | None, ...]
    training: Scores
    held_out: Scores | None
    spreads: tuple[Spread | None, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the targets are called there: their columns, (k,); empty for those that are not turned back."""
        return tuple("" if inverse is None else inverse.column for inverse in self.inverses)

    @property
    def factors(self) -> tuple[float | None, ...]:
        """The smearing factor of each target (k,): how many times the median the mean is, of logarithms; else None."""
        return tuple(None if spread is None else spread.factor for spread in self.spreads)


def turned_back(inverses: Inverses, values: Tensor) -> Tensor:
    """Values (n, k) of the targets in units of their own columns, where there is a way back."""
    if not any(inverses):
        return values
    own = [values[:, i] if back is None else back(values[:, i]) for i, back in enumerate(inverses)]
    return torch.stack(own, 1)


@dataclass(frozen=True, slots=True, eq=False)
class _InOwnUnits:
    """What one look at rows finds: the training rows, errors of them and of those held out, residuals, and whose target does not come back."""

    rows: Comoments
    training: Errors
    held: Errors
    residuals: Residuals
    powers: Tensor
    astray: Tensor

    def __add__(self, other: _InOwnUnits) -> _InOwnUnits:
        return _InOwnUnits(
            self.rows + other.rows,
            self.training + other.training,
            self.held + other.held,
            self.residuals + other.residuals,
            self.powers + other.powers,
            self.astray + other.astray,
        )


@dataclass(frozen=True, eq=False)
class _JudgeInOwnUnits(Pass[Batch, _InOwnUnits]):
    """The pass over the rows; `held` are the weights (d, k) of the lines by the number of the group that they did not see."""

    design: Design
    plan: Plan
    weights: Weights
    inverses: tuple[Inverse | None, ...]
    rmse: Tensor
    labels: Tensor | None = None
    grouping: Grouping | None = None
    held: Mapping[int, Weights] = field(default_factory=dict)

    what = "predicting in the target's own units"

    @property
    def numbered(self) -> bool:
        """Where a split, or the folds, say whose each row is."""
        return self.labels is not None or (self.grouping is not None and self.grouping.numbered)

    @property
    def columns(self) -> list[str]:
        """What the design and the folds read."""
        return [*self.design.reads(), *(() if self.grouping is None else self.grouping.columns)]

    def empty(self) -> _InOwnUnits:
        """Of no rows."""
        k = len(self.inverses)
        rows, nothing = Comoments.empty(self.design.p + k), torch.zeros(k, dtype=torch.float64)
        return _InOwnUnits(rows, Errors.empty(k), Errors.empty(k), Residuals.none(self.rmse), nothing, nothing)

    def of(self, batch: Batch) -> _InOwnUnits:
        """Of some rows."""
        encoded = self.design.rows(batch)
        rows = encoded.rows.to("cpu")
        if self.labels is not None:
            part = parts_of(self.labels, batch, encoded.index)
        else:
            part = torch.zeros(len(rows), dtype=torch.long)
        own = rows[part == 0]
        with torch.no_grad():
            fitted = self.plan.predictor(self.weights)(own.X)
        # Of a line with absorbed effects y is the rest of the target, and they are its height.
        height = torch.zeros_like(rows.y) if encoded.height is None else encoded.height.cpu()
        # Residuals stay in the units of the fit: that is where the line is straight and they are alike.
        true, e = turned_back(self.inverses, own.y + height[part == 0]), own.y - fitted
        w = torch.ones(len(own), dtype=torch.float64) if own.w is None else own.w
        # Of log(y) the mean of y is exp(fitted) times the mean of exp(residual), so that mean is all that is kept (Duan 1983).
        rates = torch.tensor([getattr(back, "rate", None) or 0.0 for back in self.inverses], dtype=torch.float64)
        found = _InOwnUnits(
            Comoments.of_rows(own),
            Errors.of(turned_back(self.inverses, fitted + height[part == 0]), true, own.w, copies=own.copies),
            self.empty().held,
            Residuals.none(self.rmse).of(e, own.w),
            (w[:, None] * torch.exp(rates * e)).sum(0),
            self._astray(batch, encoded.index, part == 0, own.y + height[part == 0]),
        )
        for number, weights in self.held.items():
            which = part == number if self.grouping is None else self.grouping(batch, encoded).cpu() == number
            one = rows[which]
            with torch.no_grad():
                predicted = turned_back(self.inverses, self.plan.predictor(weights)(one.X) + height[which])
            found = replace(
                found,
                held=found.held
                + Errors.of(predicted, turned_back(self.inverses, one.y + height[which]), one.w, copies=one.copies),
            )
        return found

    def _astray(self, batch: Batch, index: Tensor | None, trained: Tensor, y: Tensor) -> Tensor:
        """How many targets do not come back from what they were turned into, as negative ones from their squares, (k,)."""
        found = torch.zeros(len(self.inverses), dtype=torch.float64)
        for i, back in enumerate(self.inverses):
            if back is not None and back.one_sided:
                values = batch.numbers([back.column])[:, 0].cpu()
                values = (values if index is None else values[index.cpu()])[trained]
                found[i] = (~back.undoes(values, y[:, i])).sum()
        return found


def own_units(
    plan: Plan,
    weights: Weights,
    inverses: tuple[Inverse | None, ...],
    again: Again,
    parts: Parts,
    moments: Callable[[], Moments],
    scores: tuple[Scores, Scores | None],
) -> OwnUnits | None:
    """The same line in units of the targets' own columns; `scores` are its own, in the units that it was fitted in.

    None where the rows have gone since the fit, or have changed.
    """
    training, held_out = scores
    grouping, held = _others(plan, weights, again.labels, parts, moments) if held_out is not None else (None, {})
    rmse = torch.tensor(training.rmse, dtype=torch.float64)
    judge = _JudgeInOwnUnits(again.design, plan, weights, inverses, rmse, again.labels, grouping, held)
    try:
        found = again.source.reduce(judge)
    except DataError:
        return None
    # Early stopping holds out rows that it draws itself, and nobody can say which: all together are more than it trained on.
    drawn = again.labels is None and parts.held_out is not None
    if not drawn and not found.rows.like(parts.training.moments):
        return None
    ways = tuple(None if float(astray) else back for back, astray in zip(inverses, found.astray, strict=True))
    if not any(ways):
        return OwnUnits(ways, training, held_out, (None,) * len(ways))
    if ways != inverses:  # errors of the others are to be in the units that these are told in
        return own_units(plan, weights, ways, again, parts, moments, scores)
    whole, spreads = found.training.moments, [found.residuals.spread(i) for i in range(len(ways))]
    powers = (found.powers / whole.weight).tolist()
    told = [
        None if back is None else Spread(spread.points, spread.shares, None if back.rate is None else power)
        for back, spread, power in zip(ways, spreads, powers, strict=True)
    ]
    fitted = found.training.scores(f"{whole.count:,} rows" if drawn else training.of, training.kind)
    judged = held_out is not None and not drawn and found.held.moments.count > 0
    return OwnUnits(ways, fitted, found.held.scores(held_out.of, held_out.kind) if held_out and judged else None, tuple(told))


def _others(
    plan: Plan, weights: Weights, labels: Tensor | None, parts: Parts, moments: Callable[[], Moments]
) -> tuple[Grouping | None, dict[int, Weights]]:
    """The lines that did not see some rows, by the number of these rows' group, and what tells the group."""
    if labels is not None:
        return None, {2 if parts.test is not None else 1: weights}
    try:
        return lines_of_folds(plan, parts, moments()) or (None, {})
    except DataError:  # the data have changed meanwhile
        return None, {}
