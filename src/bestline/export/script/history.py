"""History: what a model tells of how it came about, and what of it cannot be told in plain code."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bestline.errors import OptionError, readable
from bestline.export.script.literals import is_plain
from bestline.inference.fitted import FittedLine
from bestline.numerics import Rows, Scaling, Weights, eigenvalues, of_one_size, rank_tolerance, second_moments
from bestline.training import Part, Reach, RowLoss, Solver, Stop, TorchLoop, Trace
from bestline.training.losses.base import Code, Loss
from bestline.training.solvers.choose import SOLVERS
from bestline.training.solvers.exact import Exact

# Optimisers that treat every weight by itself, so that it does not matter how the weights are laid out; L-BFGS sees one vector.
_ELEMENTWISE = ("ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD")

_ROUNDING = 1e-10  # standard deviations of the target
_UNEVEN = 1e6


@dataclass(frozen=True, slots=True)
class Made:
    """An optimiser or a schedule: the name of torch's class, and the options it is made with."""

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """A run as numbers and names.

    Attributes
    ----------
    formula : str
    rows : int
        Training rows.
    features, targets : tuple of str
    intercept, weighted : bool
    optimizer : Made
        Without a name where the weights were solved for and not trained.
    schedule : Made or None
    rate : float or None
        The first learning rate.
    updates : int
        Updates made until the weights that were kept.
    early : bool
        Whether these are not the last ones.
    diverged : bool
    batch_size : int or None
    seed : int
    start : Tensor (d, k)
        First weights of the columns as trained.
    drawn : bool
        Whether they were drawn by the seed.
    scaled : bool
        Whether the columns as trained are standardised.
    kept : tuple of int
        Of the p + k columns, those whose scale is left as it is although the others are standardised.
    constant : tuple of int
        Of the p + k columns, those that do not vary.
    singular : bool
        Whether columns say what others say, so that many weights are as good; refined weights have been told apart.
    uneven : bool
        Whether the columns are so different in size, or so alike in what they say, that linear algebra needs them standardised.
    l1, l2 : float
    loss : Loss
    setting : Tensor (k,) or (1,)
        The number that the loss needs, as its `code` has it; in the data's units.
    weights : Tensor (d, k)
        What the model found, in the data's units.
    final : float or None
        Its loss; None where a thinned trace does not say.
    """

    formula: str
    rows: int
    features: tuple[str, ...]
    targets: tuple[str, ...]
    intercept: bool
    weighted: bool
    optimizer: Made
    schedule: Made | None
    rate: float | None
    updates: int
    early: bool
    diverged: bool
    batch_size: int | None
    seed: int
    start: Weights
    drawn: bool
    scaled: bool
    kept: tuple[int, ...]
    constant: tuple[int, ...]
    singular: bool
    uneven: bool
    l1: float
    l2: float
    loss: Loss
    setting: Tensor
    weights: Weights
    final: float | None

    @property
    def p(self) -> int:
        """Number of features."""
        return len(self.features)

    @property
    def k(self) -> int:
        """Number of targets."""
        return len(self.targets)

    @property
    def trains(self) -> bool:
        """Whether the weights were trained, and not solved for."""
        return bool(self.optimizer.name)

    @property
    def scales(self) -> bool:
        """Whether the script has to standardise: a solution needs it only where it makes a difference."""
        if self.trains or self.l1 > 0 or self.l2 > 0 or self.singular:
            return self.scaled
        return self.uneven

    @property
    def code(self) -> Code:
        """The loss as code."""
        assert self.loss.code is not None  # noqa: S101  `history_of` refuses code of the user
        return self.loss.code

    @property
    def rests(self) -> bool:
        """Whether the intercept is left where it starts, at 0, which is best for columns and target of mean 0.

        Its gradient is then nothing but rounding, and optimisers that divide by the size of gradients would make steps of it.
        """
        if self.optimizer.name in ("", "SGD", "LBFGS"):
            return False
        still = self.scaled and self.intercept and self.loss.squared and self.batch_size is None
        return still and bool((self.start[-1] == 0).all())

    @property
    def labels(self) -> list[str]:
        """A name for every weight, in the order in which scripts print them."""
        terms = [*self.features, *(["Intercept"] if self.intercept else [])]
        return terms if self.k == 1 else [f"{term}:{target}" for term in terms for target in self.targets]


