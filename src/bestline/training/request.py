"""Options: what `fit` was asked for besides the data, checked before anything is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from bestline.data.design import Design
from bestline.data.split import check_shares
from bestline.errors import ColumnError, OptionError
from bestline.training.cross_validation import KINDS
from bestline.training.losses.named import parse_loss
from bestline.training.own_forward import UserForward
from bestline.training.plan import Plan, UserLoss
from bestline.training.solvers.base import Reach, Reads, Solver, is_number
from bestline.training.start import Start

_ROWS_ON_GPU = 100_000  # below this, training on rows is done sooner on the CPU


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """The checked arguments of `fit` that do not name data; raises OptionError for what cannot be."""

    solver: Solver
    l1: float
    l2: float
    penalty_factors: Mapping[str, float] | None
    cv: str | None
    folds: int | str
    loss: UserLoss
    forward: UserForward | None
    missing: str
    standardize: bool
    split: Sequence[float] | None
    start: Start | None
    seed: int
    device: str
    digits: int

    def __post_init__(self) -> None:
        if self.cv not in (None, *KINDS):
            raise OptionError(f"`cv` chooses the penalty of 'ridge', 'lasso' or 'enet'; got {self.cv!r}.")
        line = self.solver.reach is Reach.SOLUTION and self.loss == "squared" and self.forward is None
        if self.cv and (not line or self.l1 or self.l2):
            raise OptionError(f"`cv={self.cv!r}` chooses the penalty for squared loss of a line; leave out solver, l1 and l2.")
        if self.penalty_factors is not None and not isinstance(self.penalty_factors, Mapping):
            raise OptionError(f"`penalty_factors` names columns, as in {{'age': 0}}; got {self.penalty_factors!r}.")
        if self.penalty_factors and not (self.cv or self.l1 or self.l2):
            raise OptionError("`penalty_factors` share out a penalty, and there is none; give l1, l2 or cv.")
        if not isinstance(self.folds, str) and not (isinstance(self.folds, int) and 2 <= self.folds <= 1_000):
            raise OptionError(f"`folds` must be a whole number from 2 to 1,000, or the name of a column; got {self.folds!r}.")
        if not isinstance(self.seed, int) or not 0 <= self.seed < 2**31:
            raise OptionError(f"`seed` must be a whole number from 0 to 2^31 - 1; got {self.seed!r}.")
        if not isinstance(self.digits, int) or not 0 <= self.digits <= 15:
            raise OptionError(f"`digits` must be a whole number from 0 to 15; got {self.digits!r}.")
        if self.device not in ("auto", "cpu") and not self.device.startswith("cuda"):
            raise OptionError(f"`device` must be 'auto', 'cpu' or 'cuda'; got {self.device!r}.")
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise OptionError("There is no CUDA device that torch can use here; use device='cpu' or 'auto'.")
        if self.device.startswith("cuda") and self.solver.reads is Reads.SINGLE_ROWS:
            raise OptionError("One row at a time is work for a CPU; leave `device` out, or use Descent(batch_size=1).")
        if self.forward is not None and not callable(self.forward):
            raise OptionError(f"`forward` is an nn.Module, a function (X, w, b), or 'polynomial:3'; got {self.forward!r}.")
        if not callable(self.loss):
            parse_loss(self.loss)
        if self.split is not None:
            check_shares(self.split)

    @property
    def patient(self) -> bool:
        """Whether training stops when held-out rows say so."""
        return self.solver.rule.patience is not None

    def placed(self, rows: int) -> torch.device:
        """Where training on rows happens."""
        if self.device != "auto" or self.solver.reads is Reads.SINGLE_ROWS:
            return torch.device(self.device if self.device != "auto" else "cpu")
        return torch.device("cuda" if torch.cuda.is_available() and rows >= _ROWS_ON_GPU else "cpu")

    def plan(self, design: Design, rows: int = 0) -> Plan:
        """What to carry out on these columns, and on how many rows."""
        return Plan(
            features=design.names,
            targets=design.targets,
            intercept=design.intercept,
            solver=self.solver,
            l1=float(self.l1),
            l2=float(self.l2),
            loss=self.loss,
            forward=self.forward,
            standardize=self.standardize,
            start=self.start,
            seed=self.seed,
            device=self.placed(rows),
            factors=_factors(self.penalty_factors, design),
        )


def standardised(standardize: bool | None, forward: UserForward | None) -> bool:
    """Whether columns are standardised for training: by default those of a line."""
    if forward is not None and standardize:
        raise OptionError(
            "An own forward function sees the columns as they are; standardise them before, or leave `standardize` out."
        )
    return forward is None if standardize is None else standardize


def _factors(given: Mapping[str, float] | None, design: Design) -> tuple[float, ...] | None:
    """How much of the penalties each column takes, by the names of columns and terms."""
    if not given:
        return None
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
