"""Prediction: the line at new rows, with intervals, and how far it is off where the target is known.

    prediction = x'w    half width = t(df, level) * sqrt(x' cov x [+ sigma^2])

The interval of the line's mean leaves sigma^2 out, that of a new observation of weight 1 has it in. cov is the line's own: of a line
with robust errors the mean's interval is robust, while sigma is one number for all rows.

A line of `log(y)` predicts y: what it fits is turned back, and so are the ends of its intervals, exactly. That is the median of y where
the errors of log(y) have the median 0; the mean takes the training residuals as well (see `smearing`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from bestline.calls import needed, one_of
from bestline.data.design import Design, NewRows
from bestline.data.design.inverse import Inverse
from bestline.data.design.lost_digits import columns_doubled
from bestline.data.passes import Named, Pass
from bestline.data.tables import Batch
from bestline.errors import DataError, NumericalError, OptionError, listed, readable, warn
from bestline.inference import classical
from bestline.inference.fitted import FittedLine
from bestline.inference.own_units import turned_back
from bestline.inference.remarks import Remarks, rows_have
from bestline.inference.restricted import Restricted
from bestline.inference.scores import Errors, Scores
from bestline.inference.training_rows import opened
from bestline.inference.why_not import refuse, refuse_absorbed, why_no_errors, why_no_heights
from bestline.numerics import Weights
from bestline.training import Plan
from bestline.training.plan import refuse_beyond

_KINDS = ("confidence", "prediction")
_LEVEL = 0.95
_UNSEEN = ("nan", "raise", "average")
UNITS, _POINTS = ("own", "fitted"), ("median", "mean")
_ALONE = "they depend on training {}s that determine a weight by themselves, whose errors nobody knows"  # rows or clusters
_UNKNOWN = "the line is one choice among many there"
_ROUNDING = "the columns are too nearly collinear: rounding is all that is left of its width"


def predict(ask: Predictor, data: Any) -> Any:
    """Predictions for new rows; see `Model.predict`."""
    line = ask.line
    source, single = opened(line, data)
    pieces = [ask(batch) for batch in source.batches(line.design.needs)]
    ask.tell()
    if ask.interval is None:
        k = len(line.targets)
        table = torch.cat([p["prediction"].reshape(-1, k) for p in pieces]) if pieces else torch.empty(0, k)
        values = table.numpy()[:, 0] if k == 1 else table.numpy()
        return float(values[0]) if single else values
    import pandas as pd

    return (
        pd.DataFrame({name: torch.cat([p[name] for p in pieces]).numpy() for name in pieces[0]}) if pieces else pd.DataFrame()
    )


def predict_batch(ask: Predictor, batch: Batch) -> dict[str, Tensor]:
    """Predictions for one batch of a Source, by column: `prediction`, and the ends of the interval asked for."""
    needed(batch, Batch, "`predict_batch` takes a batch of a Source; `predict` takes tables")
    found = ask(batch)
    ask.tell()
    return found


@dataclass(slots=True, eq=False)
class Predictor:
    """Predicts batch after batch of a table, and tells once, behind the last, what people should know of all their rows."""

    line: FittedLine
    interval: str | None = None
    level: float = _LEVEL
    on_unseen: str = "nan"
    units: str = "own"
    point: str = "median"
    narrow: Counter[str] = field(default_factory=Counter)
    past: Counter[str] = field(default_factory=Counter)  # fitted values beyond what a target can be
    endless: int = 0
    outside: dict[str, None] = field(default_factory=dict)  # names, in the order in which they were met
    beyond: dict[str, None] = field(default_factory=dict)  # B-splines beyond their outer knots, likewise
    remarks: Remarks = field(default_factory=Remarks)

    def __post_init__(self) -> None:
        if not one_of(self.interval, (None, *_KINDS)):
            raise OptionError(f"`interval` is None, 'confidence' or 'prediction'; got {self.interval!r}.")
        if self.interval is None and self.level != _LEVEL:
            raise OptionError("`level` is the level of an interval; say which: interval='prediction', or 'confidence'.")
        check_unseen(self.on_unseen)
        if self.interval is not None:
            refuse_absorbed(self.line, "Intervals of predictions need the errors of effects, which are not computed")
        check_units(self.units)
        if not one_of(self.point, _POINTS):
            raise OptionError(f"`point` is 'median' or 'mean', of a target that is turned back; got {self.point!r}.")
        if self.point == "mean" and self.units == "fitted":
            raise OptionError("`point` chooses between median and mean of a target in its own units; leave units='fitted' out.")
        if self.point == "mean" and any(self.line.inverses) and self.line.own_units is None:
            raise NumericalError(
                "The mean needs the residuals of training (Duan's smearing), and this line was made from moments, or its training ended "
                "early; predict the median, or fit the rows."
            )

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """By column: `prediction`, and the ends of the interval asked for; NaN in rows that cannot be predicted."""
        line, interval = self.line, self.interval
        asked = line.design.features(batch, on_unseen=self.on_unseen)
        self._note(asked)
        X, refined = asked.X.cpu(), line.refined
        # Where float64 is too coarse for the columns, what it leaves out of them counts too.
        steep = refined is not None and refined.steep
        below = columns_doubled(line.design, batch, X, on_unseen=self.on_unseen).low if steep else None
        if refined is not None and steep and torch.equal(line.weights, refined.weights):
            prediction = refined.height(X, below)
        else:
            with torch.no_grad():
                prediction = line.plan.predictor(line.weights)(X)
        if asked.height is not None:
            prediction = prediction + asked.height
        if asked.known is not None:
            prediction = prediction + asked.known.cpu()[:, None]
        if asked.lacking is not None:  # a line without columns, or an own function, would have a number there
            prediction = torch.where(asked.lacking.cpu()[:, None], float("nan"), prediction)
        if interval is None:
            own = self._turned_back(prediction)
            return {"prediction": own[:, 0] if len(line.targets) == 1 else own}
        half, narrow = _half_width(line, X, below, interval, self.level)
        self.narrow += narrow
        low, high = ("pred_low", "pred_high") if interval == "prediction" else ("conf_low", "conf_high")
        ends = (prediction[:, 0] - half, prediction[:, 0] + half)
        if self.units == "own" and (back := line.inverses[0]) is not None:
            ends = back.ends(*ends)
        return {"prediction": self._turned_back(prediction)[:, 0], low: ends[0], high: ends[1]}

    def _turned_back(self, fitted: Tensor) -> Tensor:
        """Fitted values (n, k) in the units asked for, and as the point asked for."""
        line = self.line
        if self.units == "fitted" or not any(line.inverses):
            return fitted
        for i, back in enumerate(line.inverses):
            if back is not None and (out := int(back.outside(fitted[:, i], line.design.states).sum())):
                self.past[back.target] += out
        if self.point == "median" or line.own_units is None:
            return turned_back(line.inverses, fitted)
        own = [
            fitted[:, i] if back is None or spread is None else spread.mean(back, fitted[:, i])
            for i, (back, spread) in enumerate(zip(line.inverses, line.own_units.spreads, strict=True))
        ]
        found = torch.stack(own, 1)
        # Smearing adds a residual to the fitted value: far out one of these leaves the range that can be turned back.
        self.endless += int(found.isinf().any(1).sum())
        return found

    def _note(self, asked: NewRows) -> None:
        low, high = self.line.collected.low, self.line.collected.high
        # Farther out than a whole range on either side: within it lines are stretched every day, and nobody would read the warnings.
        margin = high - low
        outside = ((low - margin > asked.X.cpu()) | (high + margin < asked.X.cpu())).any(0) & margin.isfinite()
        self.outside |= {n: None for n, out in zip(self.line.features, outside.tolist(), strict=False) if out}
        self.beyond |= dict.fromkeys(asked.beyond)
        self.remarks += Remarks.of(asked)

    def tell(self) -> None:
        """Warn of rows far outside what training saw, of rows without a prediction, and of values filled in."""
        if self.outside:
            lie = "lie" if len(self.outside) > 1 else "lies"
            warn(f"{listed(self.outside)} {lie} far outside the range that training saw; the line is a guess there.")
        if self.beyond:
            warn(
                f"Some rows lie outside the outer knots of {listed(self.beyond)}, where the curve goes on with its last polynomial and soon "
                f"means nothing; ns(x, df=4) is a straight line there."
            )
        self.remarks.tell(self.on_unseen)
        for why, rows in self.narrow.items():
            warn(f"{rows_have(rows)} no interval, for {why}.")
        for target, rows in self.past.items():
            many = "1 fitted value lies" if rows == 1 else f"{rows:,} fitted values lie"
            warn(f"{many} outside what {readable(target)} can be; the prediction there is the end of its range.")
        if self.endless:
            warn(
                f"{rows_have(self.endless)} no finite mean: with the residuals of training it reaches the end of the target's range."
            )
        if self.units == "own" and (stuck := not_turned_back(self.line)):
            warn(
                f"Predictions are in units of {listed(stuck)}, which cannot be turned back; units='fitted' says that this is meant."
            )


def not_turned_back(line: FittedLine) -> list[str]:
    """The targets that are expressions and cannot be turned back, as `abs(y)`."""
    responses = zip(line.design.responses, line.inverses, strict=True)
    return [response.text for response, back in responses if response.kind == "expression" and back is None]


def check_unseen(on_unseen: str) -> None:
    """Raise OptionError for what cannot be done with a level never seen."""
    if on_unseen not in _UNSEEN:
        raise OptionError(f"`on_unseen` is 'nan', 'raise' or 'average'; got {on_unseen!r}.")


def check_units(units: str) -> None:
    """Raise OptionError for units that a target does not have."""
    if not one_of(units, UNITS):
        raise OptionError(f"`units` is 'own' (those of y, for a line of log(y)) or 'fitted' (those of log(y)); got {units!r}.")


def evaluate(line: FittedLine, data: Any, on_unseen: str = "nan", units: str = "own") -> Scores:
    """Errors on rows with a known target: one pass; MSE, RMSE, MAE and R2 with the number of rows.

    In units of the target's own column, where it is turned back; with units="fitted" in those of `log(y)`, say.

    Rows that have no prediction, or no target, are left out, and counted: those with a missing value, unless the model imputes it,
    and those with a level that training never saw, unless `on_unseen` is "raise" or "average".
    """
    check_unseen(on_unseen)
    check_units(units)
    source, _ = opened(line, data)
    # Rows to be judged may lack a value: they are counted, and not refused as in training.
    design = line.design.forgiving()
    unweighted = design.weights is not None and design.weights not in source.names
    if unweighted:
        design = replace(design, weights=None)
    design.check(source, target=True)
    inverses = line.inverses if units == "own" else ()
    found = source.reduce(_Judge(design, line.plan, line.weights, on_unseen, inverses))
    found.remarks.tell(on_unseen, scored=True)
    errors, count = found.errors, found.errors.moments.count
    if count == 0:
        raise DataError(f"There are no rows to evaluate in {source.label}{found.left_out}.")
    refuse_beyond(line.targets, errors.moments.beyond[len(line.targets) :])
    apart = ", unweighted" if unweighted else ""
    named = [back.column for back in inverses if back is not None]
    apart += f", in units of {listed(named)}" if named else ""
    return errors.scores(
        f"{count:,} row{'' if count == 1 else 's'} of {source.label}{apart}{found.left_out}",
        "data",
        about_zero=line.about_zero and line.design.absorbed is None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Errors of predictions, how many rows were read for them, and which of these were left out."""

    errors: Errors
    read: int = 0
    used: int = 0
    strange: int = 0
    remarks: Remarks = field(default_factory=Remarks)

    def __add__(self, other: _Judged) -> _Judged:
        return _Judged(
            self.errors + other.errors,
            self.read + other.read,
            self.used + other.used,
            self.strange + other.strange,
            self.remarks + other.remarks,
        )

    @property
    def left_out(self) -> str:
        """Which rows were left out, as the end of a sentence."""
        weightless = self.read - self.used - self.remarks.gapped - self.strange
        why = {
            "left out because a value was missing": self.remarks.gapped,
            "left out for a level that training never saw": self.strange,
            "of weight zero": weightless,
        }
        return "".join(f", {count:,} {reason}" for reason, count in why.items() if count)


