"""Prediction: the line at new rows, with intervals, and how far it is off where the target is known.

    prediction = x'w    half width = t(df, level) * sqrt(x' cov x [+ sigma^2])

The interval of the line's mean leaves sigma^2 out, that of a new observation of weight 1 has it in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bestline.data.design import Design
from bestline.data.design.lost_digits import columns_doubled
from bestline.data.passes import Pass
from bestline.data.tables import Batch
from bestline.errors import DataError, NumericalError, OptionError, listed, warn
from bestline.inference import classical
from bestline.inference.fitted import FittedLine
from bestline.inference.scores import Errors, Scores
from bestline.inference.training_rows import opened
from bestline.inference.why_not import refuse
from bestline.numerics import Weights
from bestline.training import Plan

_KINDS = ("confidence", "prediction")
_UNSEEN = ("raise", "nan")


def predict(line: FittedLine, data: Any, interval: str | None = None, level: float = 0.95, on_unseen: str = "raise") -> Any:
    """Predictions for new rows; see `Model.predict`."""
    source, single = opened(line, data)
    pieces = [predict_batch(line, batch, interval, level, on_unseen) for batch in source.batches(line.design.needs)]
    if interval is None:
        k = len(line.targets)
        table = torch.cat([p["prediction"].reshape(-1, k) for p in pieces]) if pieces else torch.empty(0, k)
        values = table.numpy()[:, 0] if k == 1 else table.numpy()
        return float(values[0]) if single else values
    import pandas as pd

    return (
        pd.DataFrame({name: torch.cat([p[name] for p in pieces]).numpy() for name in pieces[0]}) if pieces else pd.DataFrame()
    )


def predict_batch(
    line: FittedLine, batch: Batch, interval: str | None = None, level: float = 0.95, on_unseen: str = "raise"
) -> dict[str, Tensor]:
    """Predictions for one batch of a Source, by column: `prediction`, and the ends of the interval asked for."""
    if interval not in (None, *_KINDS) or on_unseen not in _UNSEEN:
        raise OptionError("`interval` is None, 'confidence' or 'prediction', and `on_unseen` 'raise' or 'nan'.")
    X, imputed = line.design.features(batch, on_unseen=on_unseen)
    X, refined = X.cpu(), line.refined
    # Where float64 is too coarse for the columns, what it leaves out of them counts too.
    below = columns_doubled(line.design, batch, X, on_unseen=on_unseen).low if refined is not None and refined.steep else None
    if refined is not None and refined.steep and torch.equal(line.weights, refined.weights):
        prediction = refined.height(X, below)
    else:
        with torch.no_grad():
            prediction = line.plan.predictor(line.weights)(X)
    _note(line, X, imputed)
    if interval is None:
        return {"prediction": prediction[:, 0] if len(line.targets) == 1 else prediction}
    half = _half_width(line, X, below, interval, level)
    low, high = ("pred_low", "pred_high") if interval == "prediction" else ("conf_low", "conf_high")
    return {"prediction": prediction[:, 0], low: prediction[:, 0] - half, high: prediction[:, 0] + half}


def evaluate(line: FittedLine, data: Any) -> Scores:
    """Errors on rows with a known target: one pass; MSE, RMSE, MAE and R2 with the number of rows."""
    source, _ = opened(line, data)
    design = line.design
    unweighted = design.weights is not None and design.weights not in source.names
    if unweighted:
        design = replace(design, weights=None)
    design.check(source, target=True)
    found = source.reduce(_Judge(design, line.plan, line.weights))
    errors, read = found.errors, found.read
    if errors.moments.count == 0:
        raise DataError(f"There are no rows to evaluate in {source.label}.")
    left_out = read - errors.moments.count
    apart = ", unweighted" if unweighted else ""
    if left_out:
        apart += f", {left_out:,} left out because a value was missing or the weight zero"
    return errors.scores(f"{errors.moments.count:,} rows of {source.label}{apart}", "data", about_zero=line.about_zero)


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Errors of predictions, and how many rows were read for them."""

    errors: Errors
    read: int = 0

    def __add__(self, other: _Judged) -> _Judged:
        return _Judged(self.errors + other.errors, self.read + other.read)


