"""Model: a design and a fit. It predicts, evaluates, explains, saves itself, and knows which of its numbers can be trusted."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from bestline.data.design import Design
from bestline.data.moments import Moments
from bestline.data.tables import Batch, Source, open_source
from bestline.data.unnamed import with_names
from bestline.errors import BestlineWarning, DataError, NumericalError, OptionError, listed
from bestline.inference import augment, comparison, second_pass, uncertainty
from bestline.inference import classical as explain
from bestline.inference import scores as evaluate
from bestline.inference.scores import Scores
from bestline.numerics import digits as precision
from bestline.numerics.comoments import Comoments
from bestline.numerics.exact_solve import Refined, digits_within
from bestline.numerics.rows import Rows, Weights
from bestline.numerics.scaling import Scaling
from bestline.training.cross_validation import Selection
from bestline.training.outcome import Fit, Trace
from bestline.training.parts import Part, Parts
from bestline.training.plan import Plan
from bestline.training.recipe import Recipe
from bestline.training.solvers.base import Stop
from bestline.training.solvers.exact import Exact

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from bestline.inference.diagnosis import Diagnosis
    from bestline.inference.hypotheses import Verdict
    from bestline.inference.restrictions import Restrictions
    from bestline.inference.robust import Cov, Covariance
    from bestline.inference.summary import Summary
    from bestline.pictures.gallery import Gallery
    from bestline.pictures.render.html import Page


@dataclass(eq=False)
class Model:
    """A fitted line; made by `bestline.fit` or `bestline.load`.

    Attributes
    ----------
    design : Design
        The columns, and how any table is turned into them.
    weights : Tensor (d, k)
        In the data's units, the intercept last.
    trace : Trace
        Every step of training; a loaded model has a thinned one.
    stop : Stop
        Why training stopped; `advice` says it as a sentence.
    collected : Moments
        Of the training rows, everything but the rows: of each fold, or of all together where `later` gives the folds.
    solver : str
        What solved it, as its repr.
    source, labels
        The data, and with `split` the part of each of its rows; a loaded model has neither.
    notes : tuple of str
        Warnings about data and fit.
    recipe : Recipe or None
        How the fit was asked for.
    refined : Refined or None
        The exact solution, where the rows were read once more for it; None: everything is from moments.
    later : callable or None
        Gives the moments of the folds, from a pass of its own.
    unheld : str
        Why there is no held-out error, where there is none.
    """

    design: Design
    plan: Plan
    weights: Weights
    trace: Trace
    stop: Stop
    advice: str
    step: int
    rate: float | None
    rate_limit: float | None
    collected: Moments
    training: Comoments
    seconds: float
    solver: str
    notes: tuple[str, ...] = ()
    parts: Parts | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    fit: Fit | None = None
    known: dict[str, Scores | None] = field(default_factory=dict)
    source: Source | None = None
    labels: Tensor | None = None
    cv: Selection | None = None
    recipe: Recipe | None = None
    refined: Refined | None = None
    later: Callable[[], Moments] | None = None
    unheld: str = "too few rows to hold any out, or too many to train on again, or training ended early"

    # -- the line ------------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the weights, (d,): the columns of the design, then `Intercept`."""
        return self.plan.names

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns of the design, (p,)."""
        return self.design.names

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets, (k,)."""
        return self.design.targets

    @property
    def params(self) -> Series | DataFrame:
        """All weights by name, the intercept included; a column a target when there are several."""
        return self._by_name(self.weights, self.names)

    @property
    def coef(self) -> Series | DataFrame:
        """The slopes by name."""
        slopes = len(self.names) - (self.design.intercept and self.plan.forward is None)
        return self._by_name(self.weights[:slopes], self.names[:slopes])

    @property
    def intercept(self) -> float | Series:
        """The intercept; 0 for a line without one. One a target when there are several."""
        import pandas as pd

        if not isinstance(self.plan.forward, nn.Module) and self.design.intercept:
            values = self.weights[-1].tolist()
        else:
            values = [0.0] * len(self.targets)
        return values[0] if len(values) == 1 else pd.Series(values, index=list(self.targets))

    @property
    def trained(self) -> Fit:
        """The fit with its objective, for pictures and surfaces; raises NumericalError for a loaded model of other losses."""
        if self.fit is None:
            self.fit = self._rebuilt()
        return self.fit

    def _by_name(self, values: Tensor, names: Sequence[str]) -> Series | DataFrame:
        import pandas as pd

        if values.shape[1] == 1:
            return pd.Series(values[:, 0].tolist(), index=list(names), dtype=float)
        return pd.DataFrame(values.numpy(), index=list(names), columns=list(self.targets))

    @cached_property
    def moments(self) -> Moments:
        """Moments of the training rows, fold by fold: everything but the rows.

        Of data in memory the folds are made when they are first asked for. Raises DataError when the data have changed meanwhile.
        """
        return self.collected if self.later is None else self.later()

    # -- what it is worth ----------------------------------------------------------------------------------------------

    @cached_property
    def inference(self) -> explain.Inference | None:
        """Least squares' covariance of the weights; None for penalties, other losses and own forward functions."""
        if not self.plan.squared_line or self.plan.l1 or self.plan.l2:
            return None
        if self.refined is not None:
            return explain.infer_exactly(self.refined, self.training.count)
        return explain.infer(self.training, self.scaling)

    @cached_property
    def digits(self) -> Series | DataFrame:
        """How many digits of each weight are right, at least, given the data as stored; NaN where that is not known.

        Of columns that are computed, such as `log(x)`, it counts what float64 has lost of them, where the exact solution is known.
        """
        if not self.plan.squared_line or self.plan.l1 or self.plan.l2:
            return self._by_name(torch.full_like(self.weights, float("nan")), self.names)
        p = self.design.p
        exact = self._exact_weights()
        if self.refined is not None:
            digits = self.refined.digits
        else:
            digits = precision.right_digits(self.training, p, exact[:p], intercept=self.design.intercept)
            digits = torch.minimum(digits, self._digits_within[0])
        apart = (self.weights - exact).abs() / exact.abs().clamp(min=1e-300)
        reached = torch.where(apart > 0, -torch.log10(apart.clamp(min=1e-300)), 15.0).clamp(0, 15)
        return self._by_name(torch.minimum(digits, reached).floor(), self.names)

    @cached_property
    def std_error_digits(self) -> Series | DataFrame:
        """The same of the standard errors of the least-squares weights; NaN where there are none."""
        inference = self.inference
        if inference is None:
            return self._by_name(torch.full_like(self.weights, float("nan")), self.names)
        if self.refined is not None:
            return self._by_name(self.refined.std_error_digits.T.floor(), self.names)
        slopes, floor = self._exact_weights()[: self.design.p], inference.rss / self.training.weight
        digits = precision.right_error_digits(self.training, self.design.p, slopes, floor, intercept=self.design.intercept)
        digits = torch.minimum(digits, self._digits_within[1])
        return self._by_name(torch.where(inference.std_error.isnan(), float("nan"), digits).T.floor(), self.names)

    @property
    def _digits_within(self) -> tuple[Tensor, Tensor]:
        """Most digits of weights and standard errors that columns allow which float64 computed, such as `log(x)`."""
        inference = self.inference
        assert inference is not None  # noqa: S101  the callers have looked
        own, one = self.design.rounding()
        size = self.training.center.abs() + self.training.spread
        lost = self.training.weight**0.5 * (torch.where(own > 0, own * size, 0.0) + one)
        inverse = inference.covariance[0] / inference.sigma[0] ** 2
        return digits_within(lost, self._exact_weights(), inverse, inference.rss)

    @cached_property
    def fitted_scores(self) -> Scores:
        """Scores on the training rows."""
        known = self.known.get("training")
        if known is not None:
            return known
        of = f"{self.training.count:,} training rows"
        if self.refined is not None and torch.equal(self.weights, self.refined.weights):
            return evaluate.on_sums(self.refined.rss, self.refined.tss, self.training, of, "training")
        if self.plan.squared_line:
            return evaluate.on_moments(self.training, self.weights, self.scaling, of, "training", about_zero=self._about_zero)
        assert self.parts is not None  # noqa: S101  a loaded model knows its scores
        return self._scores_of(self.parts.training, of, "training")

    @cached_property
    def held_out(self) -> Scores | None:
        """Scores on rows that training did not see: the test part, or out of fold; None where there are too few rows."""
        if "held_out" in self.known:
            return self.known["held_out"]
        parts = self.parts
        if parts is None or self.stop in (Stop.DIVERGED, Stop.INTERRUPTED):
            return None
        if parts.test is not None:
            return self._scores_of(parts.test, f"{parts.test.moments.count:,} test rows", "test")
        if parts.held_out is not None:
            return self._scores_of(parts.held_out, f"{parts.held_out.moments.count:,} validation rows", "validation")
        if self.plan.of_rows:
            return self._out_of_fold_by_rows(parts)
        try:
            folds = self.moments.folds
        except DataError as error:
            self.unheld = "the data have changed since the line was fitted"
            self.notes = (*self.notes, f"There is no error out of fold. {error}")
            warnings.warn(self.notes[-1], BestlineWarning, stacklevel=3)  # past the cached property
            return None
        return evaluate.out_of_fold(folds, self.scaling, self._retrained, about_zero=self._about_zero, by=parts.by)

    def _out_of_fold_by_rows(self, parts: Parts) -> Scores | None:
        if parts.training.rows is None or parts.fold is None:
            return None

        def predictor(rows: Rows) -> Callable[[Tensor], Tensor] | None:
            fit = self.plan.run(Part(Comoments.of_rows(rows), rows))
            return None if fit.stop in (Stop.DIVERGED, Stop.INTERRUPTED) else self.plan.predictor(fit.weights)

        return evaluate.out_of_fold_rows(parts.training.rows, parts.fold, len(self.collected.folds), predictor, by=parts.by)

    def _retrained(self, rest: Comoments) -> Weights | None:
        fit = self.plan.run(Part(rest))
        return None if fit.stop in (Stop.DIVERGED, Stop.INTERRUPTED) else fit.weights

    def _scores_of(self, part: Part, of: str, kind: str) -> Scores:
        if part.rows is None:
            return evaluate.on_moments(part.moments, self.weights, self.scaling, of, kind, about_zero=self._about_zero)
        with torch.no_grad():
            prediction = self.plan.predictor(self.weights)(part.rows.X)
        return evaluate.Errors.of(prediction, part.rows.y, part.rows.w).scores(of, kind, about_zero=self._about_zero)

    @property
    def _about_zero(self) -> bool:
        """Whether R2 compares with 0 and not with the mean: the convention for lines without an intercept."""
        return self.plan.forward is None and not self.design.intercept

    @property
    def scaling(self) -> Scaling:
        """Means and spreads of the training rows."""
        return Scaling.of(self.training, self.design.p, intercept=self.design.intercept, standardize=True)

    def _exact_weights(self) -> Weights:
        if self.refined is not None:
            return self.refined.weights
        plan = replace(self.plan, solver=Exact(), start=None)
        return plan.run(Part(self.training)).weights

    def _rebuilt(self) -> Fit:
        if not self.plan.squared_line:
            raise NumericalError("This picture needs the rows, and a loaded model has none; fit again.")
        task = replace(self.plan, solver=Exact()).task(Part(self.training))  # the bowl alone: slices would need the rows
        return Fit(
            self.weights,
            self.trace,
            self.stop,
            self.advice,
            self.step,
            self.rate,
            self.rate_limit,
            self.plan.solver,
            task.objective,
            task.scaling,
        )

    # -- tables of results ---------------------------------------------------------------------------------------------

    def coefficients(
        self, level: float = 0.95, target: int = 0, *, cov: Cov = "classical", data: Any = None
    ) -> list[explain.Coefficient]:
        """The coefficient table of one target; `cov` and `data` as in `covariance`."""
        return uncertainty.tables(self, level, cov, data)[target]

    def covariance(self, cov: Cov = "classical", data: Any = None) -> explain.Inference | Covariance:
        """Covariance of the weights: "classical", "HC0" to "HC3", or {"cluster": column}.

        Robust ones read the training rows again; a loaded model has none: give them as `data`. See `second_pass.covariance`.
        """
        return uncertainty.covariance(self, cov, data)

    def wald(self, restrictions: Restrictions, cov: Cov = "classical", data: Any = None, *, target: int | str = 0) -> Verdict:
        """Test restrictions such as `"weight = 0, horsepower = 2 * weight"`; see `second_pass.wald`."""
        return comparison.wald(self, restrictions, cov, data, target=target)

    def diagnose(self, data: Any = None, *, target: int | str = 0) -> Diagnosis:
        """A second look at the training rows: tests, the rows that move the line, what to look at. `print` it."""
        return second_pass.diagnosis(self, data, target=target)

    def influence(self, data: Any = None, *, target: int | str = 0) -> DataFrame:
        """Every training row's leverage, residuals, Cook's distance, DFFITS and DFBETAS; see `second_pass.influence`."""
        return second_pass.influence(self, data, target=target)

    def augment(self, data: Any = None, interval: str | None = None, level: float = 0.95) -> DataFrame:
        """The data's own columns, and beside them fitted, resid, hat, cooksd, ... of every row; see `augment.augment`."""
        return augment.augment(self, data, interval, level)

    @cached_property
    def settled(self) -> bool:
        """Whether training reached the least-squares solution, to a hundredth of every standard error."""
        if self.inference is None:
            return False
        exact = self._exact_weights()
        errors = self.inference.std_error.T.nan_to_num(float("inf"))
        return bool(((self.weights - exact).abs() <= 0.01 * errors + 1e-8 * exact.abs()).all())

    def conf_int(self, level: float = 0.95, *, cov: Cov = "classical", data: Any = None) -> DataFrame:
        """Intervals of the weights, columns `low` and `high`; for least squares without a penalty."""
        import pandas as pd

        rows = [
            (c.term, target, c.conf_low, c.conf_high)
            for target, table in zip(self.targets, uncertainty.tables(self, level, cov, data), strict=True)
            for c in table
        ]
        frame = pd.DataFrame(rows, columns=["term", "target", "low", "high"])
        return frame.set_index("term")[["low", "high"]] if len(self.targets) == 1 else frame.set_index(["target", "term"])

    def tidy(self, level: float = 0.95, *, cov: Cov = "classical", data: Any = None) -> DataFrame:
        """One row a weight, by broom's names: term, estimate, std_error, statistic, p_value, conf_low, conf_high."""
        import pandas as pd

        frames = []
        for target, table in zip(self.targets, uncertainty.tables(self, level, cov, data), strict=True):
            frame = pd.DataFrame(table)
            if len(self.targets) > 1:
                frame.insert(0, "target", target)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def glance(self) -> DataFrame:
        """One row a target: nobs, r_squared, adj_r_squared, sigma, F statistic, p_value, log_lik, aic, bic."""
        import pandas as pd

        if self.inference is None:
            raise NumericalError(
                "`glance` describes least squares without a penalty; look at `fitted_scores` and `held_out` here."
            )
        rows = [
            explain.glance(self.training, self.inference, intercept=self.design.intercept, target=i)
            for i in range(len(self.targets))
        ]
        return pd.DataFrame(rows, index=list(self.targets))

    @property
    def bse(self) -> Series | DataFrame:
        """Standard errors of the weights."""
        return self._column("std_error")

    @property
    def tvalues(self) -> Series | DataFrame:
        """T statistics of the weights."""
        return self._column("statistic")

    @property
    def pvalues(self) -> Series | DataFrame:
        """Two-sided p-values of the weights."""
        return self._column("p_value")

    def _column(self, name: str) -> Series | DataFrame:
        values = [[getattr(c, name) for c in self.coefficients(target=i)] for i in range(len(self.targets))]
        return self._by_name(torch.tensor(values, dtype=torch.float64).T, self.names)

    def summary(self, level: float = 0.95, *, cov: Cov = "classical", data: Any = None) -> Summary:
        """Everything in one place: `print` it, or take `.facts`, the object that `--json` prints."""
        from bestline.inference.summary import summarise

        return summarise(self, level, cov, data)

    def __repr__(self) -> str:
        return f"<bestline.Model {self.design.formula!r}, {self.training.count:,} rows, {self.stop.name.lower()}>"

    # -- use -----------------------------------------------------------------------------------------------------------

    def predict(self, data: Any, interval: str | None = None, level: float = 0.95, on_unseen: str = "raise") -> Any:
        """Predictions for new rows.

        Parameters
        ----------
        data
            Anything that `fit` reads, without the target; columns are found by name, in any order. For one feature also a
            number, a list or a column of numbers.
        interval : {"confidence", "prediction"}, optional
            Interval of the line's mean, or of a new observation; for least squares of one target. Where the line was fitted with
            weights, the new observation is one of weight 1, as in R and statsmodels; `augment` takes each row's own weight.
        level : float
            Share of intervals that hold the truth.
        on_unseen : {"raise", "nan"}
            What to do with a category that training never saw.

        Returns
        -------
        float, ndarray or DataFrame
            A float for a number; else (n,), or (n, k) for several targets; with an interval a frame with the columns
            `prediction` and `pred_low`, `pred_high` or `conf_low`, `conf_high`.

        Raises
        ------
        ColumnError, UnseenLevelError, MissingValuesError
        """
        source, single = self._source(data)
        pieces = [self.predict_batch(batch, interval, level, on_unseen) for batch in source.batches(self.design.needs)]
        if interval is None:
            k = len(self.targets)
            table = torch.cat([p["prediction"].reshape(-1, k) for p in pieces]) if pieces else torch.empty(0, k)
            values = table.numpy()[:, 0] if k == 1 else table.numpy()
            return float(values[0]) if single else values
        import pandas as pd

        return (
            pd.DataFrame({name: torch.cat([p[name] for p in pieces]).numpy() for name in pieces[0]})
            if pieces
            else pd.DataFrame()
        )

    def predict_batch(
        self, batch: Batch, interval: str | None = None, level: float = 0.95, on_unseen: str = "raise"
    ) -> dict[str, Tensor]:
        """Predictions for one batch of a Source, by column: `prediction`, and the ends of the interval asked for."""
        if interval not in (None, "confidence", "prediction") or on_unseen not in ("raise", "nan"):
            raise OptionError("`interval` is None, 'confidence' or 'prediction', and `on_unseen` 'raise' or 'nan'.")
        X, imputed = self.design.features(batch, on_unseen=on_unseen)
        X = X.cpu()
        refined = self.refined
        below = self.design.beyond(batch, X, on_unseen=on_unseen).low if refined is not None and refined.steep else None
        if refined is not None and refined.steep and torch.equal(self.weights, refined.weights):
            prediction = refined.height(X, below)
        else:
            with torch.no_grad():
                prediction = self.plan.predictor(self.weights)(X)
        self._note_prediction(X, imputed)
        if interval is None:
            return {"prediction": prediction[:, 0] if len(self.targets) == 1 else prediction}
        half = self._half_width(X, below, interval, level)
        low, high = ("pred_low", "pred_high") if interval == "prediction" else ("conf_low", "conf_high")
        return {"prediction": prediction[:, 0], low: prediction[:, 0] - half, high: prediction[:, 0] + half}

    def _half_width(self, X: Tensor, below: Tensor | None, interval: str, level: float) -> Tensor:
        explain.check_level(level)
        inference = self.inference
        if inference is None or len(self.targets) != 1:
            raise NumericalError(
                "Intervals are defined for least squares of one target without a penalty; predict without them."
            )
        if inference.df_resid <= 0:
            raise NumericalError("Intervals need residual degrees of freedom: more rows than weights. Predict without them.")
        variance = self._variance_of_mean(X, below, inference)
        lacking = int((variance.isnan() & ~X.isnan().any(1)).sum())
        if lacking and not inference.aliased:
            rows = "1 row has" if lacking == 1 else f"{lacking:,} rows have"
            _warn(f"{rows} no interval, for the columns are too nearly collinear: rounding is all that is left of its width.")
        if interval == "prediction":
            variance = variance + inference.sigma[0] ** 2
        return explain.t_quantile(0.5 + level / 2, inference.df_resid) * variance.sqrt()

    def _variance_of_mean(self, X: Tensor, below: Tensor | None, inference: explain.Inference) -> Tensor:
        """X' cov x of rows (n, p): from the exact factor of cov, or about the training mean, where less cancels."""
        if self.refined is not None:
            return inference.sigma[0] ** 2 * self.refined.leverage(X, below)
        if not self.design.intercept:
            return inference.variance_of_mean(X)
        away = X - self.training.center[: self.design.p]
        return inference.variance_of_mean(away) + inference.sigma[0] ** 2 / self.training.weight

    def _note_prediction(self, X: Tensor, imputed: dict[str, int]) -> None:
        low, high = self.collected.low, self.collected.high
        margin = high - low
        outside = ((low - margin > X) | (high + margin < X)).any(0) & margin.isfinite()
        if bool(outside.any()):
            names = [n for n, out in zip(self.features, outside.tolist(), strict=True) if out]
            _warn(
                f"{listed(names)} {'lie' if len(names) > 1 else 'lies'} far outside the range that training saw; the line is a guess there."
            )
        unknown = int(X.isnan().any(1).sum())
        if unknown:
            rows = "1 row has" if unknown == 1 else f"{unknown:,} rows have"
            _warn(f"{rows} no prediction, because a value is missing or a category was never seen in training.")
        if imputed:
            _warn(f"Missing values were imputed in {listed(imputed)} ({sum(imputed.values()):,} values).")

    def evaluate(self, data: Any) -> Scores:
        """Errors on rows with a known target: one pass; MSE, RMSE, MAE and R2 with the number of rows."""
        source, _ = self._source(data)
        design = self.design
        unweighted = design.weights is not None and design.weights not in source.names
        if unweighted:
            design = replace(design, weights=None)
        design.check(source, target=True)
        errors = evaluate.Errors.empty(len(self.targets))
        read = 0
        for batch in source.batches(design.reads()):
            rows = design.rows(batch).rows
            read += batch.rows
            rows = rows.to("cpu")
            with torch.no_grad():
                prediction = self.plan.predictor(self.weights)(rows.X)
            errors = errors + evaluate.Errors.of(prediction, rows.y, rows.w)
        if errors.moments.count == 0:
            raise DataError(f"There are no rows to evaluate in {source.label}.")
        left_out = read - errors.moments.count
        apart = ", unweighted" if unweighted else ""
        if left_out:
            apart += f", {left_out:,} left out because a value was missing or the weight zero"
        return errors.scores(f"{errors.moments.count:,} rows of {source.label}{apart}", "data", about_zero=self._about_zero)

    def to_torch(self) -> nn.Module:
        """The line as `nn.Linear(p, k)` in float64, all scaling folded in; an own module as a copy with its weights trained."""
        if isinstance(self.plan.forward, nn.Module):
            from copy import deepcopy

            module = deepcopy(self.plan.forward)
            nn.utils.vector_to_parameters(self.weights[:, 0].to(next(module.parameters()).dtype), module.parameters())
            return module
        if self.plan.forward is not None:
            raise OptionError(
                "An own forward function is not an nn.Linear; give an nn.Module to `forward` to get it back trained."
            )
        linear = nn.Linear(self.design.p, len(self.targets), bias=self.design.intercept, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(self.weights[: self.design.p].T)
            if self.design.intercept:
                linear.bias.copy_(self.weights[-1])
        return linear

    def rows(self, part: str = "training", data: Any = None) -> Iterator[Rows]:
        """The rows in the data's units, batch by batch: of `data`, or else of the "training", "validation" or "test" part.

        Raises OptionError for a loaded model, which has no rows, when `data` is not given.
        """
        source = self.source if data is None else self._source(data)[0]
        if source is None:
            raise OptionError("A loaded model, or one made from moments, has no rows; give the data to this call.")
        wanted = ("training", "validation", "test").index(part)
        for batch in source.batches(self.design.reads()):
            encoded = self.design.rows(batch)
            if data is None and self.labels is not None:
                own = self.labels[batch.start : batch.start + batch.rows]
                yield encoded.rows[(own if encoded.index is None else own[encoded.index]) == wanted]
            elif data is not None or part == "training":
                yield encoded.rows

    @property
    def plot(self) -> Gallery:
        """Pictures: `model.plot.loss()`, `.contour()`, ... each a matplotlib Figure."""
        from bestline.pictures.gallery import Gallery

        return Gallery(self)

    # -- faces: each opens what lies above a model, when it is called --------------------------------------------------

    def watch(self, others: Mapping[str, Model] | None = None, *, data: Any = None, **shown: Any) -> Any:
        """The player: every step of training, in a notebook with anywidget as a widget, else as a `Page` to save.

        Parameters
        ----------
        others : mapping of label to Model, optional
            Models trained on the same rows, to be seen beside this one.
        data
            The rows to show, for a loaded model.
        **shown
            `pair`, the two weights of the loss surface, and `target`.
        """
        from bestline.pictures import watch as watching

        return watching.watch({watching.label(self): self, **(others or {})}, data, **shown)

    def animate(self, path: str | os.PathLike[str], others: Mapping[str, Model] | None = None, **options: Any) -> Path:
        """Write training as a .gif, or as .mp4 where ffmpeg is installed; options as in `bestline.watching.animate`."""
        from bestline.pictures import watch as watching

        return watching.animate({watching.label(self): self, **(others or {})}, path, **options)

    def report(self, path: str | os.PathLike[str] | None = None, data: Any = None, *, overwrite: bool = False) -> Page:
        """A page about the model: what was fitted, what it means, what it is worth, how it was trained, how to do it again.

        Parameters
        ----------
        path : path, optional
            Where to write it; by default nowhere.
        data
            The rows, for a loaded model; without any the page has no pictures of data.
        overwrite : bool

        Returns
        -------
        Page
            Self-contained HTML, which notebooks show.
        """
        from bestline.export.report import report

        page = report(self, data)
        if path is not None:
            page.save(path, overwrite=overwrite)
        return page

    def script(self, style: str = "linear", *, data: Any = None, rows: str = "auto") -> str:
        """The run as plain code that prints the same weights and loss: "numpy", "tensors", "linear" or "module".

        `data` are the training rows, for a loaded model; `rows` says how the script gets them: "inline", from the "path", or
        "auto".
        """
        from bestline.export.script import script

        return script(self, style, data=data, rows=rows)

    def to_sql(self, table: str | tuple[str, ...], *, dialect: str = "ansi") -> str:
        """A SELECT that gives the table's columns and `prediction`; see `bestline.export.sql.to_sql`."""
        from bestline.export.sql import to_sql

        return to_sql(self, table, dialect=dialect)

    def to_onnx(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the model as an ONNX graph in double precision; see `bestline.export.graph.to_onnx`."""
        from bestline.export.onnx_graph import to_onnx

        to_onnx(self, path, overwrite=overwrite)

    def to_json(self) -> dict[str, Any]:
        """Everything that is known of the model as plain JSON; see `bestline.export.document.to_json`."""
        from bestline.export.facts import to_json

        return to_json(self)

    def _repr_html_(self) -> str:
        from bestline.export.card import card

        return card(self)

    def _source(self, data: Any) -> tuple[Source, bool]:
        """Data to predict or evaluate, bare numbers included, its columns called as in training."""
        if isinstance(data, Source):
            source, single = data, False
        else:
            single = isinstance(data, int | float) or getattr(data, "ndim", None) == 0  # a number of Python, NumPy or torch
            source = open_source(with_names(data, self.design, single=single), text=self.design.texts)
        self.design.check(source, target=False)
        return source, single

    # -- files ---------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a .bestline file: safetensors and JSON, nothing that executes, a few kB.

        It predicts with intervals, evaluates and explains; rows and single folds are not in it, and a long trace is thinned.
        """
        from bestline.export.model_file import save

        save(self, path, overwrite=overwrite)


def _warn(message: str) -> None:
    warnings.warn(message, BestlineWarning, stacklevel=4)