@dataclass(frozen=True, eq=False)
class _Judge(Pass[Batch, _Judged]):
    """The pass that predicts every row and looks at the error."""

    design: Design
    plan: Plan
    weights: Weights
    on_unseen: str = "nan"
    inverses: tuple[Inverse | None, ...] = ()

    numbered = False

    @property
    def columns(self) -> list[str]:
        """Features, target and weights."""
        return self.design.reads()

    def empty(self) -> _Judged:
        """Of no rows."""
        return _Judged(Errors.empty(self.weights.shape[1]))

    def of(self, batch: Batch) -> _Judged:
        """Of some rows."""
        encoded = self.design.rows(batch, on_unseen=self.on_unseen)
        rows = encoded.rows.to("cpu")
        with torch.no_grad():
            prediction = self.plan.predictor(self.weights)(rows.X)
        height = 0.0 if encoded.height is None else encoded.height  # y is the rest of the target
        own = [turned_back(self.inverses, fitted + height) for fitted in (prediction, rows.y)]
        errors = Errors.of(own[0], own[1], rows.w, copies=rows.copies)
        gaps = self.design.gaps(batch, encoded.gaps, self.design.reads())
        remarks = Remarks(encoded.gapped, Named(gaps), Named(encoded.imputed), Named(encoded.unseen))
        used = len(rows) if rows.w is None else int((rows.w > 0).sum())
        return _Judged(errors, batch.rows, used, encoded.strange, remarks)