@dataclass(frozen=True, eq=False)
class _Judge(Pass[Batch, _Judged]):
    """The pass that predicts every row and looks at the error."""

    design: Design
    plan: Plan
    weights: Weights

    @property
    def columns(self) -> list[str]:
        """Features, target and weights."""
        return self.design.reads()

    def empty(self) -> _Judged:
        """Of no rows."""
        return _Judged(Errors.empty(self.weights.shape[1]))

    def of(self, batch: Batch) -> _Judged:
        """Of some rows."""
        rows = self.design.rows(batch).rows.to("cpu")
        with torch.no_grad():
            prediction = self.plan.predictor(self.weights)(rows.X)
        return _Judged(Errors.of(prediction, rows.y, rows.w), batch.rows)


def _half_width(line: FittedLine, X: Tensor, below: Tensor | None, interval: str, level: float) -> Tensor:
    classical.check_level(level)
    if line.diverged:
        refuse(line, "There are no intervals")
    inference = line.inference
    if inference is None or len(line.targets) != 1:
        raise NumericalError("Intervals are defined for least squares of one target without a penalty; predict without them.")
    if inference.df_resid <= 0:
        raise NumericalError("Intervals need residual degrees of freedom: more rows than weights. Predict without them.")
    away = X - line.training.center[: line.design.p] if line.design.intercept else X
    variance, known = _variance_of_mean(line, X, below, away, inference), inference.estimable(away)
    variance = torch.where(known, variance, float("nan"))
    # A variance that rounding has eaten up is NaN and not small: no interval instead of one too narrow.
    lacking = variance.isnan() & ~X.isnan().any(1)
    for rows, why in (
        (lacking & known, "the columns are too nearly collinear: rounding is all that is left of its width"),
        (
            lacking & ~known,
            f"{_told_apart(line, inference)} say something else there than in training: the line is a choice among many",
        ),
    ):
        many = int(rows.sum())
        if many:
            warn(f"{'1 row has' if many == 1 else f'{many:,} rows have'} no interval, for {why}.")
    if interval == "prediction":
        # An observation scatters about the line by sigma, beside what is not known of the line.
        variance = variance + inference.sigma[0] ** 2
    return classical.t_quantile(0.5 + level / 2, inference.df_resid) * variance.sqrt()


def _told_apart(line: FittedLine, inference: classical.Inference) -> str:
    """The columns that others said already in training, and these."""
    return listed(sorted({line.features[j] for alias in inference.aliased for j in (alias.column, *alias.on)}))


def _variance_of_mean(
    line: FittedLine, X: Tensor, below: Tensor | None, away: Tensor, inference: classical.Inference
) -> Tensor:
    """X' cov x of rows (n, p), `away` from the training mean: from the exact factor of cov, or about the mean, where less cancels."""
    if line.refined is not None:
        return inference.sigma[0] ** 2 * line.refined.leverage(X, below)
    if not line.design.intercept:
        return inference.variance_of_mean(away)
    # The height's variance is that of the mean, s^2 / W, and the slopes' share of the distance from it; the two are independent.
    return inference.variance_of_mean(away) + inference.sigma[0] ** 2 / line.training.weight


def _note(line: FittedLine, X: Tensor, imputed: dict[str, int]) -> None:
    """Warn of rows far outside what training saw, of rows without a prediction, and of values filled in."""
    low, high = line.collected.low, line.collected.high
    # Once the width of the range beyond its ends: nearer, a line may be trusted a little.
    # Farther out than a whole range on either side: within it lines are stretched every day, and nobody would read the warnings.
    margin = high - low
    outside = ((low - margin > X) | (high + margin < X)).any(0) & margin.isfinite()
    if bool(outside.any()):
        names = [n for n, out in zip(line.features, outside.tolist(), strict=True) if out]
        lie = "lie" if len(names) > 1 else "lies"
        warn(f"{listed(names)} {lie} far outside the range that training saw; the line is a guess there.")
    unknown = int(X.isnan().any(1).sum())
    if unknown:
        rows = "1 row has" if unknown == 1 else f"{unknown:,} rows have"
        warn(f"{rows} no prediction, because a value is missing or a category was never seen in training.")
    if imputed:
        warn(f"Missing values were imputed in {listed(imputed)} ({sum(imputed.values()):,} values).")
