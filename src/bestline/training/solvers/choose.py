"""The choice among the solvers: the one place that knows them all. A new solver is a file beside this one and a row here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR

from bestline.errors import OptionError
from bestline.training.solvers.base import Reads, Solver
from bestline.training.solvers.descent import OPTIMIZERS, Descent, named, no_optimizer
from bestline.training.solvers.exact import Exact
from bestline.training.solvers.interior import InteriorPoint
from bestline.training.solvers.proximal import Proximal
from bestline.training.solvers.stochastic import Stochastic

SOLVERS: tuple[type[Solver], ...] = (Exact, Proximal, InteriorPoint, Descent, Stochastic)
_BY_NAME = {solver.name: solver for solver in SOLVERS if solver is not Descent}  # which goes by its optimisers' names
# What others call them.
_CALLED = dict.fromkeys(
    (
        "ols",
        "lstsq",
        "leastsquares",
        "closedform",
        "analytic",
        "normalequation",
        "normalequations",
        "normal",
        "qr",
        "svd",
        "cholesky",
        "lsqr",
        "newton",
        "inverse",
        "pinv",
        "gelsd",
    ),
    "exact",
) | dict.fromkeys(("coordinatedescent", "cd", "ista", "fista", "proximalgradient"), "proximal")
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
    solver : None, str, Solver or class of torch.optim
        A name in any spelling, such as "SGD".
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
    elif isinstance(solver, type) and issubclass(solver, Solver):
        chosen = _named(solver.name, options) if solver is not Descent else Descent(**options)
    elif isinstance(solver, Optimizer):
        raise OptionError(
            f"`solver` takes the optimiser's class, torch.optim.{type(solver).__name__}, and makes one for the line's weights."
        )
    elif not isinstance(solver, Solver) and callable(solver):  # a class of torch.optim, or a partial of one
        chosen = _descent(solver, options)
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
    folded = re.sub(r"[-_\s]", "", name.casefold())
    if named(name) in OPTIMIZERS:
        return _descent(name, options)
    solver = next((own for known, own in _BY_NAME.items() if known.replace("-", "") == _CALLED.get(folded, folded)), None)
    if solver is None:
        raise no_optimizer(name, solvers=_BY_NAME)
    _refuse_odd(name, solver, options)
    return solver(**options)


def _descent(optimizer: Any, options: Mapping[str, Any]) -> Descent:
    _refuse_odd(optimizer, Descent, options)
    return Descent(named(optimizer), **options)


def _refuse_odd(name: object, solver: type[Solver], options: Mapping[str, Any]) -> None:
    """Refuse settings of other solvers."""
    odd = [option for option in options if option not in solver.settings]
    if odd:
        own = [f"its settings are {', '.join(solver.settings)}"] if solver.settings else []
        having = next((kind for kind in SOLVERS if all(option in kind.settings for option in odd)), None)
        other = "sgd" if having is Descent else having.name if having is not None else None
        hint = "; ".join([*own, *([f"solver {other!r} takes {'it' if len(odd) == 1 else 'them'}"] if other else [])])
        raise OptionError(f"Solver {getattr(name, '__name__', name)!r} takes no {', '.join(odd)}; {hint}.")


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
