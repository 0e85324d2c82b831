"""Sample: the rows that a picture shows. All of them, or when they are many, a seeded choice of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.errors import OptionError, ShapeError
from bestline.fitting import Fit
from bestline.objective import RowLoss, line
from bestline.rows import Features, Rows, Targets, Weights

MOST = 2_000  # points that can still be told apart


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
    """

    rows: Rows
    of: int
    features: tuple[str, ...]
    targets: tuple[str, ...]

    @classmethod
    def draw(
        cls,
        rows: Rows,
        features: Sequence[str],
        targets: Sequence[str],
        *,
        of: int | None = None,
        most: int = MOST,
        seed: int = 0,
    ) -> Sample:
        """At most `most` of the rows, drawn without replacement; rows of weight 0 are left out, for they count nowhere.

        Parameters
        ----------
        rows : Rows
            In the data's units.
        features, targets : sequence of str
        of : int, optional
            How many rows there are in all, when `rows` are a choice of them already.
        most, seed : int

        Raises
        ------
        ShapeError
            When the names do not fit the columns, or there are no rows.
        """
        if (len(features), len(targets)) != (rows.X.shape[1], rows.y.shape[1]):
            raise ShapeError(
                f"A sample needs a name for each column; got {len(features)} and {len(targets)} names for "
                f"{rows.X.shape[1]} features and {rows.y.shape[1]} targets."
            )
        if most < 1:
            raise OptionError(f"`most` must be at least 1; got {most}.")
        if rows.w is not None:
            rows = rows[rows.w > 0]
        n = len(rows)
        if n == 0:
            raise ShapeError("There are no rows to draw.")
        if n > most:
            chosen = torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:most].sort().values
            rows = rows[chosen.to(rows.X.device)]
        return cls(rows.to("cpu"), max(of or n, n), tuple(map(shown, features)), tuple(map(shown, targets)))

    @property
    def note(self) -> str:
        """What must be said of the choice; empty when all rows are shown."""
        said = []
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


def shown(name: str, longest: int = 36) -> str:
    """A name as a picture shows it: on one line, control characters escaped, shortened in the middle."""
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(name))
    return text if len(text) <= longest else f"{text[: longest - 10]}…{text[-9:]}"


def predictions(fit: Fit, X: Features, weights: Weights) -> Targets:
    """Predictions (n, k) for X (n, p) at these weights (d, k), all in the data's units; an own forward function is called."""
    smooth = fit.objective.smooth
    if not isinstance(smooth, RowLoss):
        return line(X, weights, intercept=fit.scaling.intercept)
    p, center, scale = fit.scaling.p, fit.scaling.center, fit.scaling.scale
    trained = ((X - center[:p]) / scale[:p]).to(smooth.rows.X)
    with torch.no_grad():
        prediction = smooth.forward(trained, fit.scaling.to_trained(weights).to(smooth.rows.X))
    return prediction.to("cpu", torch.float64) * scale[p:] + center[p:]


def is_straight(fit: Fit) -> bool:
    """Whether predictions are known to lie on a line, so that two points draw it."""
    return not isinstance(fit.objective.smooth, RowLoss)


__all__ = ["MOST", "Sample", "is_straight", "predictions", "shown"]
