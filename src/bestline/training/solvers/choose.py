"""The choice among the solvers: the one place that knows them all. A new solver is a file beside this one and a row here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch.optim.lr_scheduler import CosineAnnealingLR

from bestline.errors import OptionError
from bestline.training.solvers.base import Reads, Solver
from bestline.training.solvers.descent import OPTIMIZERS, Descent
from bestline.training.solvers.exact import Exact
from bestline.training.solvers.interior import InteriorPoint
from bestline.training.solvers.proximal import Proximal
from bestline.training.solvers.stochastic import Stochastic

SOLVERS: tuple[type[Solver], ...] = (Exact, Proximal, InteriorPoint, Descent, Stochastic)
_BY_NAME = {solver.name: solver for solver in SOLVERS if solver is not Descent}  # which goes by its optimisers' names
SETTINGS = tuple(dict.fromkeys(name for solver in SOLVERS for name in solver.settings))


def _settling(steps: int) -> Descent:
    """Adam whose rate goes to zero along a half cosine: on a loss with edges a constant rate never comes to rest."""
    return Descent("adam", steps=steps, schedule=partial(CosineAnnealingLR, T_max=steps))


def choose(
    solver: object = None, *, squared: bool = True, line: bool = True, l1: float = 0.0, piecewise: bool = False, **options: Any
) -> Solver:
    """The solver for a name, an object, or None.

    Parameters
    ----------
    solver : None, str or Solver
        None takes `Exact()` for squared loss, `Proximal()` when there is an l1 penalty, `InteriorPoint()` for huber, absolute and
        quantile, `Descent("lbfgs")` for own losses, `Proximal()` with an l1 penalty, and `Descent("adam")` for the rest.
    squared, line, piecewise : bool
        Whether the loss is the squared one, the model a line, the loss one of those with edges.
    l1 : float
        The l1 penalty.
    **options
        Fields of `Exact`, `Descent` or `Stochastic`, for a solver given by name.
    """
    # None is what a form or a command line passes for "not given".
    options = {name: value for name, value in options.items() if value is not None}
    if solver is None and options:
        of_exact = set(options) <= set(Exact.settings)
        solver = Exact.name if of_exact else "sgd" if squared and line and l1 == 0 else "adam"
    if solver is None:
        return _usual(squared=squared, line=line, l1=l1, piecewise=piecewise)
    if isinstance(solver, str):
        chosen = _named(solver, options)
    elif not isinstance(solver, Solver):
        raise OptionError(f"`solver` must be a name or a solver such as Exact() or Descent(); got {solver!r}.")
    elif options:
        raise OptionError(f"Give {', '.join(options)} to the solver object itself, as in Descent({next(iter(options))}=...).")
    else:
        chosen = solver
    # Other solvers look at their objective; this one would have all rows gathered before it did.
    if chosen.reads is Reads.SINGLE_ROWS and not (squared and line):
        raise OptionError(Stochastic.refusal)
    return chosen


def _usual(*, squared: bool, line: bool, l1: float, piecewise: bool) -> Solver:
    """What is taken when nobody says."""
    if squared and line:
        return Proximal() if l1 > 0 else Exact()
    if piecewise and line:
        return InteriorPoint()
    if piecewise or not line:
        return _settling(3_000)
    return Proximal(tol=1e-8, steps=20_000) if l1 > 0 else Descent("lbfgs", steps=200, tol=1e-8)


def _named(name: str, options: Mapping[str, Any]) -> Solver:
    if name in OPTIMIZERS:
        return Descent(name, **options)
    solver = next((own for known, own in _BY_NAME.items() if known.replace("-", "") == name.replace("-", "")), None)
    if solver is None:
        raise OptionError(
            f"There is no solver {name!r}; choose {', '.join(_BY_NAME)}, {', '.join(OPTIMIZERS)}, or give an "
            f"object such as Descent(lr=0.1)."
        )
    odd = [option for option in options if option not in solver.settings]
    if odd:
        own = [f"its settings are {', '.join(solver.settings)}"] if solver.settings else []
        hint = "; ".join([*own, *([] if solver.rated else ["name an optimiser, for example solver='sgd'"])])
        raise OptionError(f"Solver {name!r} takes no {', '.join(odd)}; {hint}.")
    return solver(**options)


def kept(solver: Solver) -> dict[str, Any]:
    """What a model file keeps of a solver: an entry for each kind that is kept, None but for its own."""
    # An entry for every kind, so that whoever reads the file finds the same keys whatever the solver was.
    own = {solver.kept_as: solver.facts()}
    return {kind.kept_as: own.get(kind.kept_as) for kind in SOLVERS if kind.kept_as is not None}


def restored(facts: Mapping[str, Any]) -> Solver:
    """The solver that such entries say, as far as they do; `Exact()` where they are all None."""
    for kind in SOLVERS:
        own = None if kind.kept_as is None else facts.get(kind.kept_as)
        if own is not None:
            return kind.from_facts(own)
    return Exact()
