"""Foresight: `bestline.preflight` and `bestline.sweep`, from a table or from moments alone.

Both look at the very objective that `fit` trains, in one pass over the data: the largest stable rate, the number of steps and
hundreds of whole runs follow from the moments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

from bestline.calls import answering, data_first, is_number, is_whole, renamed, with_hints
from bestline.data.folds import check_seed
from bestline.data.gather import Gathered, Query
from bestline.data.progress import Progress
from bestline.data.runner import calmly
from bestline.data.unnamed_columns import Which
from bestline.engines.choose import placed
from bestline.errors import OptionError, warn
from bestline.numerics import Comoments, total
from bestline.pictures.marks import Picture
from bestline.pictures.sweep import picture
from bestline.training import Part
from bestline.training.foresight.preflight import Preflight, Prospect, beside, flat_directions, look_ahead
from bestline.training.foresight.rate_grid import checked_optimizers, checked_rates, rates_around
from bestline.training.foresight.sweep import About, SweptRuns, run_sweep
from bestline.training.gather import gather
from bestline.training.plan import Plan, check_rows
from bestline.training.request import Request
from bestline.training.solvers.descent import Descent, named
from bestline.training.task import Start

if TYPE_CHECKING:
    from bestline.pictures.gallery import SweepGallery

__all__ = ["Preflight", "Sweep", "preflight", "sweep"]


@final
@answering(
    {
        "best_lr best_run best_": "sweep.best() is the number of the run with the fewest steps, sweep.lrs[sweep.best()] its rate",
        "loss history": "the loss of every run at every step is sweep.losses",
        "results df table to_frame runs": "sweep.frame() has one row a run",
        "rates learning_rates lr": "the rates are sweep.lrs",
        "lr_limit limit": "the largest stable rates are sweep.limits",
        "to_dict to_json dict": "it is `facts`",
    }
)
@with_hints
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sweep(SweptRuns):
    """Many runs of descent side by side; made by `bestline.sweep`. See `SweptRuns` for what it holds."""

    def picture(self) -> Picture:
        """Final loss, and steps until 0.1% of the reducible loss remains, against the rate; the limits marked."""
        return picture(self)

    @property
    def plot(self) -> SweepGallery:
        """Pictures: `sweep.plot.rates()`, a matplotlib Figure."""
        from bestline.pictures.gallery import SweepGallery  # matplotlib

        return SweepGallery(self)


@renamed(optimizer="solver")
@data_first
@calmly
def preflight(
    data: Any,
    formula: Any = None,
    *,
    target: Which | None = None,
    features: Which | None = None,
    solver: str = "sgd",
    lr: float | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    weights: Any = None,
    missing: str = "raise",
    start: Start | None = None,
    seed: int = 0,
    engine: Any = None,
    progress: Progress | None = None,
) -> Preflight:
    """What descent on the whole data in each step will do, before the first step.

    The top level of the answer speaks of the columns in the data's own units, as `fit(..., standardize=False)` trains them;
    its `standardized` of standardised columns, as `fit` trains by default.

    The largest stable rate is exact: 2 / L for the largest curvature L of the objective, 2 (1 + b) / L with momentum b (Polyak
    1964), 2 (1 + b) / ((1 + 2 b) L) with Nesterov's (1983) as torch has it. The number of steps is exact too: the loss along
    each principal direction follows a known recurrence. Adam and its relatives have neither; their steps are made and counted.

    Parameters
    ----------
    data, formula, target, features, weights, missing, start, seed
        As in `bestline.fit`, in either order, or X and y; also `Moments`, or the path of a .moments file.
    solver : str
        By the name of its optimiser: "sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad" or "lbfgs".
    lr : float, optional
        A rate to judge: whether it converges, and in how many steps.
    l1 : float
        Refused: with it the objective is no bowl, and its solver needs no rate.
    l2 : float
        Ridge penalty on the columns as trained, part of the objective.
    engine : str or client, optional
        As in `bestline.fit`.
    progress : callable, optional
        Hears of the pass over the data (what, fraction).

    Returns
    -------
    Preflight
        `lr_limit`, `lr`, `steps`, `condition` and more; `print` it for a page.

    Raises
    ------
    DataError, OptionError
        And their subclasses, as `fit` does.

    Warns
    -----
    BestlineWarning
        For rows that were left out or filled in, and for columns that cannot serve.
    """
    solver = named(solver)
    if not isinstance(solver, str):
        raise OptionError(f"`solver` is one name of an optimiser here, such as 'sgd'; got {solver!r}.")
    checked_optimizers(solver)
    if lr is not None and not (is_number(lr) and 0 < lr < float("inf")):
        raise OptionError(f"`lr` is one positive number to judge; got {lr!r}. `sweep` tries many.")
    query = Query(placed(data, engine), formula, target, features, weights, missing, seed=check_seed(seed))
    gathered = _gathered(query, progress)
    # Both sides from the same moments: scaling is affine, so it is done to them and costs no second pass.
    sides = []
    for standardize in (False, True):
        plan = _plan(gathered, Request(query, solver=Descent(solver), l1=l1, l2=l2, standardize=standardize, start=start))
        sides.append((plan, plan.task(Part(_total(gathered)))))
    # A direction without curvature is flat whatever the units; a small unit only makes one look so.
    flat = flat_directions(sides[1][1])  # of standardised columns, where no unit hides one
    own, standardized = (
        look_ahead(Prospect(task, plan.first(task), solver, _about(gathered, plan), flat), lr) for plan, task in sides
    )
    return beside(own, standardized)


@data_first
@calmly
def sweep(
    data: Any,
    formula: Any = None,
    *,
    target: Which | None = None,
    features: Which | None = None,
    lrs: str | float | Iterable[float] = "auto",
    optimizers: str | Iterable[str] = "sgd",
    steps: int = 1_000,
    starts: Sequence[Start] | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    weights: Any = None,
    missing: str = "raise",
    standardize: bool = True,
    seed: int = 0,
    engine: Any = None,
    progress: Progress | None = None,
) -> Sweep:
    """Run hundreds of rates, optimisers and starts at once, and keep the loss of every run at every step.

    Each run is the one that `fit(..., solver=Descent(optimizer, lr, steps=steps))` makes, by the same optimiser of
    `torch.optim`; side by side as columns of one tensor, hundreds cost little more than one. L-BFGS is run one by one.

    Parameters
    ----------
    data, formula, target, features, weights, missing, seed
        As in `bestline.fit`, in either order, or X and y; also `Moments`, or the path of a .moments file.
    lrs : "auto", number, numbers or str
        Learning rates, for the columns as trained; text as on the command line: "1e-4:1:200" for 200 rates that grow by one
        factor, or "0.1,0.2". "auto" takes 200 from a thousandth of the largest stable rate to twice as much.
    optimizers : str or several
        Names that `Descent(optimizer)` knows, and `fit(solver=...)`.
    steps : int
        Updates of every run.
    starts : sequence of starts, optional
        Each as `start` of `fit`, in the data's units; by default the one that `fit` takes, small and seeded.
    l1 : float
        Refused, as in `preflight`.
    l2 : float
        Ridge penalty on the columns as trained.
    standardize : bool
        Run on standardised columns, as `fit` does by default.
    engine : str or client, optional
        As in `bestline.fit`.
    progress : callable, optional
        Hears (what, fraction). Ctrl-C ends the runs and keeps the steps made so far.

    Returns
    -------
    Sweep
        `losses` (steps + 1, runs), `frame()`, `plot.rates()`, `steps_to(0.999)`, `best()`.

    Raises
    ------
    DataError, OptionError
        And their subclasses, as `fit` does; and OptionError for more than 50 million losses.

    Warns
    -----
    BestlineWarning
        As `preflight` does.
    """
    names = checked_optimizers(optimizers)
    rates = checked_rates(lrs)
    if not is_whole(steps) or steps < 1:
        raise OptionError(f"`steps` must be a whole number of at least 1; got {steps!r}.")
    if starts is not None and (not hasattr(starts, "__len__") or isinstance(starts, str | Mapping) or not len(starts)):
        raise OptionError("`starts` needs one start at least, each as `start` of `fit`; leave it out for the usual one.")
    query = Query(placed(data, engine), formula, target, features, weights, missing, seed=check_seed(seed))
    gathered = _gathered(query, progress)
    request = Request(query, solver=Descent(names[0]), l1=l1, l2=l2, standardize=standardize)
    plans = [_plan(gathered, replace(request, start=start)) for start in (starts if starts is not None else [None])]
    # One task serves all starts: they change where a run begins, not what it minimises.
    task = plans[0].task(Part(_total(gathered)))
    at = [plan.first(task) for plan in plans]
    asked = {name: rates if rates is not None else rates_around(name, task, at[0]) for name in names}
    return Sweep.of(run_sweep(task, at, asked, steps, about=_about(gathered, plans[0]), tell=progress))


def _gathered(query: Query, progress: Progress | None) -> Gathered:
    """The rows that `fit` would train on, added up as it adds them; what was left out is told."""
    gathered = gather(query, progress)
    # Moments that were given have told of their rows when they were collected.
    if gathered.source is None:
        return gathered
    notes, dropped = list(gathered.notes), gathered.found.dropped
    if dropped:
        notes.append(f"{dropped:,} of {dropped + gathered.rows:,} rows were left out because a value was missing.")
    # Each once, in the order in which they were met.
    for note in dict.fromkeys(notes):
        warn(note)
    return gathered


def _plan(gathered: Gathered, request: Request) -> Plan:
    if not is_number(request.l2):
        raise OptionError(f"`l2` is a number, and not negative; got {request.l2!r}.")
    if request.l1:
        raise OptionError(
            f"With an l1 penalty (l1={request.l1!r}) the objective has edges (it is not differentiable), so no rate is the largest stable one; leave l1 out. "
            f"solver='proximal', which fits it, needs no rate."
        )
    plan = request.plan(gathered.design, gathered.rows)
    check_rows(_total(gathered), plan, gathered.design)
    return plan


def _total(gathered: Gathered) -> Comoments:
    return total(gathered.found.groups, gathered.design.p + len(gathered.design.responses))


def _about(gathered: Gathered, plan: Plan) -> About:
    return About(gathered.design.formula, gathered.design.p, gathered.rows, plan.standardize)