def history_of(model: FittedLine, rows: Rows | None) -> History:
    """What `model` tells of its run; `rows`, where they are at hand, settle what the Huber loss needs.

    Raises
    ------
    OptionError
        For what is not ours to write down: code of the user, a schedule or optimiser whose making is not plain.
    """
    plan, loop = model.plan, remembered(model)
    loss = plan.cost
    if plan.forward is not None or loss.code is None:
        what = "loss" if plan.forward is None else "forward"
        raise OptionError(
            f"This model was trained with a {what} function of your own, and bestline does not copy code; use that."
        )
    if plan.limits is not None:
        raise OptionError(
            f"Scripts solve for lines without {plan.limited_by}; export this one as SQL, ONNX or JSON, or by to_torch()."
        )
    if plan.factors is not None and plan.penalised:
        raise OptionError("Scripts penalise every column alike; this model has penalty factors, which they do not write out.")
    if not plan.features:
        raise OptionError("A line without features is the mean of the target; there is nothing to write out.")
    columns = (*plan.features, *plan.targets)
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise OptionError(f"Two columns are called {readable(twice)}, and a script tells columns by their names; rename one.")
    statistic = model.training
    scaling = model.trained_scaling
    # Columns that do not vary: about their mean, if there is an intercept to take it, else only if they are 0.
    # A column that does not vary is centred to 0; without an intercept only one of zeros is.
    still = (statistic.spread == 0) & (plan.intercept | (statistic.center == 0))
    constant = torch.nonzero(still)[:, 0].tolist()
    trace, singular = model.trace, _singular(model, scaling)
    if singular and not model.shares:
        raise OptionError(
            "A script solves for the weights of smallest norm, and this model leaves out the columns that others say already; leave "
            "them out of the formula and fit again."
        )
    return History(
        formula=model.design.formula,
        rows=statistic.count,
        features=plan.features,
        targets=plan.targets,
        intercept=plan.intercept,
        weighted=model.design.weights is not None,
        optimizer=Made("", {}) if loop is None else _optimizer(loop),
        schedule=None if loop is None else _schedule(loop),
        rate=float(trace.rate[0]) if math.isfinite(trace.rate[0]) else None,
        updates=model.step,
        early=model.step != int(trace.step[-1]),
        diverged=model.stop is Stop.DIVERGED,
        batch_size=None if loop is None else loop.batch_size,
        seed=plan.seed,
        start=_start(trace, scaling, plan.standardize),
        drawn=plan.start is None and model.parts is not None,
        scaled=plan.standardize,
        kept=tuple(sorted({*plan.unscaled, *constant})),
        constant=tuple(constant),
        singular=singular and (model.refined is None or model.refined.rank < len(model.names)),
        uneven=singular or _uneven(model),
        l1=plan.l1,
        l2=plan.l2,
        loss=loss,
        setting=_setting(model, scaling, rows),
        weights=model.weights,
        final=_loss_at(trace, model.step),
    )


def _start(trace: Trace, scaling: Scaling, standardize: bool) -> Weights:
    """The first weights of the columns as trained; an intercept of standardised columns that is 0 but for rounding is 0."""
    start = scaling.to_trained(trace.weights[0])
    if standardize and scaling.intercept:
        start[-1] = torch.where(start[-1].abs() < _ROUNDING, 0.0, start[-1])
    return start


def remembered(model: FittedLine) -> TorchLoop | None:
    """The loop by which a model was trained, None where it was solved; a loaded one remembers it as text.

    Raises OptionError where the text holds more than plain values, and where the solution was not reached.
    """
    solver = model.plan.solver if model.parts is not None else _read(model.solver)
    if solver is not None and solver.loop is not None:
        return solver.loop
    if not model.plan.cost.squared:
        raise OptionError(
            "This line was solved for by an interior-point method, which is longer than a script; fit it with solver='lbfgs' or "
            "'adam' to have a run that a script can repeat."
        )
    solved = solver is not None and solver.reach is Reach.SOLUTION
    if not solved and not model.stop.arrived:
        raise OptionError(model.plan.solver.unwritten)
    return None


