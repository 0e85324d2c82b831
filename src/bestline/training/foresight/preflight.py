"""Preflight: what descent will do on some data, known before the first step.

The loss is a bowl. Its largest curvature L says how large the rate may be, 2 / L; the ratio of its largest to its smallest
curvature, the condition number, how long the way is; and the start, how much of the way lies along which direction. So the
number of steps is predicted, not guessed: at step t the loss above the floor is sum_i energy_i (1 - r c_i)^(2 t), and for momentum
and Nesterov's form a recurrence of two terms takes the place of the power (see `solvers.rate_limits`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from bestline.calls import answering
from bestline.errors import OptionError
from bestline.numerics import Bowl, Weights
from bestline.training.foresight.rate_grid import rates_around
from bestline.training.foresight.sweep import About, run_sweep, whole
from bestline.training.solvers.descent import OPTIMIZERS, Descent
from bestline.training.solvers.rate_limits import HORIZON, Modes, predicted_steps, principal, stable
from bestline.training.task import Task
from bestline.wording import finite, on_columns, percent, preformatted, significant

_EDGE = 0.95  # of the limit: above this a rate is at the edge
_SIMULATED = (1_000, 10_000)  # steps, for optimisers that have no closed form; many to see that a run does not rise again
_SEARCHES = (50, 1_000)  # for L-BFGS, which takes one rate and does not rise
_TRIED = 61  # their rates
_NOTHING = 1e-15  # of the start's loss: a gap this small is rounding
_SHARES = (0.99, 0.999)  # of the reducible loss, what lies above that of the exact solution
_LEFT = "0.1% of the reducible loss"
_WITH_LIMIT = ("sgd", "momentum", "nesterov")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a given learning rate is worth.

    Attributes
    ----------
    lr : float
    verdict : {"below", "edge", "above", "no limit"}
        Where it lies: below 95% of the largest stable rate, above that but below the limit, or at the limit or above.
    of_limit : float or None
        The rate as a share of the limit; None where there is none.
    steps_99, steps : int or None
        Steps until 1% and until 0.1% of the reducible loss remains; None = never, or not within a billion steps (10,000 for optimisers without a
        limit, 1,000 for L-BFGS).
    """

    lr: float
    verdict: str
    of_limit: float | None
    steps_99: int | None
    steps: int | None

    @property
    def facts(self) -> dict[str, Any]:
        """The same as plain values."""
        return {name: getattr(self, name) for name in ("lr", "verdict", "of_limit", "steps_99", "steps")}


