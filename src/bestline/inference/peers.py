"""Peers: the same line fitted by scikit-learn and statsmodels, and to how many digits each weight is the same.

    digits agreed = -log10 |a - b| / |b|

Two libraries that agree can both be wrong; where they do not agree, `digits` says how many of bestline's own are right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch

from bestline.errors import DataError, NumericalError, OptionError
from bestline.inference.fitted import FittedLine
from bestline.inference.training_rows import counted
from bestline.numerics import Rows, Weights, joined
from bestline.wording import apart

if TYPE_CHECKING:
    from pandas import DataFrame

PEERS = {"scikit-learn": "sklearn", "statsmodels": "statsmodels"}

_MOST_NUMBERS = 50_000_000  # held in memory, as the peers need it
_SAME = 15.95  # digits of float64, for numbers that are equal to the last bit


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """A line by several libraries.

    Attributes
    ----------
    terms, targets : tuple of str
        Names of the weights (d,) and targets (k,).
    weights : Tensor (d, k)
        bestline's.
    peers : dict
        Library and version -> its weights (d, k).
    absent : tuple of str
        Libraries that are not installed, or have no such fit, and why.
    rows : int
    """

    terms: tuple[str, ...]
    targets: tuple[str, ...]
    weights: Weights
    peers: dict[str, Weights]
    absent: tuple[str, ...]
    rows: int

    def digits(self, peer: str) -> Weights:
        """Digits in which bestline's weights and a peer's agree, (d, k), from 0 to 15.9."""
        return agreed(self.weights, self.peers[peer])

    def frame(self) -> DataFrame:
        """One row a weight: term, bestline, and for each peer its weight and the digits agreed."""
        import pandas as pd

        columns: dict[str, Any] = {"term": list(self.terms) * len(self.targets)}
        if len(self.targets) > 1:
            columns["target"] = [t for t in self.targets for _ in self.terms]
        columns["bestline"] = self.weights.T.flatten().tolist()
        for name in self.peers:
            columns[name] = self.peers[name].T.flatten().tolist()
            columns[f"digits agreed with {name}"] = self.digits(name).T.flatten().tolist()
        return pd.DataFrame(columns)

    def __str__(self) -> str:
        labels = apart([_name(self, i, j) for i in range(len(self.targets)) for j in range(len(self.terms))], 60)
        width = max(map(len, ("weight", *labels)))
        head = f"{'weight':<{width}}{'bestline':>22}" + "".join(f"{name:>26}{'digits':>8}" for name in self.peers)
        lines = [f"{label:<{width}}{w:>22.15g}" for label, w in zip(labels, self.weights.T.flatten().tolist(), strict=True)]
        for name, weights in self.peers.items():
            beside = zip(lines, weights.T.flatten().tolist(), self.digits(name).T.flatten().tolist(), strict=True)
            lines = [f"{line}{w:>26.15g}{same:>8.1f}" for line, w, same in beside]
        lines = [f"{self.rows:,} rows", head, *lines]
        for name in self.peers:
            least = float(self.digits(name).min()) if self.weights.numel() else math.nan
            lines.append(f"{name}: {least:.1f} digits agreed at the least")
        return "\n".join([*lines, *(f"{reason}." for reason in self.absent)])


def agreed(a: Weights, b: Weights) -> Weights:
    """Digits in which a and b agree, elementwise."""
    # Beside a peer of 0 the difference itself counts, for nothing can be relative to it.
    size = torch.where(b != 0, b.abs(), 1.0)
    return (-torch.log10((a - b).abs() / size)).nan_to_num(0.0, posinf=_SAME).clamp(0, _SAME)


def agreement(line: FittedLine, data: Any = None) -> Agreement:
    """The model's line fitted again by scikit-learn and statsmodels, where they are installed.

    Parameters
    ----------
    line : FittedLine
        A line of squared loss, with or without penalties.
    data
        The rows it was fitted to; by default the model's own.

    Raises
    ------
    OptionError
        For other losses and own forward functions, and when the rows do not fit in memory.
    DataError
        When the data are not the rows the model was fitted to.
    NumericalError
        When training stopped before the solution that the peers compute.
    """
    if not line.plan.squared_line:
        raise OptionError(
            "Agreement is measured for the squared loss of a line; this model has another loss or forward function."
        )
    if line.plan.limits is not None:
        raise OptionError(
            f"The peers fit lines without {line.plan.limited_by}; scipy.optimize.lsq_linear solves for bounds alone."
        )
    _check_solved(line)
    rows = _rows(line, data)
    peers: dict[str, Weights] = {}
    absent = []
    for name, module in PEERS.items():
        try:
            import_module(module)
        except ImportError:
            absent.append(f"{name} is not installed")
            continue
        solve = _by_scikit_learn if module == "sklearn" else _by_statsmodels
        weights = solve(line, rows)
        if weights is None:
            absent.append(f"{name} has no fit with these penalties")
        else:
            peers[f"{name} {version(name)}"] = weights
    return Agreement(line.names, line.targets, line.weights, peers, tuple(absent), line.training.count)


def _check_solved(line: FittedLine) -> None:
    # What stopped on the way agrees with nobody, and that says nothing about either.
    gap = line.trace.gap
    if gap is not None and float(gap[-1]) > 1e-6 * max(float(line.trace.loss[-1]), 1e-300):
        raise NumericalError(
            "Training stopped before the exact solution, so there is nothing to agree on; take more steps, or fit exactly."
        )


def _rows(line: FittedLine, data: Any) -> Rows:
    numbers = line.training.count * (line.design.p + len(line.targets))
    if numbers > _MOST_NUMBERS:
        raise OptionError(
            f"The peers need all rows in memory, and {numbers:,} numbers are too many; agree on a part of the rows."
        )
    parts = list(counted(line, data))
    if not parts:
        raise DataError("There are no rows to fit again.")
    rows = joined(parts)
    count = int(rows.w.sum()) if rows.copies and rows.w is not None else len(rows)
    if count != line.training.count:
        raise DataError(
            f"The data have {count:,} usable rows, but the model was fitted to {line.training.count:,}; give the same rows."
        )
    return rows


def _by_scikit_learn(line: FittedLine, rows: Rows) -> Weights | None:
    """Least squares on the data as they are; penalised lines on the columns as trained, where their penalties are defined."""
    from sklearn.linear_model import ElasticNet, LinearRegression, Ridge

    plan, intercept = line.plan, line.design.intercept
    w = None if rows.w is None else rows.w.numpy()
    penalised = plan.penalised
    scaling = line.trained_scaling
    trained = scaling.rows(rows) if penalised else rows
    total = len(rows) if rows.w is None else float(rows.w.sum())
    # scikit-learn's objective is ours halved, with the penalty alpha (ratio |w| + (1 - ratio) w^2 / 2): so alpha ratio = l1 / 2, and
    # alpha (1 - ratio) = l2. Its Ridge has the sum of squares and not their mean: alpha = l2 times the rows.
    if plan.l1:
        alpha = plan.l1 / 2 + plan.l2
        # To the end: by its usual tolerance a few digits would agree, and the others would be the peer's.
        peer = ElasticNet(alpha=alpha, l1_ratio=plan.l1 / 2 / alpha, fit_intercept=intercept, tol=1e-12, max_iter=100_000)
    elif plan.l2:
        peer = Ridge(alpha=plan.l2 * total, fit_intercept=intercept)
    else:
        peer = LinearRegression(fit_intercept=intercept)
    peer.fit(trained.X.numpy(), trained.y.numpy(), sample_weight=w)
    slopes = torch.as_tensor(peer.coef_, dtype=torch.float64).reshape(len(line.targets), -1).T
    level = torch.as_tensor(peer.intercept_, dtype=torch.float64).expand(len(line.targets)).reshape(1, -1)
    weights = torch.cat([slopes, level]) if intercept else slopes
    return scaling.to_data(weights) if penalised else weights


def _by_statsmodels(line: FittedLine, rows: Rows) -> Weights | None:
    if line.plan.penalised:
        return None
    import numpy as np
    from statsmodels.regression.linear_model import OLS, WLS

    X = rows.X.numpy()
    if line.design.intercept:
        X = np.column_stack([X, np.ones(len(X))])
    columns = []
    for y in rows.y.T.numpy():
        # One target at a time, as its results have one.
        peer = OLS(y, X) if rows.w is None else WLS(y, X, weights=rows.w.numpy())
        columns.append(torch.as_tensor(np.asarray(peer.fit().params), dtype=torch.float64))
    return torch.stack(columns, 1)


def _name(found: Agreement, target: int, term: int) -> str:
    name = found.terms[term][:40]
    return name if len(found.targets) == 1 else f"{found.targets[target][:20]}: {name}"