def _read(text: str) -> Solver | None:
    """The solver of this repr; None for one that is not ours."""
    known = {kind.__name__: kind for kind in SOLVERS}
    try:
        match ast.parse(text, mode="eval").body:
            case ast.Call(func=ast.Name(id=name), args=[], keywords=given) if name in known:
                return known[name](**{str(option.arg): ast.literal_eval(option.value) for option in given})
            case ast.Call(func=ast.Name()):
                return None
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        pass
    raise OptionError("This model was loaded, and its file does not say in full how it was trained; fit again.")


def _optimizer(loop: TorchLoop) -> Made:
    made = _made(loop.optimizer, torch.optim)
    if made is None:
        raise OptionError(
            "This model was trained with an optimiser of your own making; scripts write out the classes of torch.optim, and "
            "partials of them with plain options."
        )
    if made.name not in _ELEMENTWISE:
        raise OptionError(
            f"{made.name} looks at all weights as one matrix, and a script holds slopes and intercept apart; use adam or sgd."
        )
    return Made(made.name, {name: given for name, given in made.options.items() if name != "lr"})


def _schedule(loop: TorchLoop) -> Made | None:
    if loop.schedule is None:
        return None
    made = _made(loop.schedule, torch.optim.lr_scheduler)
    if made is None:
        raise OptionError(
            "This model was trained with a schedule of your own making; scripts write out the classes of "
            "torch.optim.lr_scheduler, and partials of them with plain options."
        )
    if made.name == "ReduceLROnPlateau" and loop.batch_size is not None:
        raise OptionError("ReduceLROnPlateau on mini-batches looks at the loss of all rows, which a script does not compute.")
    return made


def _made(maker: object, library: Any) -> Made | None:
    """The class of the library and its options, or None when it is made in another way."""
    # What a script can name: a class of the library as it stands, or a partial of one whose options can be written down.
    made, options = (maker.func, maker.keywords) if isinstance(maker, partial) else (maker, {})
    # Only what the library itself calls by that name: a class of the same name elsewhere is another one.
    known: Any = getattr(library, str(getattr(made, "__name__", "")), None)
    if made is not known or not inspect.isclass(known) or (isinstance(maker, partial) and maker.args):
        return None
    return Made(known.__name__, dict(options)) if all(map(is_plain, options.values())) else None


def _singular(model: FittedLine, scaling: Scaling) -> bool:
    """Whether the features, as trained, depend on each other as far as moments in float64 can tell."""
    p = scaling.p
    inner = second_moments(model.training, scaling, range(p))
    if bool((inner.diagonal() <= 0).any()) or model.training.count < p + scaling.intercept:
        return True
    # Columns brought to one size first, or units would decide what counts as dependent.
    values = eigenvalues(of_one_size(inner)[0])
    return bool(values[0] <= values[-1] * rank_tolerance(p))


def _uneven(model: FittedLine) -> bool:
    p, statistic = len(model.plan.features), model.training
    size = statistic.spread[:p] if model.plan.intercept else torch.hypot(statistic.spread, statistic.center)[:p]
    return bool(size.max() > _UNEVEN * size.min())


def _setting(model: FittedLine, scaling: Scaling, rows: Rows | None) -> Tensor:
    """The number that the loss needs; one in the data's units may come from the rows, so the loss is made again as it was trained."""
    plan, loss = model.plan, model.plan.cost
    if loss.code is None or not loss.code.in_units:
        return loss.number(None, scaling.target_scale)
    assert rows is not None  # noqa: S101  `script` has gathered them
    smooth = replace(plan, solver=Exact(), device=torch.device("cpu")).task(Part(model.training, rows)).objective.smooth
    assert isinstance(smooth, RowLoss)  # noqa: S101  the only one that is not squared
    return loss.number(smooth.loss, scaling.target_scale)


def _loss_at(trace: Trace, step: int) -> float | None:
    at = torch.nonzero(trace.step == step)
    return float(trace.loss[int(at[0])]) if len(at) else None
