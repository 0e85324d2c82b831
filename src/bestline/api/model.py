"""Model: a fitted line as people use it. It has no field of its own and computes nothing: every method opens a room below."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from torch import nn

from bestline.calls import answering, now_by_name, with_hints
from bestline.data.runner import calmly
from bestline.engines.choose import placed
from bestline.errors import BestlineDeprecationWarning, warn
from bestline.export import model_file, sql, torch_module
from bestline.export.facts import to_dict
from bestline.export.script import script
from bestline.inference import (
    augment,
    comparison,
    marginal,
    peers,
    prediction,
    reached_for,
    resampling,
    selection,
    summary,
    tables,
    training_rows,
    uncertainty,
)
from bestline.inference.diagnostics import second_pass
from bestline.inference.fitted import FittedLine
from bestline.numerics import Rows

if TYPE_CHECKING:
    from pandas import DataFrame, Series
    from torch import Tensor

    from bestline.data.tables import Batch
    from bestline.inference.classical import Coefficient, Inference
    from bestline.inference.comparison import Anova
    from bestline.inference.covariance.base import Cov
    from bestline.inference.covariance.sandwich import Covariance
    from bestline.inference.diagnostics.diagnosis import Diagnosis
    from bestline.inference.hypotheses import Verdict
    from bestline.inference.peers import Agreement
    from bestline.inference.resampling import Bootstrap
    from bestline.inference.restricted import Restricted
    from bestline.inference.scores import Scores
    from bestline.inference.selection import Subsets
    from bestline.inference.summary import Summary
    from bestline.pictures.gallery import Gallery
    from bestline.pictures.render.html import Page
    from bestline.training.restrictions import Restrictions


@final
@answering(reached_for.ELSEWHERE, reached_for.VALUES, reached_for.there)
@with_hints
@dataclass(frozen=True, eq=False, repr=False)
class Model(FittedLine):
    """A fitted line; made by `bestline.fit` or `bestline.load`. See `FittedLine` for what it holds."""

    # -- the line ------------------------------------------------------------------------------------------------------

    @property
    def params(self) -> Series | DataFrame:
        """All weights by name, the intercept included; a column a target when there are several."""
        return tables.by_name(self, self.weights, self.names)

    @property
    def coef(self) -> Series | DataFrame:
        """The slopes by name."""
        return tables.by_name(self, self.weights[: self.slope_count], self.names[: self.slope_count])

    @property
    def intercept(self) -> float | Series:
        """The intercept; 0 for a line without one. One a target when there are several."""
        return tables.intercept(self)

    # -- what it is worth ----------------------------------------------------------------------------------------------

    @property
    def digits(self) -> Series | DataFrame:
        """How many digits of each weight are right, at least, given the data as stored; NaN where that is not known.

        Of columns that are computed, such as `log(x)`, it counts what float64 has lost of them, where the exact solution is known.
        """
        return tables.by_name(self, self.right_digits, self.names)

    @property
    def std_error_digits(self) -> Series | DataFrame:
        """The same of the standard errors of the least-squares weights; NaN where there are none."""
        return tables.by_name(self, self.right_error_digits, self.names)

    @property
    def bse(self) -> Series | DataFrame:
        """Standard errors of the weights."""
        return tables.column(self, "std_error")

    @property
    def tvalues(self) -> Series | DataFrame:
        """T statistics of the weights."""
        return tables.column(self, "statistic")

    @property
    def pvalues(self) -> Series | DataFrame:
        """Two-sided p-values of the weights."""
        return tables.column(self, "p_value")

    @calmly
    def conf_int(self, level: float = 0.95, *, cov: Cov | None = None, data: Any = None) -> DataFrame:
        """Intervals of the weights, columns `low` and `high`; for least squares without a penalty."""
        return tables.conf_int(self, level, cov, data)

    @calmly
    def tidy(self, level: float = 0.95, *, cov: Cov | None = None, data: Any = None) -> DataFrame:
        """One row a weight, by broom's names: term, estimate, std_error, statistic, p_value, conf_low, conf_high."""
        return tables.tidy(self, level, cov, data)

    def glance(self) -> DataFrame:
        """One row a target: nobs, r_squared, adj_r_squared, sigma, F statistic, p_value, log_lik, aic, bic.

        AIC and BIC count the coefficients and not sigma; R counts sigma, too: 2 and log(n) higher.
        """
        return tables.glance(self)

    @calmly
    def summary(self, level: float = 0.95, *, cov: Cov | None = None, data: Any = None, digits: bool = False) -> Summary:
        """Everything in one place: `print` it, or take `.facts`, the object that `--json` prints.

        How many digits of each estimate are right is printed where one has fewer than 12, and with `digits` always. AIC and BIC
        count the coefficients and not sigma, as in statsmodels; R counts sigma, too: its AIC is 2 higher, its BIC log(n).
        """
        return summary.summarise(self, level, cov, data, digits=digits)

    @now_by_name
    @calmly
    def coefficients(
        self, level: float = 0.95, *, target: int | str = 0, cov: Cov | None = None, data: Any = None
    ) -> list[Coefficient]:
        """The coefficient table of one target, by its name or number; `cov` and `data` as in `covariance`."""
        return uncertainty.tables(self, level, cov, data)[uncertainty.target_number(self, target)]

    @calmly
    def covariance(self, cov: Cov | None = None, data: Any = None) -> Inference | Covariance | Restricted:
        """Covariance of the weights: by default that of the fit, else "classical", "HC0" to "HC3", {"cluster": columns}, {"hac": order};
        of median, quantile and Huber lines "robust" or "iid", of quantile lines also "nid", of Huber lines "H2" or "H3".

        Others than those read the training rows again; a loaded model has none: give them as `data`. See `uncertainty.covariance`.
        """
        return uncertainty.covariance(self, cov, data)

    @now_by_name
    @calmly
    def wald(self, restrictions: Restrictions, *, cov: Cov | None = None, data: Any = None, target: int | str = 0) -> Verdict:
        """Test restrictions such as `"weight = 0, horsepower = 2 * weight"`; see `comparison.wald`."""
        return comparison.wald(self, restrictions, cov, data, target=target)

    @now_by_name
    @calmly
    def anova(self, kind: int | str = 2, *, cov: Cov | None = None, data: Any = None, target: int | str = 0) -> Anova:
        """What each term explains: sums of squares of type 1, 2 or 3 and their F tests; see `comparison.anova`. `print` it."""
        return comparison.anova(self, kind, cov, data, target=target)

    @calmly
    def subsets(
        self, by: str = "bic", *, most: int | None = None, keep: str | Sequence[str] = (), target: int | str = 0
    ) -> Subsets:
        """The best of all lines that leave out some of up to 20 terms, from the moments; see `selection.subsets`. `print` it."""
        return selection.subsets(self, by, most=most, keep=keep, target=target)

    @calmly
    def means(
        self,
        term: Any,
        *,
        by: Any = None,
        at: Mapping[str, Any] | None = None,
        weights: str = "equal",
        units: str = "own",
        level: float = 0.95,
        cov: Cov | None = None,
        data: Any = None,
    ) -> DataFrame:
        """The line at each level of a term, averaged over the other categories, numbers at their mean; see `marginal.means`."""
        places = {"by": by, "at": at, "weights": weights, "level": level, "cov": cov, "data": data}
        return marginal.means(self, term, units=units, **places).frame()

    @calmly
    def contrasts(
        self,
        term: Any,
        *,
        method: Any = "pairwise",
        adjust: str = "none",
        by: Any = None,
        at: Mapping[str, Any] | None = None,
        weights: str = "equal",
        level: float = 0.95,
        cov: Cov | None = None,
        data: Any = None,
    ) -> DataFrame:
        """Differences of these means, of all pairs or others, with p-values adjusted for many; see `marginal.contrasts`."""
        places = {"by": by, "at": at, "weights": weights, "level": level, "cov": cov, "data": data}
        return marginal.contrasts(self, term, method=method, adjust=adjust, **places).frame()

    @calmly
    def slopes(
        self,
        column: str,
        *,
        by: Any = None,
        at: Mapping[str, Any] | None = None,
        weights: str = "equal",
        level: float = 0.95,
        cov: Cov | None = None,
        data: Any = None,
    ) -> DataFrame:
        """How steep the line is in a column of numbers: its derivative, exactly, at places as in `means`; see `marginal.slopes`."""
        return marginal.slopes(self, column, by=by, at=at, weights=weights, level=level, cov=cov, data=data).frame()

    @calmly
    def difference(self, rows: Any, others: Any, *, level: float = 0.95, cov: Cov | None = None, data: Any = None) -> DataFrame:
        """Predictions at rows less those at others, row by row, with the errors of the differences; see `marginal.difference`."""
        return marginal.difference(self, rows, others, level=level, cov=cov, data=data).frame()

    @calmly
    def effects(self) -> DataFrame:
        """The effect of each level of the factors behind the bar, and how many rows have it; see `marginal.level_effects`."""
        return marginal.level_effects(self).frame()

    @calmly
    def bootstrap(
        self,
        data: Any = None,
        *,
        kind: str = "pairs",
        samples: int | None = None,
        seed: int | None = None,
        level: float = 0.95,
        interval: str | None = None,
        cluster: str | None = None,
        multipliers: str | None = None,
    ) -> Bootstrap:
        """Errors without a formula, from samples of the training rows; see `resampling.bootstrap`. `print` it."""
        how: dict[str, Any] = {
            "samples": samples,
            "seed": seed,
            "interval": interval,
            "cluster": cluster,
            "multipliers": multipliers,
        }
        return resampling.bootstrap(self, data, kind=kind, level=level, **how)

    @calmly
    def diagnose(self, data: Any = None, *, target: int | str = 0) -> Diagnosis:
        """A second look at the training rows: tests, the rows that move the line, what to look at. `print` it."""
        return second_pass.diagnosis(self, data, target=target)

    @calmly
    def influence(self, data: Any = None, *, target: int | str = 0) -> DataFrame:
        """Every training row's leverage, residuals, Cook's distance, DFFITS and DFBETAS; see `second_pass.influence`."""
        return second_pass.influence(self, data, target=target)

    @now_by_name
    @calmly
    def augment(
        self, data: Any = None, *, interval: str | None = None, level: float = 0.95, on_unseen: str = "nan", units: str = "own"
    ) -> DataFrame:
        """The data's own columns, and beside them fitted, resid, hat, cooksd, ... of every row; see `augment.augment`."""
        return augment.augment(self, data, interval, level, on_unseen, units)

    @calmly
    def agree(self, data: Any = None) -> Agreement:
        """The same line by scikit-learn and statsmodels, and to how many digits each weight agrees; see `peers.agreement`."""
        return peers.agreement(self, data)

    # -- use -----------------------------------------------------------------------------------------------------------

    @now_by_name
    @calmly
    def predict(
        self,
        data: Any,
        *,
        interval: str | None = None,
        level: float = 0.95,
        on_unseen: str = "nan",
        units: str = "own",
        point: str = "median",
    ) -> Any:
        """Predictions for new rows, in units of the target's own column: those of y, for a line of `log(y)`.

        Parameters
        ----------
        data
            Anything that `fit` reads, without the target; columns are found by name, in any order. A row with a missing value has
            a missing prediction, and a warning says how many lack which column, unless the line was fitted to impute them. One row is a dict of values or
            a Series by name, or a tuple, list or array (p,) in the order of the training table; for one feature a list or array
            is a column (n,), and a number is one row.
        interval : {"confidence", "prediction"}, optional
            Interval of the line's mean, or of a new observation; for least squares of one target. Median, quantile and Huber lines have
            the first, of the line itself. Where the line was fitted with
            weights, the new observation is one of weight 1, as in R and statsmodels; `augment` takes each row's own weight.
        level : float
            Share of intervals that hold the truth.
        on_unseen : {"nan", "raise", "average"}
            What to do with a level that no training row has: a missing prediction, as for a missing value, and a warning that
            names level, column and number of rows; an error; or count such a row as every level, each by its share of the
            training rows (by weight), also in interactions. An interval then is that of this average, and does not say how far
            apart the levels are.
        units : {"own", "fitted"}
            Of a target such as `log(y)`, `sqrt(y)` or `boxcox(y, 0.5)`: what the line fits turned back into y, and the ends of
            intervals with it, or as it is. A target that cannot be turned back, such as `abs(y)`, stays as it is, with a warning.
        point : {"median", "mean"}
            What to say of a target that is turned back: the line turned back, which is the median where errors are as often above
            0 as below; or the mean, by Duan's smearing over the training residuals. Intervals are the same for both, and the
            confidence interval is that of the median.

        Returns
        -------
        float, ndarray or DataFrame
            A float for a number; else (n,), one row being n = 1, or (n, k) for several targets; with an interval a frame with
            the columns `prediction` and `pred_low`, `pred_high` or `conf_low`, `conf_high`.

        Raises
        ------
        ColumnError, UnseenLevelError
        """
        return prediction.predict(prediction.Predictor(self, interval, level, on_unseen, units, point), data)

    @calmly
    def conformal(
        self, new: Any, *, level: float = 0.95, method: str = "jackknife+", folds: int = 10, seed: int = 0, data: Any = None
    ) -> DataFrame:
        """Prediction intervals that assume no normal errors: `method` "jackknife+" or "cv+"; see `resampling.conformal`."""
        return resampling.conformal(self, new, level=level, method=method, folds=folds, seed=seed, data=data)

    @calmly
    def conformal_predictor(
        self, data: Any = None, *, level: float = 0.95, method: str = "jackknife+", folds: int = 10, seed: int = 0
    ) -> resampling.ConformalPredictor:
        """The same for the batches of a Source one after the other, as `predictor` does; `data` are the training rows."""
        return resampling.conformal_predictor(self, data, level=level, method=method, folds=folds, seed=seed)

    @now_by_name
    def predict_batch(
        self,
        batch: Batch,
        *,
        interval: str | None = None,
        level: float = 0.95,
        on_unseen: str = "nan",
        units: str = "own",
        point: str = "median",
    ) -> dict[str, Tensor]:
        """Predictions for one batch of a Source, by column: `prediction`, and the ends of the interval asked for; options as in `predict`."""
        return prediction.predict_batch(prediction.Predictor(self, interval, level, on_unseen, units, point), batch)

    def predictor(
        self,
        *,
        interval: str | None = None,
        level: float = 0.95,
        on_unseen: str = "nan",
        units: str = "own",
        point: str = "median",
    ) -> prediction.Predictor:
        """Predicts the batches of a Source one after the other, as `predict_batch` does; `tell()` then warns once of them all."""
        return prediction.Predictor(self, interval, level, on_unseen, units, point)

    @calmly
    def evaluate(self, data: Any, y: Any = None, *, on_unseen: str = "nan", units: str = "own", engine: Any = None) -> Scores:
        """Errors on rows with a known target, of a table or of X and y: one pass; MSE, RMSE, MAE and R2 with the number of rows.

        Rows without a prediction are left out, and counted; see `prediction.evaluate`. `units` as in `predict`. `engine` reads the rows, as in `bestline.fit`.
        """
        return prediction.evaluate(self, placed(data if y is None else (data, y), engine), on_unseen, units)

    def rows(self, part: str = "training", data: Any = None) -> Iterator[Rows]:
        """The rows in the data's units, batch by batch: of `data`, or else of the "training", "validation" or "test" part.

        Raises OptionError for a loaded model, which has no rows, when `data` is not given.
        """
        return training_rows.rows(self, part, data)

    # -- pictures ------------------------------------------------------------------------------------------------------

    @property
    def plot(self) -> Gallery:
        """Pictures: `model.plot.loss()`, `.contour()`, ... each a matplotlib Figure; `model.plot()` is the overview."""
        from bestline.pictures.gallery import Gallery  # matplotlib

        return Gallery(self)

    def watch(self, others: Mapping[str, Model] | None = None, *, data: Any = None, **shown: Any) -> Any:
        """The player: every step of training, in a notebook with anywidget as a widget, else as a `Page`; `save` writes either as a page.

        Parameters
        ----------
        others : mapping of label to Model, optional
            Models trained on the same rows, to be seen beside this one.
        data
            The rows to show, for a loaded model.
        **shown
            `pair`, the two weights of the loss surface, and `target`.
        """
        from bestline.pictures import watch  # matplotlib

        return watch.watch(watch.beside(self, others), data, **shown)

    def animate(
        self, path: str | os.PathLike[str] | None = None, others: Mapping[str, Model] | None = None, **options: Any
    ) -> Path:
        """Write training as a .gif, or as .mp4 where ffmpeg is installed, and show it in a notebook; without a path a temporary GIF.

        Options as in `pictures.watch.animate`.
        """
        from bestline.pictures import watch  # matplotlib

        return watch.animate(watch.beside(self, others), path, **options)

    # -- other systems -------------------------------------------------------------------------------------------------

    def report(self, path: str | os.PathLike[str] | None = None, data: Any = None, *, overwrite: bool = False) -> Page:
        """A page about the model: what was fitted, what it means, what it is worth, how it was trained, how to do it again.

        Parameters
        ----------
        path : path, optional
            Where to write it; by default nowhere.
        data
            The training rows, for a loaded model; without them the page has no pictures of data. Other rows are refused.
        overwrite : bool

        Returns
        -------
        Page
            Self-contained HTML, which notebooks show.
        """
        from bestline.export.report.page import report  # matplotlib

        return report(self, data, path, overwrite=overwrite)

    def script(self, style: str = "linear", *, data: Any = None, rows: str = "auto") -> str:
        """The run as plain code that prints the same weights and loss: "numpy", "tensors", "linear" or "module".

        `data` are the training rows, for a loaded model; `rows` says how the script gets them: "inline", from the "path", or
        "auto".
        """
        return script(self, style, data=data, rows=rows)

    def to_torch(self) -> nn.Module:
        """The line as `nn.Linear(p, k)` in float64, all scaling folded in; an own module as a copy with its weights trained.

        Of a target such as `log(y)` it is followed by what turns its values back into y.
        """
        return torch_module.to_torch(self)

    def to_sql(self, table: str | tuple[str, ...], *, dialect: str = "ansi") -> str:
        """A SELECT that gives the table's columns and `prediction`; see `bestline.export.sql.to_sql`."""
        return sql.to_sql(self, table, dialect=dialect)

    def to_onnx(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the model as an ONNX graph in double precision; see `bestline.export.onnx_graph.to_onnx`."""
        from bestline.export.onnx_graph import to_onnx  # onnx

        to_onnx(self, path, overwrite=overwrite)

    def to_dict(self) -> dict[str, Any]:
        """Everything that is known of the model as what JSON can say; see `bestline.export.facts.to_dict`."""
        return to_dict(self)

    def to_json(self) -> dict[str, Any]:
        """The old name of `to_dict`, for a method that gives no text; it is gone in the next version."""
        warn("`to_json` is called `to_dict` now; the old name is gone in the next version.", BestlineDeprecationWarning)
        return to_dict(self)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a .bestline file: safetensors and JSON, nothing that executes, a few kB.

        It predicts with intervals, evaluates and explains; rows and single folds are not in it, and a long trace is thinned.
        """
        model_file.save(self, path, overwrite=overwrite)

    def __str__(self) -> str:
        return summary.short_text(self)

    def _repr_html_(self) -> str:
        from bestline.export.report.card import card  # the pages' templates

        return card(self)
