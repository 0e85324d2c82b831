"""FittedLine: a design and a fit, frozen, and the numbers that follow from them: errors, right digits, scores.

Nothing writes into a line once it is made. What takes time is computed when it is first asked for, and then kept: asking twice
gives the same, and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from numbers import Real
from typing import Any, Self

import torch
from torch import Tensor, nn

from bestline.calls import needed
from bestline.data.design import Design
from bestline.data.design.inverse import Inverse, inverse_of
from bestline.data.design.lost_digits import columns_rounding, rounded_away
from bestline.data.design.weight_kinds import PROBABILITY
from bestline.data.moments import Moments
from bestline.data.tables import Source
from bestline.errors import NumericalError, OptionError
from bestline.inference import classical, scores
from bestline.inference.again import Again
from bestline.inference.covariance.sandwich import Covariance
from bestline.inference.held_out import ABSORBED, HeldOut, judged, judged_beside_effects, read_again, scores_of
from bestline.inference.own_units import OwnUnits, own_units
from bestline.inference.restricted import Restricted
from bestline.inference.scores import Scores
from bestline.numerics import Bowl, Comoments, Refined, Scaling, Weights, digits
from bestline.numerics.digits import beside_errors
from bestline.training import Fit, Part, Parts, Plan, Recipe, Selection, Stop, Trace
from bestline.training.solvers.base import Equals
from bestline.training.solvers.exact import Exact
from bestline.training.solvers.proximal import Proximal
from bestline.wording import count

FEW_TARGETS = 10  # up to which the exact solution of each is worth its price
_NONE_HELD_OUT = "too few rows to hold any out, or too many to train on again, or training ended early"


@dataclass(frozen=True, eq=False, repr=False)
class FittedLine:
    """A fitted line, as everything that reads one takes it.

    Attributes
    ----------
    design : Design
        The columns, and how any table is turned into them.
    plan : Plan
        How it was trained.
    fit : Fit
        Weights, trace and the reason to stop.
    collected : Moments
        Of the training rows, everything but the rows: of each fold, or of all together where `later` gives the folds.
    training : Comoments
        Of all training rows together.
    seconds : float
        What the whole call took.
    solver : str
        What solved it, as its repr.
    notes : tuple of str
        Warnings about data and fit.
    parts : Parts or None
        The rows by their roles; a loaded line has none, and no source and labels either.
    sizes : dict
        How many rows each part has.
    saved_scores : dict
        Scores that came from a file.
    source, labels
        The data, and with `split` the part of each of its rows.
    cv : Selection or None
        All penalties that cross-validation tried.
    recipe : Recipe or None
        How the fit was asked for.
    refined : Refined or None
        The exact solution, where the rows were read once more for it; None: everything is from moments.
    robust : Covariance or None
        The covariance that the fit asked for, or its loss has; None: the classical one. Everything that shows an error uses it.
    later : callable or None
        Gives the moments of the folds, from a pass of its own.
    saved_own : OwnUnits or None
        What a file says of errors in the targets' own units.
    """

    design: Design
    plan: Plan
    fit: Fit
    collected: Moments
    training: Comoments
    solver: str
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    parts: Parts | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    saved_scores: dict[str, Scores | None] = field(default_factory=dict)
    source: Source | None = None
    labels: Tensor | None = None
    cv: Selection | None = None
    recipe: Recipe | None = None
    refined: Refined | None = None
    robust: Covariance | None = None
    later: Callable[[], Moments] | None = None
    saved_own: OwnUnits | None = None

    @classmethod
    def of(cls, line: FittedLine, **told: Any) -> Self:
        """The same line seen as this class, with more told of it; numbers that are known already stay known."""
        needed(line, FittedLine, "`of` sees a fitted line as this class; bestline.fit(data, 'y ~ x') makes one")
        # What is not a field was computed on demand and kept (cached_property); nobody should have to wait for it twice.
        own = {f.name for f in fields(line)}
        known = {name: value for name, value in vars(line).items() if name not in own}
        same = cls(**{name: getattr(line, name) for name in own} | told)
        vars(same).update(known)
        return same

    # -- the fit -------------------------------------------------------------------------------------------------------

    @property
    def weights(self) -> Weights:
        """Weights (d, k) in the data's units, the intercept last."""
        return self.fit.weights

    @property
    def trace(self) -> Trace:
        """Every step of training; a loaded line has a thinned one."""
        return self.fit.trace

    @property
    def stop(self) -> Stop:
        """Why training stopped."""
        return self.fit.stop

    @property
    def advice(self) -> str:
        """The same as a sentence."""
        return self.fit.advice

    @property
    def step(self) -> int:
        """The step whose weights these are."""
        return self.fit.step

    @property
    def rate(self) -> float | None:
        """First learning rate."""
        return self.fit.rate

    @property
    def rate_limit(self) -> float | None:
        """Largest stable learning rate."""
        return self.fit.rate_limit

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
    def slope_count(self) -> int:
        """How many of the weights are no intercept."""
        return len(self.names) - (self.design.intercept and self.plan.forward is None)

    @property
    def trained(self) -> Fit:
        """The fit with its objective, for pictures and surfaces; raises NumericalError for a loaded model of other losses."""
        if self.traced.task is None:
            raise NumericalError("This picture needs the rows, and a loaded model has none; fit again.")
        return self.traced

    @cached_property
    def traced(self) -> Fit:
        """The same for what needs no more than the trace; the objective of a loaded model of other losses is not known any more."""
        if self.fit.task is not None or not self.plan.squared_line:
            return self.fit
        # The bowl alone: slices would need the rows.
        task = replace(self.plan, solver=Exact()).task(Part(self.training))
        return replace(self.fit, task=task)

    @property
    def least_squares(self) -> bool:
        """Whether what was minimised is the squared loss of a line and nothing else, and nothing limits the weights."""
        return self.plan.squared_line and not self.plan.penalised and self.plan.limits is None

    @property
    def edged(self) -> bool:
        """Whether it is a line under a loss with edges: a median, quantile or Huber line, whose errors are of kinds of their own."""
        return self.plan.forward is None and self.plan.cost.edged

    @property
    def about_zero(self) -> bool:
        """Whether R2 compares with 0 and not with the mean: the convention for lines without a constant."""
        return self.plan.forward is None and not self.design.intercept and self.constant is None

    @cached_property
    def constant(self) -> Tensor | None:
        """Of a line without an intercept, weights (p,) of columns that add up to one all the same, as all levels of a category do."""
        none = self.design.intercept or self.design.absorbed is not None
        return None if none else classical.constant_of(self.training, self.design.p)

    @property
    def scaling(self) -> Scaling:
        """Standard scores by the training rows."""
        return Scaling.of(self.training, self.design.p, intercept=self.design.intercept, standardize=True)

    @property
    def trained_scaling(self) -> Scaling:
        """From the data's units to those trained in."""
        plan = self.plan
        return Scaling.of(
            self.training, self.design.p, intercept=plan.intercept, standardize=plan.standardize, unscaled=plan.unscaled
        )

    @cached_property
    def moments(self) -> Moments:
        """Moments of the training rows, fold by fold: everything but the rows.

        Of data in memory the folds are made when they are first asked for. Raises DataError when the data have changed meanwhile, and
        OptionError for a line with absorbed effects, whose moments are of this table's rests and add to no others.
        """
        if self.design.absorbed is not None:
            raise OptionError("There are no moments of a line with absorbed effects: those of its rests add to no others.")
        return self.collected if self.later is None else self.later()

    @cached_property
    def exact_weights(self) -> Weights:
        """Where the loss of the plan is least, (d, k), however training ended; raises NumericalError for losses that need the rows."""
        if self.refined is not None:
            return self.refined.weights
        if not self.plan.squared_line:
            raise NumericalError(
                "Weights are solved for from moments with the squared loss of a line only; those of this line are `weights`, and exact "
                "where its training has converged."
            )
        if self.plan.limits is not None:
            return replace(self.plan, start=None).run(Part(self.training)).weights
        if self.plan.l1:
            return replace(self.plan, solver=Proximal(), start=None).run(Part(self.training)).weights
        inference = self._least_squares
        if inference is None or not inference.aliased or self.shares:
            return replace(self.plan, solver=Exact(), start=None).run(Part(self.training)).weights
        # The line of the columns that are not redundant; the others have the weight 0.
        own = self.training[[*inference.kept, *range(self.design.p, self.training.q)]]
        scaling = Scaling.of(own, len(inference.kept), intercept=self.design.intercept, standardize=True)
        return inference.among_all(scaling.to_data(Bowl.of(own, scaling).bottom), 0.0)

    @property
    def shares(self) -> bool:
        """Whether columns that say the same share their effect; else the later ones are left out."""
        return self.plan.solver.equals is not Equals.FIRST

    # -- what its numbers are worth ------------------------------------------------------------------------------------

    @property
    def diverged(self) -> bool:
        """Whether training diverged: then the weights are where it was stopped, and say nothing of the data."""
        return self.stop is Stop.DIVERGED

    @property
    def inference(self) -> classical.Inference | None:
        """Least squares' covariance of the weights; None for penalties, other losses, own forward functions, and what diverged."""
        return None if self.diverged else self._least_squares

    @cached_property
    def _least_squares(self) -> classical.Inference | None:
        """The same of the exact solution, whatever became of training."""
        if not self.least_squares:
            return None
        if self.refined is not None:
            return classical.infer_exactly(self.refined, self.training.count)
        return classical.infer(self.training, self.scaling, shared=self.shares, taken=self.design.levels_taken)

    @cached_property
    def geometry(self) -> classical.Inference:
        """Which weights the columns determine, and how far rows lie from the others: of least squares on the same rows, whatever the loss."""
        return self.inference or classical.infer(self.training, self.scaling, shared=self.shares)

    @cached_property
    def restricted(self) -> Restricted | None:
        """Errors of weights under bounds or constraints; None for lines without, under a penalty, and where no optimum was reached."""
        limits, w = self.plan.limits, self.weights
        # These errors are classical, and under probability weights such do not hold.
        weighed = self.design.weight_kind == PROBABILITY
        if limits is None or self.plan.penalised or weighed or self.stop is not Stop.CONVERGED:
            return None
        # Held weights are at their bounds exactly, so a loaded line finds the same restrictions as the one that was saved.
        active = tuple(limits.active(w, i) for i in range(len(self.targets)))
        return Restricted.of(self.training, self.scaling, w, active, conditional=limits.holds_back(w))

    @property
    def observation_sd(self) -> Tensor:
        """Standard deviation of an observation about the line (k,): of one of weight 1, with probability weights of any; of least squares."""
        inference = self.inference
        assert inference is not None  # noqa: S101  the callers have looked
        if self.design.weight_kind != PROBABILITY:
            return inference.sigma
        return inference.sigma * (self.training.count / self.training.weight) ** 0.5

    @cached_property
    def settled(self) -> bool:
        """Whether training reached the solution that the errors are of; least squares to a hundredth of every standard error."""
        if self.inference is None:
            return self.restricted is not None or (self.edged and self.stop is Stop.CONVERGED)
        exact = self.exact_weights
        # A weight off by a hundredth of its error moves no interval in a digit that anybody reads; the other term is rounding.
        errors, p = self.inference.std_error.T.nan_to_num(0.0), self.design.p
        scale = torch.cat([self.scaling.scale[:p], torch.ones(len(exact) - p, dtype=torch.float64)])
        rounding = 1e-8 * (exact.abs() + self.scaling.scale[p:] / scale[:, None])
        return bool(((self.weights - exact).abs() <= 0.01 * errors + rounding)[self.inference.determined].all())

    @property
    def short(self) -> bool:
        """Whether training stopped before the least loss, as far as that is known."""
        return self.trace.short if self.inference is None else not self.settled

    @cached_property
    def right_digits(self) -> Tensor:
        """How many digits of each weight are right, at least, given the data as stored, (d, k); NaN where that is not known, and for
        weights that the data do not determine.

        Of columns that are computed, such as `log(x)`, it counts what float64 has lost of them, where the exact solution is known.
        """
        return self._right_digits.floor()

    @cached_property
    def _right_digits(self) -> Tensor:
        """The same and parts of a digit."""
        if not self.least_squares:
            return torch.full_like(self.weights, float("nan"))
        if rounded_away(self.design, self.training.spread):  # the other weights are those of a line without what was read
            return torch.zeros_like(self.weights)
        # Digits in which the weights and the exact ones agree: training may have stopped on the way.
        apart = (self.weights - self.exact_weights).abs() / self.exact_weights.abs().clamp(min=1e-300)
        reached = torch.where(apart > 0, -torch.log10(apart.clamp(min=1e-300)), float(digits.MOST)).clamp(0, digits.MOST)
        return torch.minimum(self._certain[0], reached)

    @cached_property
    def right_error_digits(self) -> Tensor:
        """The same of the standard errors of the least-squares weights, (d, k); NaN where there are none."""
        inference = self.inference
        if inference is None:
            return torch.full_like(self.weights, float("nan"))
        there = inference.determined[:, None] & (inference.df_resid > 0)
        return torch.where(there, self._certain[1], float("nan")).floor()

    @cached_property
    def _certain(self) -> tuple[Tensor, Tensor]:
        """Right digits of the exact solution and of its standard errors, (d, k) both; for least squares."""
        if self.refined is not None:
            return self.refined.digits, self.refined.std_error_digits.T
        inference = self._least_squares
        assert inference is not None  # noqa: S101  the callers have looked
        if self.shares and any(alias.on for alias in inference.aliased):
            # Moments may take columns for one that the rows tell apart, and the line of all of them is another one then: what is not
            # proved is not claimed. Columns that do not vary are no such case, and none are those that were to be left out.
            return torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        return inference.right_digits(self.training, self.exact_weights, columns_rounding(self.design))

    def lacking(self, digits: int, *, errors: bool = False) -> tuple[str, ...]:
        """Names of the weights of which fewer digits than these are certain; with `errors`, of their standard errors too.

        NaN, of what does not exist, lacks none. For weights near zero see `beside_errors`; of more than ten targets the best one counts.
        """
        needed(digits, Real, "`digits` is a number of digits")
        certain = self._right_digits
        if self.inference is not None:
            certain = beside_errors(certain, self.weights, self.inference.sigma, self.training)
        certain = certain.nan_to_num(float("inf"))
        if errors:
            certain = torch.minimum(certain, self.right_error_digits.nan_to_num(float("inf")))
        least = certain.amin(1) if len(self.targets) <= FEW_TARGETS else certain.amax(1)
        return tuple(name for name, known in zip(self.names, least.tolist(), strict=True) if known < digits)

    @cached_property
    def fitted_scores(self) -> Scores:
        """Scores on the training rows; R2 is NaN where training diverged, for it would say how far and not how well."""
        found = self._training_scores()
        none = (float("nan"),) * len(found.r2)
        return replace(found, r2=none, r2_about_mean=found.r2_about_mean and none) if self.diverged else found

    def _training_scores(self) -> Scores:
        known, about_zero = self.saved_scores.get("training"), self.about_zero
        # Files of before had an R2 about zero alone, which then is made anew.
        told = self.design.intercept or self.design.absorbed is not None or not self.least_squares
        if known is not None and (told or about_zero == (known.r2_about_mean is not None)):
            return known
        of = f"{self.training.count:,} training rows"
        # The exact sums have digits where the bowl has cancelled: residuals far smaller than the target.
        if self.refined is not None and torch.equal(self.weights, self.refined.weights):
            rss, tss = self.refined.rss, self.refined.tss
            if not self.design.intercept and not about_zero:
                tss = self.training.spread[self.design.p :] ** 2 * self.training.weight
            return scores.on_sums(rss, tss, self.training, of, "training", about_zero=about_zero)
        part = Part(self.training) if self.plan.squared_line or self.parts is None else self.parts.training
        found = scores_of(self.plan, part, self.weights, self.scaling, (of, "training"), about_zero=about_zero)
        if part.rows is not None or self.diverged:
            return found
        absorbed, again = self.design.absorbed, self._again
        if absorbed is not None:
            # The rows hold the effects that moments of rests have lost.
            found, again = found.beside_effects(absorbed.squares, self.training.weight), None
        return read_again(found, self.plan, (self.training, self.training), self.weights, again, 0)

    @property
    def _again(self) -> Again | None:
        return None if self.source is None else Again(self.source, self.design, self.labels)

    @property
    def held_out(self) -> Scores | None:
        """Scores on rows that training did not see: the test part, or out of fold; None where there are none, see `unheld`."""
        return self._held_out.scores

    @property
    def unheld(self) -> str:
        """Why there is no held-out error, where there is none."""
        if self.diverged:
            return "training diverged"
        usual = _NONE_HELD_OUT if self.design.absorbed is None else ABSORBED
        return self._held_out.reason or usual

    @cached_property
    def _held_out(self) -> HeldOut:
        if "held_out" in self.saved_scores:
            return HeldOut(self.saved_scores["held_out"])
        if self.parts is None or self.stop.failed:
            return HeldOut()
        if self.design.absorbed is not None:
            return judged_beside_effects(self.plan, self.weights, self.parts, self._again)
        folds = len(self.collected.folds)
        return judged(
            self.plan,
            self.weights,
            self.parts,
            self.scaling,
            lambda: self.moments,
            folds=folds,
            again=self._again,
            refined=None if self.refined is None or not torch.equal(self.weights, self.refined.weights) else self.refined,
        )

    # -- in the targets' own units -------------------------------------------------------------------------------------

    @cached_property
    def inverses(self) -> tuple[Inverse | None, ...]:
        """The way back from each target (k,), such as `exp(fitted)` for `log(y)`; None for a column as it is, and where there is none."""
        ways = self._ways
        # Whether no number is negative only the rows know.
        known = self.own_units if any(way is not None and way.one_sided for way in ways) else None
        return ways if known is None else known.inverses

    @cached_property
    def own_units(self) -> OwnUnits | None:
        """Errors in units of the targets' own columns, where a target such as `log(y)` can be turned back; by one more pass over the rows.

        None where there is nothing to turn back, and for a line without rows, or whose rows have gone or changed since the fit.
        """
        ways, again, parts = self._ways, self._again, self.parts
        if self.saved_own is not None or again is None or parts is None or not any(ways) or self.stop.failed:
            return self.saved_own
        return own_units(self.plan, self.weights, ways, again, parts, lambda: self.moments, (self.fitted_scores, self.held_out))

    @property
    def _ways(self) -> tuple[Inverse | None, ...]:
        return tuple(inverse_of(response, self.design.states) for response in self.design.responses)

    def __repr__(self) -> str:
        return f"<bestline.Model {self.design.formula!r}, {count(self.training.count, 'row')}, {self.stop.name.lower()}>"

    @property
    def own_module(self) -> nn.Module | None:
        """The user's own module, where one was trained."""
        return self.plan.forward if isinstance(self.plan.forward, nn.Module) else None