@answering(
    {
        "max_lr lr_max limit rate_limit largest_lr": "the largest stable rate is `lr_limit`",
        "best_lr learning_rate rate optimal_lr": "the rate of fewest steps is `lr`",
        "n_steps epochs iterations": "the number of steps is `steps`, until 0.1% of the reducible loss remains",
        "kappa condition_number cond": "the condition number is `condition`",
        "summary text": "print it",
        "to_dict to_json dict": "it is `facts`",
        "plot": "bestline.sweep(data, formula).plot.rates() shows many rates",
        "solver": "it is `optimizer`",
    }
)
@dataclass(frozen=True, slots=True)
class Preflight:
    """What descent will do on some data, before the first step; `print` it.

    The steps are those from the start that `fit` takes, with the whole data in each step. The reducible loss is what
    the objective falls from the start to the exact solution; steps until 0.1% of it remains lead to where no more ever does.

    Attributes
    ----------
    formula : str
    columns, rows : int
        Columns of the design, without the intercept, and rows.
    optimizer : str
    lr_limit : float or None
        Largest stable learning rate: below it training converges, above it the loss grows without end. None for optimisers
        that have no such limit (Adam and its relatives), and where the loss has no curvature at all.
    lr : float or None
        The rate with the fewest predicted steps until 0.1% of the reducible loss remains; what `lr="auto"` takes with sgd, momentum and nesterov.
    steps_99, steps : int or None
        Predicted steps at that rate until 1% and until 0.1% of the reducible loss remains; None = more than a billion (10,000 for optimisers
        without a limit, whose steps are made to be counted; 1,000 for L-BFGS).
    condition : float or None
        Largest curvature of the objective over its smallest, flat directions left out; infinite where float64 cannot tell the
        smallest from zero, None where there is no curvature.
    flat : int
        Directions along which the objective does not change: columns that are constant or combinations of others.
    limits : dict
        Largest stable rate of sgd, momentum (0.9) and nesterov (0.9).
    given : Judgement or None
        The rate that was asked about.
    advice : str
    standardized : Preflight or None
        The same on standardised columns, where the rate is for these; None on such a Preflight itself.
    """

    formula: str
    columns: int
    rows: int
    optimizer: str
    lr_limit: float | None
    lr: float | None
    steps_99: int | None
    steps: int | None
    condition: float | None
    flat: int
    limits: dict[str, float]
    given: Judgement | None
    advice: str
    standardized: Preflight | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What `--json` prints: every number that there is, null for those that are not finite."""
        own = {
            "lr_limit": self.lr_limit,
            "lr": self.lr,
            "steps": self.steps,
            "steps_99": self.steps_99,
            "condition": finite(self.condition),
            "flat_directions": self.flat,
            "limits": dict(self.limits),
            "given": None if self.given is None else self.given.facts,
            "advice": self.advice,
        }
        if self.standardized is None:
            return own
        return {
            "formula": self.formula,
            "rows": self.rows,
            "optimizer": self.optimizer,
            **own,
            "standardized": self.standardized.facts,
        }

    def __str__(self) -> str:
        sides = [self] if self.standardized is None else [self, self.standardized]
        heads = ["standardised"] if self.standardized is None else ["data's own units", "standardised"]
        table = [("", heads)]
        table += [(f"largest stable rate, {name}", [_rate(s.limits.get(name)) for s in sides]) for name in _WITH_LIMIT]
        table += [
            (f"rate of fewest steps, {self.optimizer}", [_rate(s.lr) for s in sides]),
            ("   steps until 1% of the reducible loss remains", [_count(s.steps_99, s) for s in sides]),
            ("   steps until 0.1% remains", [_count(s.steps, s) for s in sides]),
        ]
        if self.given is not None:
            judged = [(s, s.given) for s in sides if s.given is not None]
            table += [
                (f"rate asked about, {significant(self.given.lr)}", [_standing(g) for _, g in judged]),
                ("   steps until 1% of the reducible loss remains", [_outcome(g.steps_99, s, g) for s, g in judged]),
                ("   steps until 0.1% remains", [_outcome(g.steps, s, g) for s, g in judged]),
            ]
        table.append(("condition number", [_shown_condition(s.condition) for s in sides]))
        if any(s.flat for s in sides):
            table.append(("flat directions", [str(s.flat) for s in sides]))
        wide = max(len(label) for label, _ in table)
        lines = [f"{label:{wide}}" + "".join(f"  {cell:>18}" for cell in cells) for label, cells in table]
        return "\n".join(
            [
                f"{on_columns(self.formula, self.columns)}   ({self.rows:,} rows, all of them in each step)",
                "",
                *lines,
                "",
                self.advice,
            ]
        )

    def _repr_html_(self) -> str:
        return preformatted(str(self))

    def __repr__(self) -> str:
        return f"<bestline.Preflight {self.formula!r}, {self.optimizer}, limit {_rate(self.lr_limit)}, {_in_steps(self)}>"


@dataclass(frozen=True, slots=True, eq=False)
class Prospect:
    """One way to train: what, from where and with which optimiser.

    Attributes
    ----------
    task : Task
        With a bowl for its objective.
    start : Tensor (d, k)
        Weights of the columns as trained.
    optimizer : str
    about : About
    flat : int
        Directions that are flat in truth, whatever the units; further ones that float64 sees as flat are hidden by the units.
    """

    task: Task
    start: Weights
    optimizer: str
    about: About
    flat: int

    @property
    def bowl(self) -> Bowl:
        """Loss and ridge penalty."""
        bowl = self.task.objective.bowl
        if bowl is None:
            raise OptionError("What descent will do is known ahead for the squared loss of a line alone.")
        return bowl

    @property
    def modes(self) -> Modes:
        """The directions of the objective and what lies along each, in the data's units; hidden ones have no curvature."""
        # Directions that standardised columns tell from flat ones may be hidden by the data's own units: what lies along them at the
        # start counts as one direction without curvature, along which nothing is gained.
        modes = Modes.of(self.bowl, self.start, self.task.units)
        if len(self.bowl.curvature) - len(modes.curvature) <= self.flat:
            return modes
        # What lies along directions too flat for float64 is their share of the whole excess: it is never made up for, and said so.
        rest = float(self.bowl.excess(self.start) @ self.task.units) - modes.gap
        zero = torch.zeros(1, dtype=torch.float64)
        return Modes(torch.cat([modes.curvature, zero]), torch.cat([modes.energy, zero + max(rest, 0.0)]))

    def left(self, share: float, gap: float) -> float:
        """What remains of the objective above the exact solution's when `share` of the way is made."""
        return max((1 - share) * gap, _NOTHING * (gap + abs(float(self.bowl.floor @ self.task.units))))


