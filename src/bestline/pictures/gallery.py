"""Gallery: the pictures of a model or a sweep, each a call away and ready as a matplotlib figure: `model.plot.loss()`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bestline.pictures.figures as figure
import bestline.pictures.loss_curves as curves
import bestline.pictures.weights.penalty_paths as paths
from bestline.calls import answering, with_hints
from bestline.errors import BestlineDeprecationWarning, OptionError, warn
from bestline.inference import marginal as effects
from bestline.inference.covariance.base import Cov
from bestline.inference.diagnostics.findings import FITTED, SPREAD
from bestline.inference.diagnostics.second_pass import diagnosis
from bestline.inference.fitted import FittedLine
from bestline.inference.prediction import evaluate, interval_of_mean
from bestline.inference.scores import Scores
from bestline.inference.uncertainty import errors_name, errors_of, tables_by, target_number
from bestline.inference.why_not import why_no_errors, why_not
from bestline.pictures import findings
from bestline.pictures.axis_labels import variables
from bestline.pictures.clouds import POINTS
from bestline.pictures.diagnostics import panels
from bestline.pictures.landscape import Pair, Span
from bestline.pictures.marks import Picture
from bestline.pictures.overview import lines_by_label, overview
from bestline.pictures.parallel import lines_of_levels
from bestline.pictures.player.session import run_label
from bestline.pictures.render.mpl import Drawing, draw
from bestline.pictures.residuals import residuals
from bestline.pictures.sample import Sample, rows_shown
from bestline.pictures.sweep import picture
from bestline.pictures.weights.added import added, column_named, component
from bestline.pictures.weights.coefficients import Estimates, coefficients, coefficients_beside
from bestline.pictures.weights.marginal import marginal
from bestline.training import Selection
from bestline.training.foresight.sweep import SweptRuns


@answering(
    {
        "resid residual residual_plot resid_plot": "residuals are drawn by plot.residuals(), and in four panels by plot.diagnostics()",
        "qq qqplot leverage cooks influence scale_location": "quantiles, leverage and Cook's distance are drawn by plot.diagnostics()",
        "actual actual_predicted predicted_actual pred predictions fitted": "predicted against actual is plot.predicted()",
        "scatter line fit regression points": "the rows with the line are plot.data()",
        "show display": "each picture is a matplotlib Figure: a notebook shows it, and .savefig('name.png') writes it",
        "save savefig write": "each picture saves itself: plot.data().savefig('name.png')",
        "light": "it is light unless plot.dark was asked",
        "history learning_curve curve losses training": "the loss of every step is plot.loss()",
        "landscape loss_surface surface3d": "plot.surface(), and plot.contour() from above",
        "animate film gif watch": "a film is model.animate('film.gif'), a page model.watch()",
        "coef coefs forest importance": "weights with their intervals are plot.coefficients()",
        "partial partregress avplot avPlots added_variable": "what a column adds is plot.added('x')",
        "ccpr crPlots component_residual partial_residual": "a column's component plus residuals is plot.component('x')",
        "interaction emmip emmeans margins effects": "plot.means(term, by=other) shows levels with intervals, and how two terms interact",
    }
)
@with_hints
@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """The pictures of a model.

    Each is a matplotlib Figure; `figure.savefig("name.png")` writes it. Pictures of data read the rows again; a loaded model has
    none: then give the data, in any form that `fit` takes.

    Attributes
    ----------
    model : FittedLine
    theme : {"light", "dark"}

    Everywhere `target` is the target to draw, of several, by its name or its number from 0; `units` are those of weights on axes:
    the "data"'s, or those as "trained", in which the loss of standardised columns is round.
    """

    model: FittedLine
    theme: str = "light"

    @property
    def dark(self) -> Gallery:
        """The same pictures on a dark background: `model.plot.dark.loss()`."""
        return Gallery(self.model, "dark")

    def __call__(self, data: Any = None, **options: Any) -> Drawing:
        """The overview: training at a glance."""
        return self.overview(data, **options)

    def sample(self, data: Any = None, part: str = "training") -> Sample:
        """The rows to show: of `data`, or else of the model's own "training" or "test" part."""
        # Rows are drawn by lot with a fixed seed: the same picture each time, and the same rows in all of them.
        return rows_shown(self.model, data, part)

    def _cloud(self, data: Any, by: str | None) -> Sample:
        return rows_shown(self.model, data, most=POINTS, by=by)

    def _drawn(self, picture: Picture, finding: str = "") -> Drawing:
        return draw(findings.stating(picture, finding), theme=self.theme)

    def _walked(self, picture: Picture, weights: int) -> Drawing:
        """A picture of the path over so many weights: what became of training is seen where these are all there are."""
        every = len(self.model.names) == weights and len(self.model.targets) == 1
        return self._drawn(picture, findings.of_training(self.model.trained) if every else "")

    def _number(self, target: int | str) -> int:
        return target_number(self.model, target)

    def data(
        self,
        data: Any = None,
        *,
        truth: figure.Truth | None = None,
        others: Mapping[str, FittedLine] | None = None,
        by: str | None = None,
        target: int | str = 0,
    ) -> Drawing:
        """The rows with the fitted line and the 95 % confidence interval of its mean.

        Over one column of numbers and one category there is a line for each level; with more columns predicted is drawn against actual.

        `truth` is the line that the data were made from: (slope, intercept), the generator's mapping, or the JSON file beside the
        data. With `others`, models over the same feature, such as quantiles or penalties, all lines are in one picture. Points have
        the colour of their level of a category of the line: of the one called `by`, or else of the first.

        Of more than 5,000 rows none is a point: all are counted in hexagons. A few far rows do not stretch the axes; the edges say
        how many rows lie beyond them.
        """
        sample, number, lines = self._cloud(data, by), self._number(target), lines_by_label(others)
        for name, other in lines.items():
            if other.features != self.model.features or other.targets != self.model.targets:
                raise OptionError(f"{name!r} is of other columns, so its line has no place in this picture; draw it alone.")
        fits = {name: other.trained for name, other in lines.items()}
        # Of other rows, and of several lines, no share was computed that could be told.
        finding = findings.of_line(self.model, number) if data is None and not lines else ""
        half = None if lines else interval_of_mean(self.model)
        levels = lines_of_levels(self.model, sample, target=number) if truth is None and not lines else None
        shown = levels or figure.data(sample, target=number, truth=truth, fit=self.model.trained, others=fits, half=half)
        return self._drawn(shown, finding)

    def predicted(self, data: Any = None, *, by: str | None = None, target: int | str = 0) -> Drawing:
        """What the line predicts for every row, against what it should be, on axes alike; `by` and far rows as in `data`."""
        number = self._number(target)
        finding = findings.of_line(self.model, number) if data is None else ""
        return self._drawn(figure.predicted(self._cloud(data, by), self.model.trained, target=number), finding)

    def residuals(self, data: Any = None, *, kind: str | None = None, by: str | None = None, target: int | str = 0) -> Drawing:
        """Residuals against fitted values; `by` and far rows as in `data`.

        `kind` is "raw", "standardised" (over its own standard deviation) or "studentised" (the same, from the line without the row),
        `resid`, `std_resid` and `rstudent` of `influence`. By default standardised, where the line has them and `data` are the training rows.
        """
        number, own = self._number(target), data is None and why_not(self.model) is None
        finding = findings.of_residuals(diagnosis(self.model, target=number), (FITTED, SPREAD)) if own else ""
        return self._drawn(residuals(self.model, data, kind=kind, by=by, target=number), finding)

    def before_after(self, data: Any = None, *, target: int | str = 0) -> Drawing:
        """The line where training started, and where it ended."""
        return self._drawn(figure.before_after(self.sample(data), self.model.trained, target=self._number(target)))

    def train_test(self, train: Any = None, test: Any = None, *, target: int | str = 0) -> Drawing:
        """The line on the rows it was trained on, and on rows it never saw."""
        if test is None and not self.model.sizes.get("test"):
            raise OptionError(
                "This line has no test rows: give `test`, rows with the same columns, or fit with split=(0.7, 0.15, 0.15)."
            )
        pair, number = (self.sample(train), self.sample(test, "test")), self._number(target)
        # Of all rows, of which the picture may show a choice only.
        errors = (self._error(self.model.fitted_scores, train, number), self._error(self.model.held_out, test, number))
        return self._drawn(figure.train_test(*pair, self.model.trained, errors, target=number))

    def _error(self, known: Scores | None, data: Any, target: int) -> float:
        """Mean squared error of the model's own rows, whose scores are `known`, or of all rows of `data`."""
        scores = known if data is None else evaluate(self.model, data, units="fitted")
        return math.nan if scores is None else scores.mse[target]

    def frame(self, step: int, data: Any = None, *, target: int | str = 0, pair: Pair = None, units: str = "data") -> Drawing:
        """Data space and weight space after `step` updates, side by side; an arrow or a tangent shows the gradient there."""
        fit, number = self.model.trained, self._number(target)
        return self._drawn(figure.frame(self.sample(data), fit, step, target=number, pair=pair, units=units))

    def overview(
        self,
        data: Any = None,
        *,
        others: Mapping[str, FittedLine] | None = None,
        label: str | None = None,
        step: int | None = None,
        target: int | str = 0,
        pair: Pair = None,
        log: bool | None = None,
        units: str = "data",
    ) -> Drawing:
        """Training at a glance: rows and line, the loss from above and in space with the path on it, and the loss so far.

        With `others`, models trained on the same rows with the same loss, all runs are in all panels. With `step`, after so
        many updates; by default after all. A model without rows, given no data, has no panel of them.
        """
        # A loaded model without data: its panel of rows is left out, the others need none.
        sample = None if data is None and self.model.source is None else self.sample(data)
        runs = {name: line.trained for name, line in self._lines(others, label).items()}
        return self._drawn(overview(runs, sample, step=step, target=self._number(target), pair=pair, log=log, units=units))

    def steps(self, *, most: int = 16, target: int | str = 0) -> Drawing:
        """Training as a table: after each number of updates the weights, the loss, the gradient, and the update that follows."""
        return self._drawn(figure.table_of_steps(self.model.trained, target=self._number(target), most=most))

    def loss(
        self,
        others: Mapping[str, FittedLine] | None = None,
        *,
        label: str | None = None,
        log: bool | None = None,
        held_out: bool | None = None,
    ) -> Drawing:
        """Loss after every number of updates; with `others`, of several models on one plot.

        With `held_out` the loss of rows that training never saw is shown too; by default only of one model alone.
        """
        runs = {name: line.traced for name, line in self._lines(others, label).items()}
        return self._drawn(curves.loss(runs, log=log, held_out=held_out), findings.of_runs(runs))

    def surface(
        self,
        pair: Pair = None,
        *,
        target: int | str = 0,
        kind: str = "slice",
        units: str = "data",
        span: Span = None,
        resolution: int | None = None,
    ) -> Drawing:
        """The loss as a surface over two weights, or with "path" over the main directions of the path, the path on it.

        `span` is how far the surface reaches along each axis, such as ((-15, 15), (-15, 15)), by default so far that it shows the path
        and the least loss; and `resolution` the number of values of each, at least 2.
        """
        number = self._number(target)
        shown = figure.surface(
            self.model.trained, pair, target=number, kind=kind, units=units, span=span, resolution=resolution
        )
        return self._walked(shown, 2)

    def contour(
        self,
        pair: Pair = None,
        *,
        target: int | str = 0,
        kind: str = "slice",
        step: int | None = None,
        units: str = "data",
        span: Span = None,
        resolution: int | None = None,
    ) -> Drawing:
        """The loss over two weights from above, with the path of training; with `step` up to there, and which way is down.

        `span` and `resolution` as in `surface`.
        """
        fit, number = self.model.trained, self._number(target)
        shown = figure.contour(fit, pair, target=number, kind=kind, step=step, units=units, span=span, resolution=resolution)
        return self._walked(shown, 2) if step is None else self._drawn(shown)

    def main_directions(self, *, target: int | str = 0) -> Drawing:
        """The loss over the two main directions of the path, from above and in space: what shows most with many weights."""
        return self._drawn(figure.main_directions(self.model.trained, target=self._number(target)))

    def weight(self, name: str | None = None, *, target: int | str = 0, step: int | None = None) -> Drawing:
        """The loss against one weight; where it is the only one, with a tangent at the start or at `step`."""
        shown = figure.weight(self.model.trained, name, target=self._number(target), step=step)
        return self._walked(shown, 1) if step is None else self._drawn(shown)

    def _lines(self, others: Mapping[str, FittedLine] | None, label: str | None) -> dict[str, FittedLine]:
        # The model itself first: its surface is the one that others are drawn on. It has the name it has in every other place, unless
        # another takes it.
        name, others = run_label(self.model.traced), lines_by_label(others)
        if not others:
            return {"": self.model}  # alone it needs no name
        return {label or (f"{name} (this model)" if name in others else name): self.model, **others}

    def cv(self) -> Drawing:
        """Out-of-fold error of every penalty that cross-validation tried, with its error band and the penalties chosen."""
        return self._drawn(paths.error_curve(self._selection()), findings.of_errors(self._selection()))

    def path(self, *, target: int | str = 0) -> Drawing:
        """Every slope against the penalty."""
        # Per standard deviation, so that slopes of columns in different units can be compared.
        scales = self.model.training.spread[: self.model.design.p].tolist()
        shown = paths.coefficient_path(self._selection(), target=self._number(target), scales=scales)
        return self._drawn(shown, findings.of_kept(self._selection()))

    def _selection(self) -> Selection:
        if self.model.cv is None:
            raise OptionError(
                "There is no table of penalties: fit with cv='ridge', 'lasso' or 'enet' (a saved model keeps the penalty, not the table)."
            )
        return self.model.cv

    def coefficients(
        self,
        level: float = 0.95,
        *,
        others: Mapping[str, FittedLine] | None = None,
        label: str = "this model",
        target: int | str = 0,
        intercept: bool = False,
        standardized: bool = False,
        order: str = "size",
    ) -> Drawing:
        """Slopes, and if wanted the intercept, as dots with their intervals: the largest first, or in the `order` of the "formula".

        With `standardized` each is multiplied by the standard deviation of its column in the training rows, so that columns in
        different units can be compared. With `others`, models by their labels, each has its dot at every name, by its own standard
        errors, which the legend names; the model itself is called `label`.
        """
        model, number = self.model, self._number(target)
        if others:
            lines = {label: model, **lines_by_label(others)}
            if len(lines) == len(others):
                raise OptionError(f"The label {label!r} is that of another model; give this one its own, as `label`.")
            models = {
                name: self._estimates(line, level, target, intercept=intercept, standardized=standardized)
                for name, line in lines.items()
            }
            return self._drawn(coefficients_beside(models, level=level, order=order))
        own = self._estimates(model, level, target, intercept=intercept, standardized=standardized)
        rows, spread, name, why = own.table, own.scales, own.target, why_no_errors(model) or ""
        # Per standard deviation the dots have other numbers than the sentence would.
        finding = "" if standardized else findings.of_coefficients(model, number, level)
        return self._drawn(
            coefficients(rows, level=level, target=name, order=order, scales=spread, why=why, cov=own.errors), finding
        )

    @staticmethod
    def _estimates(line: FittedLine, level: float, target: int | str, *, intercept: bool, standardized: bool) -> Estimates:
        number = target_number(line, target)
        errors = errors_of(line)
        rows = [c for c in tables_by(line, errors, level)[number] if intercept or c.term != "Intercept"]
        spread = dict(zip(line.features, line.training.spread.tolist(), strict=False)) if standardized else None
        return Estimates(rows, line.targets[number], errors_name(errors), spread)

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
        target: int | str = 0,
    ) -> Drawing:
        """The line at each level of a term, with intervals, in the colour of its group of `by`; see `bestline.inference.marginal.means`.

        Over three values or more of a column of numbers, lines with bands: `means("x", by="g", at={"x": [1, 2, 3]})` shows an interaction.
        """
        asked = {"by": by, "at": at, "weights": weights, "level": level, "cov": cov, "data": data}
        found = effects.means(self.model, term, units=units, **asked)
        # A quantile line has no means.
        what = f"marginal {self.model.plan.cost.estimates or 'mean'}"
        return self._marginal(found, what, found.columns, target)

    def contrasts(
        self,
        term: Any,
        *,
        by: Any = None,
        at: Mapping[str, Any] | None = None,
        method: str | Mapping[str, Mapping[Any, float]] = "pairwise",
        adjust: str = "none",
        weights: str = "equal",
        level: float = 0.95,
        cov: Cov | None = None,
        data: Any = None,
        target: int | str = 0,
    ) -> Drawing:
        """Differences of these means, with intervals and a line at zero; see `bestline.inference.marginal.contrasts`."""
        asked = {"by": by, "at": at, "weights": weights, "level": level, "cov": cov, "data": data}
        found = effects.contrasts(self.model, term, method=method, adjust=adjust, **asked)
        return self._marginal(found, "difference", effects.named(self.model, term), target)

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
        target: int | str = 0,
    ) -> Drawing:
        """How steep the line is in a column of numbers, with intervals; see `bestline.inference.marginal.slopes`."""
        found = effects.slopes(self.model, column, by=by, at=at, weights=weights, level=level, cov=cov, data=data)
        return self._marginal(found, "slope", (), target, slope_in=column)

    def _marginal(
        self, found: effects.Marginal, what: str, by: Sequence[str], target: int | str, *, slope_in: str = ""
    ) -> Drawing:
        of, number = variables(self.model.design), self._number(target)
        picture = marginal(found, what, by, variables=of, slope_in=slope_in, target=number)
        return self._drawn(picture, findings.of_marginal(found, what, self.model, number, slope_in=slope_in))

    def added(self, column: str, data: Any = None, *, target: int | str = 0) -> Drawing:
        """The added-variable plot of a column of the line: what it says beside the others, against what is left of the target."""
        number, name = self._number(target), column_named(self.model, column)
        picture = added(self.model, name, data, target=number)
        return self._drawn(picture, findings.of_column(self.model, name, number))

    def component(self, column: str, data: Any = None, *, target: int | str = 0) -> Drawing:
        """The component-plus-residual plot of a column of the line: a bend of the local mean is a bend that the line misses."""
        return self._drawn(component(self.model, column, data, target=self._number(target)))

    def diagnostics(self, data: Any = None, *, target: int | str = 0) -> Drawing:
        """Residuals against fitted, normal quantiles, scale and location, residuals against leverage: four panels."""
        found = diagnosis(self.model, data, target=target)
        return self._drawn(panels(found), findings.of_residuals(found))


@answering({"rate lrs lr losses loss final": "plot.rates() has the final loss of every rate"})
@with_hints
@dataclass(frozen=True, slots=True, eq=False)
class SweepGallery:
    """The pictures of a sweep.

    Attributes
    ----------
    runs : SweptRuns
    theme : {"light", "dark"}
    """

    runs: SweptRuns
    theme: str = "light"

    @property
    def dark(self) -> SweepGallery:
        """The same pictures on a dark background: `sweep.plot.dark.rates()`."""
        return SweepGallery(self.runs, "dark")

    def rates(self) -> Drawing:
        """Final loss, and steps until 0.1% of the reducible loss remains, against the rate; the limits marked."""
        return draw(picture(self.runs), theme=self.theme)

    def __call__(self, *, theme: str = "light") -> Drawing:
        """The old spelling of `rates`; it is gone in the next version."""
        warn(
            "`plot()` of a sweep is called `plot.rates()` now; the old spelling is gone in the next version.",
            BestlineDeprecationWarning,
        )
        return SweepGallery(self.runs, theme).rates()