def interval_of_mean(line: FittedLine, level: float = _LEVEL) -> Callable[[Tensor], Tensor] | None:
    """Half the width (n,) of the confidence interval of the line's mean, at rows (n, p) of its columns in the data's units.

    None where a line has no such interval: under a penalty, before training arrived, of several targets, without degrees of freedom.
    """
    if (
        why_no_heights(line) is not None
        or line.geometry.df_resid <= 0
        or line.design.absorbed is not None
        or len(line.targets) != 1
    ):
        return None
    return lambda X: _half_width(line, X, None, "confidence", level)[0]


def _half_width(line: FittedLine, X: Tensor, below: Tensor | None, interval: str, level: float) -> tuple[Tensor, Counter[str]]:
    """Half the width of each row's interval (n,), and why so many rows have none."""
    classical.check_level(level)
    if line.diverged:
        refuse(line, "There are no intervals")
    held = line.restricted
    if held is not None and len(line.targets) == 1:
        return _half_width_held(held, X, interval, level)
    # Least squares lends other lines its geometry: which rows are like the training rows is a matter of columns alone.
    if line.edged:
        _refuse_edged(line, interval)
    elif line.inference is None or len(line.targets) != 1:
        raise NumericalError("Intervals are defined for least squares of one target without a penalty; predict without them.")
    elif not line.settled:
        refuse(line, "There are no intervals")
    inference = line.geometry
    if inference.df_resid <= 0:
        raise NumericalError("Intervals need residual degrees of freedom: more rows than weights. Predict without them.")
    # About the training mean the height and the slopes are independent, and no offset of the columns cancels.
    away = X - line.training.center[: line.design.p] if line.design.intercept else X
    variance, known = _variance_of_mean(line, X, below, away, inference), inference.estimable(away)
    variance = torch.where(known, variance, float("nan"))
    # A variance that rounding has eaten up is NaN and not small: no interval instead of one too narrow.
    lacking = variance.isnan() & ~X.isnan().any(1)
    aside = f"{_told_apart(line, inference)} say something else there than in training: the line is a choice among many"
    narrow = Counter({_ROUNDING: int((lacking & known).sum()), aside: int((lacking & ~known).sum())})
    errors = line.robust or inference
    if line.robust is not None:  # which is known where the classical one is
        leverage = variance / inference.sigma[0] ** 2
        robust = line.robust.variance_of_height(away, leverage * line.training.weight / line.training.count)[:, 0]
        variance = torch.where(variance.isnan(), variance, robust)
        narrow += Counter({_ALONE.format(line.robust.kind.unit): int((variance.isnan() & ~lacking & ~X.isnan().any(1)).sum())})
    if interval == "prediction":
        # An observation scatters about the line by sigma, beside what is not known of the line.
        variance = variance + line.observation_sd[0] ** 2
    half = classical.t_quantile(0.5 + level / 2, errors.df) * variance.sqrt()
    return half, narrow


