"""Request: what a call of `fit` asked for, checked before anything is read.

The query says which rows and columns; all else says how the line is trained on them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch

from bestline.calls import is_number, is_whole, no_such, refuse_unknown
from bestline.data.collected import Kept
from bestline.data.design import Design, absorbs, degree_of
from bestline.data.design.weight_kinds import checked_kind, refuse_classical
from bestline.data.folds import check_seed
from bestline.data.gather import Query
from bestline.data.split import check_shares
from bestline.engines.choose import placed
from bestline.errors import ColumnError, OptionError, listed
from bestline.training.cross_validation import KINDS
from bestline.training.limits import Interval, Limits, kinds, plainly, read_bounds, read_constraints
from bestline.training.losses.named import parse_loss, usual_name
from bestline.training.own_forward import UserForward
from bestline.training.plan import Method, Plan
from bestline.training.recipe import Recipe
from bestline.training.solvers.active_set import ActiveSet
from bestline.training.solvers.base import Reach, Reads
from bestline.training.solvers.choose import SETTINGS, choose
from bestline.training.solvers.exact import Exact
from bestline.training.too_wide import refuse_folds

KEPT_BYTES = 4e9  # rows that training needs are kept up to here, and read anew in every epoch beyond
_OF_ROWS = ("target", "features", "weights", "weight_kind", "missing", "folds", "split", "seed")
_OF_TRAINING = ("l1", "l2", "penalty_factors", "cv", "loss", "start", "device", "digits", "cov")
_ROWS_ON_GPU = 100_000  # below this, training on rows is done sooner on the CPU


@dataclass(frozen=True, slots=True, eq=False)
class Request(Method):
    """The checked arguments of `fit`; raises OptionError for what cannot be.

    Attributes
    ----------
    query : Query
        The data: which rows and columns.
    penalty_factors, cv, device, digits, cov
        As in `fit`, and so are those of the method; `cov` is the name alone, None where nobody gave one.
    bounds : mapping of name to (low, high)
        That of all slopes under the name "".
    constraints : tuple of str
    free : bool
        Whether nothing was asked for but a target: then a penalty may be chosen where rows are few.
    recipe : Recipe or None
        How to ask again.
    began : float
        When it was asked, by a clock that only differences are taken of.
    """

    query: Query
    penalty_factors: Mapping[str, float] | None = None
    cv: str | None = None
    device: str = "auto"
    digits: int = 8
    cov: str | None = None
    free: bool = False
    recipe: Recipe | None = None
    bounds: Mapping[str, Interval] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    began: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        query = self.query
        # Everything that can be refused is, before the first row is read: reading may take an hour.
        if self.cv not in (None, *KINDS):
            raise no_such("penalty to choose by `cv`", self.cv, KINDS, more="; the number of folds is `folds`")
        line = self.solver.reach is Reach.SOLUTION and self.squared_line
        if self.cv and (not line or self.l1 or self.l2):
            raise OptionError(f"`cv={self.cv!r}` chooses the penalty for squared loss of a line; leave out solver, l1 and l2.")
        if self.penalty_factors is not None and not isinstance(self.penalty_factors, Mapping):
            raise OptionError(f"`penalty_factors` names columns, as in {{'age': 0}}; got {self.penalty_factors!r}.")
        if self.penalty_factors and not (self.cv or self.l1 or self.l2):
            raise OptionError("`penalty_factors` share out a penalty, and there is none; give l1, l2 or cv.")
        self._check_numbers()
        if not isinstance(self.device, str) or (self.device not in ("auto", "cpu") and not self.device.startswith("cuda")):
            raise OptionError(f"`device` must be 'auto', 'cpu' or 'cuda'; got {self.device!r}.")
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise OptionError("There is no CUDA device that torch can use here; use device='cpu' or 'auto'.")
        if self.device.startswith("cuda") and self.solver.reads is Reads.SINGLE_ROWS:
            raise OptionError("One row at a time is work for a CPU; leave `device` out, or use Descent(batch_size=1).")
        _check_forward(self.forward)
        if absorbs(query.formula):
            self._check_absorbing()
        self._check_limits()
        self._check_errors()
        if not callable(self.loss):
            parse_loss(self.loss)
        if query.split is not None:
            check_shares(query.split)

    @property
    def limited_by(self) -> str:
        """What limits the weights, in words."""
        return kinds(bounds=bool(self.bounds), constraints=bool(self.constraints))

    def _check_limits(self) -> None:
        if not self.limited_by:
            return
        if absorbs(self.query.formula):
            raise OptionError(
                f"Under {self.limited_by} effects are columns, + C(g), and are not absorbed behind a bar; write them so."
            )
        if not self.squared_line:
            what = f"`loss` {self.loss!r}" if self.forward is None else "an own forward function"
            raise OptionError(
                f"`bounds` and `constraints` are for the squared loss of a line, and not for {what}; leave one of them out."
            )
        if self.l1 or self.cv:
            what = f"`cv={self.cv!r}`" if self.cv else f"`l1={self.l1:g}`"
            raise OptionError(
                f"`bounds` and `constraints` go with an l2 penalty or none, and not with {what}; leave one of them out."
            )

    def _check_errors(self) -> None:
        if self.cov not in (None, "classical") and self.limited_by:
            raise OptionError(
                f"`cov` {self.cov!r} is a covariance of least squares without bounds and constraints; under them errors are classical. "
                f"Leave `cov` out."
            )
        if self.cov == "classical":
            refuse_classical(self.query.weight_kind)
        penalty = self.cv or self.l1 or self.l2
        line = self.forward is None
        edged = line and parse_loss(self.loss).edged
        if self.cov is not None and (penalty or not (self.squared_line or edged)):
            what = "under a penalty" if penalty else "of another loss" if line else "of an own forward function"
            raise OptionError(
                f"`cov` {self.cov!r} is a covariance of {'an unpenalised line' if edged else 'least squares'}, and there is none {what}; "
                f"leave `cov` out, or fit {'without a penalty' if edged else 'least squares'}."
            )
        if self.cov not in (None, "classical") and self.patient and self.query.split is None:
            raise OptionError(
                f"`cov` {self.cov!r} reads the training rows again, and early stopping holds out some that it draws itself; give `split` to "
                f"say which, or leave `patience` out."
            )

    def _check_absorbing(self) -> None:
        """Raise OptionError for what effects behind a bar are not absorbed for."""
        why = "Effects behind a bar are taken out of the columns for the exact solution of squared loss"
        if not self.squared_line or self.of_rows or self.solver.loop is not None:
            raise OptionError(
                f"{why}, and for no other; leave solver, loss and forward out, or write + C(g) in place of the bar."
            )
        if self.cv or isinstance(self.query.folds, str):
            what = f"cv={self.cv!r}" if self.cv else f"folds={self.query.folds!r}"
            raise OptionError(
                f"{why}, by all rows at once, so no fold is unseen and {what} has no meaning; give `split` for a held-out error."
            )

    def _check_numbers(self) -> None:
        query = self.query
        _check_penalties(self.l1, self.l2)
        if not isinstance(query.folds, str) and not (is_whole(query.folds) and 2 <= query.folds <= 1_000):
            raise OptionError(f"`folds` must be a whole number from 2 to 1,000, or the name of a column; got {query.folds!r}.")
        check_digits(self.digits)

    @classmethod
    def of(
        cls,
        data: Any,
        formula: str | None,
        asked: Mapping[str, Any],
        defaults: Mapping[str, Any],
        *,
        beside: tuple[str, ...] = (),
    ) -> Request:
        """What `fit` was called with: the data, and beside them its arguments by name, and what those are when left out.

        `beside` are columns that every row must have a value of though the line does not read them, such as those of clusters.
        """
        refuse_unknown(asked["descent"], [*defaults, *SETTINGS], "fit")
        asked = {**asked, "loss": usual_name(asked["loss"]), "cv": _cv(asked["cv"]), "seed": check_seed(asked["seed"])}
        asked["weight_kind"] = checked_kind(asked["weight_kind"], asked["weights"])
        _check_penalties(asked["l1"], asked["l2"])
        loss, forward, settings = asked["loss"], asked["forward"], asked["descent"]
        degree, own = (degree_of(forward), None) if isinstance(forward, str) else (1, forward)
        kind, line = parse_loss(loss), own is None
        bounds, constraints = read_bounds(asked["bounds"]), read_constraints(asked["constraints"])
        limited = bool(bounds or constraints)
        chosen = choose(asked["solver"], squared=kind.squared, line=line, l1=asked["l1"], piecewise=kind.edged, **settings)
        if limited and kind.squared and line:
            chosen = _limited_solver(asked["solver"], settings)
        # Whoever names a formula, solver or penalty has chosen; a penalty is put in for nobody else.
        named = any(asked[name] is not None for name in ("solver", "cv", "features"))
        unasked = formula is None and asked["cov"] is None and not (named or asked["l1"] or asked["l2"])
        given = {name: asked[name] for name in defaults} | settings | {"bounds": plainly(bounds)}
        if isinstance(given["solver"], type):  # which says itself only once it is made
            given = {**given, "solver": chosen, **dict.fromkeys(settings)}
        request = cls(
            Query(
                placed(data, asked["engine"]),
                formula,
                **{name: asked[name] for name in _OF_ROWS},
                degree=degree,
                beside=beside,
                absorbing=True,
            ),
            solver=chosen,
            forward=own,
            standardize=standardised(asked["standardize"], own),
            bounds=bounds,
            constraints=constraints,
            free=unasked and not settings and not limited and degree == 1 and kind.squared and line,
            recipe=Recipe.of(data, formula, given, defaults),
            **{name: asked[name] for name in _OF_TRAINING},
        )
        return replace(request, query=request._reading())

    def _reading(self) -> Query:
        """The query with what training needs of the rows themselves."""
        # Squared loss on slices can be read anew in every epoch; any other loss on rows needs them in memory.
        keep = Kept(KEPT_BYTES, None if self.squared_line else self._too_many()) if self.of_rows else None
        check = refuse_folds if self.cv else None
        return replace(self.query, keep=keep, at_once=bool(self.cv) or self.patient, check=check)

    @property
    def patient(self) -> bool:
        """Whether training stops when held-out rows say so."""
        return self.solver.rule.patience is not None

    def plan(self, design: Design, rows: int) -> Plan:
        """What to carry out on these columns, and on how many rows."""
        method = {f.name: getattr(self, f.name) for f in fields(Method)} | {"l1": float(self.l1), "l2": float(self.l2)}
        factors, limits = _factors(self.penalty_factors, design), Limits.of(self.bounds, self.constraints, design)
        columns = (design.names, design.targets, design.intercept)
        return Plan(*columns, seed=self.query.seed, device=self._placed(rows), factors=factors, limits=limits, **method)

    def _placed(self, rows: int) -> torch.device:
        """Where training on rows happens."""
        # Copying rows to a GPU and starting its kernels costs more than few rows take here.
        if self.device != "auto" or self.solver.reads is Reads.SINGLE_ROWS:
            return torch.device(self.device if self.device != "auto" else "cpu")
        return torch.device("cuda" if torch.cuda.is_available() and rows >= _ROWS_ON_GPU else "cpu")

    def _too_many(self) -> str:
        what = "an own forward function" if self.forward is not None else f"loss {self.loss!r}"
        return (
            f"Training with {what} needs the rows in memory, and they take more than {KEPT_BYTES / 1e9:.3g} GB; use loss='squared' "
            f"with the line, or fewer rows."
        )


def _limited_solver(solver: Any, settings: Mapping[str, Any]) -> ActiveSet:
    """The solver for limited weights, by whatever name that asks for no other."""
    given = [name for name, value in settings.items() if value is not None]
    if not given and choose(solver) == Exact():
        return ActiveSet()
    what = listed(given) if given else f"solver {getattr(solver, '__name__', solver)!r}"
    raise OptionError(f"Under `bounds` and `constraints` the line is solved for exactly, without {what}; leave it out.")


def _check_forward(forward: object) -> None:
    """Raise OptionError for what cannot predict."""
    if isinstance(forward, type):
        raise OptionError(
            f"`forward` is a module that is made already, such as torch.nn.Linear(1, 1); got the class {forward.__name__}."
        )
    if forward is not None and not callable(forward):
        raise OptionError(f"`forward` is an nn.Module, a function (X, w, b), or 'polynomial:3'; got {forward!r}.")


def _cv(cv: Any) -> Any:
    """The penalty to choose, in any spelling."""
    folded = re.sub(r"[-_\s]", "", cv.casefold()) if isinstance(cv, str) else cv
    return {"elasticnet": "enet", "l2": "ridge", "l1": "lasso"}.get(folded, folded) if isinstance(cv, str) else cv


def _check_penalties(l1: object, l2: object) -> None:
    for name, value in (("l1", l1), ("l2", l2)):
        if not is_number(value):
            raise OptionError(f"`{name}` is a number, and not negative; got {value!r}.")


def check_digits(digits: Any) -> None:
    """Raise OptionError for a number of right digits that nobody can ask for."""
    if not is_whole(digits) or not 0 <= digits <= 15:
        raise OptionError(f"`digits` must be a whole number from 0 to 15; got {digits!r}.")


def standardised(standardize: bool | None, forward: UserForward | None) -> bool:
    """Whether columns are standardised for training: by default those of a line."""
    if not _is_choice(standardize):
        raise OptionError(f"`standardize` is True or False; got {standardize!r}.")
    if forward is not None and standardize:
        raise OptionError(
            "An own forward function sees the columns as they are; standardise them before, or leave `standardize` out."
        )
    return forward is None if standardize is None else bool(standardize)


def _is_choice(value: object) -> bool:
    """Whether something is None, true or false, and no text such as "no", which Python takes for true."""
    return value is None or isinstance(value, bool | np.bool_) or (is_whole(value) and value in (0, 1))


def _factors(given: Mapping[str, float] | None, design: Design) -> tuple[float, ...] | None:
    """How much of the penalties each column takes, by the names of columns and terms."""
    if not given:
        return None
    # The name of a term stands for all its columns, as the levels of a category; what is named later overrides.
    factors = dict.fromkeys(range(design.p), 1.0)
    for name, factor in given.items():
        own = [j for j, column in enumerate(design.columns) if name in (column.name, column.term)]
        if not own:
            known = dict.fromkeys([*(c.term for c in design.columns), *design.names])
            raise OptionError(f"`penalty_factors`: {ColumnError.missing(str(name), known, 'the features')}")
        if not (is_number(factor) and 0 <= factor < float("inf")):
            raise OptionError(f"`penalty_factors` are finite and not negative; got {factor!r} for {name!r}.")
        factors |= dict.fromkeys(own, float(factor))
    if not any(factors.values()):
        raise OptionError("`penalty_factors` leave every column free, so nothing is penalised; leave l1, l2 and cv out.")
    return tuple(factors.values())