def flat_directions(task: Task) -> int:
    """Number of directions along which the objective does not change."""
    bowl = task.objective.bowl
    return 0 if bowl is None else len(bowl.curvature) - len(principal(bowl.curvature)[0])


def look_ahead(prospect: Prospect, lr: float | None) -> Preflight:
    """What training on one kind of columns will do; its advice speaks of these columns alone."""
    modes = prospect.modes
    steepest = float(modes.curvature[0]) if len(modes.curvature) else 0.0
    limits = _limits(steepest)
    limit = limits.get(prospect.optimizer)
    foresee = _closed_form if prospect.optimizer in _WITH_LIMIT else _simulated
    # Without curvature nothing can be learnt: no rate is better than another, and no step is needed.
    best, (steps_99, steps) = foresee(prospect, modes, None) if limits else (None, (0, 0))
    given = None
    if lr is not None:
        of_limit = None if limit is None else lr / limit
        _, counts = foresee(prospect, modes, lr) if limits else (lr, (0, 0))
        given = Judgement(lr, _verdict(of_limit), of_limit, *counts)
    found = Preflight(
        formula=prospect.about.formula,
        columns=prospect.about.columns,
        rows=prospect.about.rows,
        optimizer=prospect.optimizer,
        lr_limit=limit,
        lr=best,
        steps_99=steps_99,
        steps=steps,
        condition=_condition(modes.curvature),
        flat=prospect.flat,
        limits=limits,
        given=given,
        advice="",
    )
    return replace(found, advice=_advice(found))


def beside(own: Preflight, standardized: Preflight) -> Preflight:
    """The data's own units and standardised columns as one, with advice that weighs them."""
    return replace(own, standardized=standardized, advice=_advice(own, standardized))


Counts = tuple[int | None, int | None]  # steps until 1% and until 0.1% of the reducible loss remains


def _closed_form(prospect: Prospect, modes: Modes, lr: float | None) -> tuple[float, Counts]:
    """A rate, the one of fewest steps if none is given, and its steps; for torch's SGD."""
    # One update is linear in the distance from the bottom, direction by direction: the steps follow from its eigenvalues.
    momentum, nesterov = _momentum(prospect.optimizer)
    if lr is None:
        parameter = Parameter(prospect.start.clone())
        lr = float(Descent(prospect.optimizer).built(parameter, prospect.task.objective).param_groups[0]["lr"])
    if lr >= stable(float(modes.curvature[0]), momentum=momentum, nesterov=nesterov):
        return lr, (None, None)
    rate, gap = torch.tensor([lr], dtype=torch.float64), modes.gap
    counts = [
        float(predicted_steps(modes, rate, prospect.left(share, gap), momentum=momentum, nesterov=nesterov)[0])
        for share in _SHARES
    ]
    return lr, (whole(counts[0]), whole(counts[1]))


def _simulated(prospect: Prospect, modes: Modes, lr: float | None) -> tuple[float, Counts]:
    """The same for optimisers that have no closed form, by making the steps: on a bowl many rates at once cost little."""
    searches = prospect.optimizer == "lbfgs"
    if lr is not None:
        tried = [lr]
    else:
        tried = [1.0] if searches else rates_around(prospect.optimizer, prospect.task, prospect.start, _TRIED)
    # A few steps first; many only where no rate has arrived, for a simulation costs as much as the training.
    for steps in _SEARCHES if searches else _SIMULATED:
        made = run_sweep(prospect.task, [prospect.start], {prospect.optimizer: tried}, steps, about=prospect.about)
        counts = made.steps_to()
        if bool(counts.isfinite().any()):
            break
    run = made.best()
    if run is None:
        # No rate has arrived: the one that came nearest is told, with no number of steps.
        run = int(made.last_gap.nan_to_num(math.inf).argmin())
    return float(made.lrs[run]), (whole(float(made.steps_to(_SHARES[0])[run])), whole(float(counts[run])))


def _momentum(optimizer: str) -> tuple[float, bool]:
    group = OPTIMIZERS[optimizer]([Parameter(torch.zeros(1))], lr=1.0).param_groups[0]
    return float(group["momentum"]), bool(group["nesterov"])