def _refuse_edged(line: FittedLine, interval: str) -> None:
    """Raise NumericalError for intervals that a median, quantile or Huber line has not."""
    reason = why_no_errors(line)
    if reason is not None:
        raise NumericalError(f"There are no intervals here: {reason}.")
    if len(line.targets) != 1:
        raise NumericalError("Intervals of predictions are defined for one target; predict without them.")
    if interval == "prediction":
        raise NumericalError(
            f"There is no prediction interval of a line by the {line.plan.cost.name} loss, which says nothing of how observations scatter; "
            f"two lines by loss='quantile:0.05' and 'quantile:0.95' have 90% of them in between. The line itself has "
            f"interval='confidence'."
        )


def _half_width_held(held: Restricted, X: Tensor, interval: str, level: float) -> tuple[Tensor, Counter[str]]:
    """The same of a line whose weights restrictions hold."""
    if held.df <= 0:
        raise NumericalError("Intervals need residual degrees of freedom: more rows than weights. Predict without them.")
    variance = held.variance_of_mean(X)
    lacking = int((variance.isnan() & ~X.isnan().any(1)).sum())
    if interval == "prediction":
        variance = variance + held.sigma[0] ** 2
    return classical.t_quantile(0.5 + level / 2, held.df) * variance.sqrt(), Counter({_UNKNOWN: lacking})


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
