"""The choice among the solvers: the one place that knows them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

from torch.optim.lr_scheduler import CosineAnnealingLR

from bestline.errors import OptionError
from bestline.training.solvers.base import Solver
from bestline.training.solvers.descent import OPTIMIZERS, Descent
from bestline.training.solvers.exact import Exact
from bestline.training.solvers.interior import InteriorPoint
from bestline.training.solvers.proximal import Proximal
from bestline.training.solvers.stochastic import Stochastic, refusal


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
        Fields of `Descent` or `Stochastic`, for a solver given by name.
    """
    chosen = _named(solver, squared=squared, line=line, l1=l1, piecewise=piecewise, **options)
    if isinstance(chosen, Stochastic) and not (squared and line):
        raise OptionError(refusal())
    return chosen


def _named(solver: object, *, squared: bool, line: bool, l1: float, piecewise: bool, **options: Any) -> Solver:
    options = {name: value for name, value in options.items() if value is not None}
    if solver is None and options:
        solver = "sgd" if squared and line and l1 == 0 else "adam"
    if solver is None:
        if squared and line:
            return Proximal() if l1 > 0 else Exact()
        if piecewise and line:
            return InteriorPoint()
        if piecewise or not line:
            return _settling(3_000)
        return Proximal(tol=1e-8, steps=20_000) if l1 > 0 else Descent("lbfgs", steps=200, tol=1e-8)
    if isinstance(solver, str):
        if solver in OPTIMIZERS:
            return Descent(solver, **options)
        if solver == "stochastic":
            known = [field.name for field in fields(Stochastic)]
            odd = [name for name in options if name not in known]
            if odd:
                raise OptionError(f"Solver 'stochastic' takes no {', '.join(odd)}; its settings are {', '.join(known)}.")
            return Stochastic(**options)
        makers: dict[str, Callable[[], Solver]] = {"exact": Exact, "proximal": Proximal, "interiorpoint": InteriorPoint}
        name = solver.replace("-", "")
        if name not in makers:
            raise OptionError(
                f"There is no solver {solver!r}; choose exact, proximal, interior-point, stochastic, {', '.join(OPTIMIZERS)}, or give an "
                f"object such as Descent(lr=0.1)."
            )
        if options:
            raise OptionError(f"Solver {solver!r} takes no {', '.join(options)}; name an optimiser, for example solver='sgd'.")
        return makers[name]()
    if not hasattr(solver, "run"):
        raise OptionError(f"`solver` must be a name or a solver such as Exact() or Descent(); got {solver!r}.")
    if options:
        raise OptionError(f"Give {', '.join(options)} to the solver object itself, as in Descent({next(iter(options))}=...).")
    return solver  # type: ignore[return-value]