def _limits(steepest: float) -> dict[str, float]:
    if steepest <= 0:
        return {}
    settings = {name: _momentum(name) for name in _WITH_LIMIT}
    # Of the steepest direction alone: the others allow more.
    return {name: stable(steepest, momentum=b, nesterov=form) for name, (b, form) in settings.items()}


def _condition(curvature: Tensor) -> float | None:
    if not len(curvature):
        return None
    # Ratio of the steepest to the flattest direction that is not flat: steps grow in proportion to it.
    return float(curvature[0] / curvature[-1]) if float(curvature[-1]) > 0 else math.inf


def _verdict(of_limit: float | None) -> str:
    if of_limit is None:
        return "no limit"
    return "above" if of_limit >= 1 else "edge" if of_limit >= _EDGE else "below"


def _advice(own: Preflight, standardized: Preflight | None = None) -> str:
    """One sentence: what becomes of the rate that was asked about, which rate to take, and whether to standardise."""
    if own.condition is None:
        return "The objective is the same everywhere, so there is nothing to learn."
    if own.steps == 0:
        return "The start is the exact solution already, so no step is needed."
    parts = [] if own.given is None else [_on_given(own, own.given)]
    if standardized is not None and _gains(own, standardized):
        parts.append(
            f"{'better ' if parts else ''}standardise the columns, as `fit` does by default: {_in_steps(standardized)} at "
            f"lr={_rate(standardized.lr)}, instead of {_count(own.steps, own)} in the data's own units at lr={_rate(own.lr)}"
        )
    else:
        parts.append(f"lr={_rate(own.lr)} leaves {_LEFT} after {_in_steps(own)}")
        parts += [] if standardized is None else [f"standardising changes little here ({_in_steps(standardized)})"]
    # A rate is written as it is typed, in small letters; any other beginning is that of a sentence.
    sentence = "; ".join(parts)
    return f"{sentence if sentence.startswith('lr=') else sentence[0].upper() + sentence[1:]}."


def _gains(own: Preflight, other: Preflight) -> bool:
    """Whether standardising saves more than a fifth of the steps."""
    return other.steps is not None and (own.steps is None or own.steps > 1.2 * other.steps + 1)


def _on_given(own: Preflight, given: Judgement) -> str:
    rate = f"lr={given.lr:.6g}"
    steps = f"{_count(given.steps, own)} step{'s' * (given.steps != 1)}"
    if given.of_limit is None or own.lr_limit is None:
        return f"{rate} leaves {_LEFT} after {steps}"
    if given.verdict == "above":
        times = f"{significant(given.of_limit, 4)} times" if given.of_limit > 1 else "at"
        return f"{rate} is {times} the limit, {_rate(own.lr_limit)}, so it diverges"
    if given.verdict == "below":
        return f"{rate} is below the limit, {_rate(own.lr_limit)}, and leaves {_LEFT} after {steps}"
    # The largest curvature of another draw differs by sqrt(2 / n) of itself, for normal columns (Anderson 1963).
    shaky = 1 - given.of_limit < math.sqrt(2 / max(own.rows, 1))
    draws = ", and on other draws of the same data it may diverge" if shaky else ""
    short = f"{100 * (1 - given.of_limit):.2g}"
    return f"{rate} is within {short}% of the limit, {_rate(own.lr_limit)}: it crawls, and leaves {_LEFT} after {steps}{draws}"


def _in_steps(own: Preflight) -> str:
    return f"{_count(own.steps, own)} step{'s' * (own.steps != 1)}"


def _count(steps: int | None, own: Preflight) -> str:
    if steps is not None:
        return f"{steps:,}"
    horizon = HORIZON if own.optimizer in _WITH_LIMIT else (_SEARCHES if own.optimizer == "lbfgs" else _SIMULATED)[-1]
    return f"more than {horizon:,}"


def _rate(value: float | None) -> str:
    return significant(value, 4, absent="none")


def _outcome(steps: int | None, own: Preflight, given: Judgement) -> str:
    return "diverges" if given.verdict == "above" and steps is None else _count(steps, own)


def _standing(given: Judgement) -> str:
    if given.of_limit is None:
        return given.verdict
    return f"{percent(given.of_limit)} of the limit" if given.of_limit < 1 else f"{significant(given.of_limit, 4)} x the limit"


def _shown_condition(value: float | None) -> str:
    return "none" if value is None else "beyond float64" if math.isinf(value) else significant(value, 4)
