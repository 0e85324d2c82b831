"""Lasso and elastic net by scikit-learn's rules: solved exactly, from moments or a few wide rows, at any tolerance.

    minimise   1/(2 n) |y - X b - a|^2 + alpha l1_ratio |b|_1 + alpha (1 - l1_ratio) / 2 |b|^2

Twice this is our objective with l1 = 2 alpha l1_ratio and l2 = alpha (1 - l1_ratio).
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import torch
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from bestline.data.runner import calmly
from bestline.errors import OptionError, warn
from bestline.estimators.arrays import Array, TrainingTable, as_numpy
from bestline.estimators.base import MomentsEstimator
from bestline.estimators.parameters import ANY_SEED, YES_OR_NO, Choice, Number, Rules
from bestline.numerics import Comoments
from bestline.training import least_squares, too_wide
from bestline.training.least_squares import Solved
from bestline.training.solvers.few_rows import CentredRows
from bestline.training.solvers.path import SolutionPath

_LOOSE = 1e-8  # duality gap over the target's mean square beyond which a solution is not what was promised

SETTINGS: Rules = {
    "fit_intercept": YES_OR_NO,
    "max_iter": Number(1, whole=True, also=(None,)),
    "copy_X": YES_OR_NO,
    "tol": Number(0),
    "positive": YES_OR_NO,
    "random_state": ANY_SEED,
    "selection": Choice(("cyclic", "random")),
}


class ElasticNet(MomentsEstimator):
    """Least squares with l1 and l2 penalties together.

    The same parameters, attributes and shapes as scikit-learn's class of this name. The solution is exact at any `tol`: zeros are
    zeros, and `dual_gap_` is rounding.

    Parameters
    ----------
    alpha : float
        Not negative; 0 is least squares.
    l1_ratio : float
        Share of the l1 penalty, from 0 to 1.
    fit_intercept : bool
    precompute : bool or array (p, p)
        Accepted. An array is checked, and moments are then at work however many columns there are.
    max_iter, tol, copy_X, random_state, selection
        Accepted; nothing here is iterated to a tolerance.
    warm_start : bool
        Begin with the signs of the solution before.
    positive : bool
        Slopes must not be negative.

    Attributes
    ----------
    coef_, sparse_coef_ : array and sparse array (p,) or (k, p)
    intercept_ : float or array (k,)
    dual_gap_ : float or array (k,)
        No slopes at all have an objective smaller by more than this.
    n_iter_ : int or list of int
        How often the equations were solved until no sign had to be changed.
    coef_table_, digits_, model_
        As in LinearRegression; standard errors are NaN.

    Examples
    --------
    >>> from bestline.estimators import ElasticNet
    >>> ElasticNet(alpha=0.5, l1_ratio=1.0).fit([[-1.0], [0.0], [1.0]], [-3.0, 0.0, 3.0]).coef_
    array([2.25])
    """

    _rules: ClassVar[Rules] = {
        **SETTINGS,
        "alpha": Number(0, open_high=True),
        "l1_ratio": Number(0, 1),
        "precompute": Choice((True, False), array=True),
        "warm_start": YES_OR_NO,
    }
    l1_ratio: float

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        precompute: Any = False,
        max_iter: int | None = 1000,
        copy_X: bool = True,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    @calmly
    def fit(self, X: Array, y: Array, sample_weight: Array = None, check_input: bool = True) -> Self:
        """Fit the line to rows X (n, p) and y (n,) or (n, k), with weights (n,) if given; input is checked in any case."""
        del check_input
        return super().fit(X, y, sample_weight)

    def _takes_rows(self, table: TrainingTable) -> bool:
        return too_wide.very_wide(table.rows) and not self._gram_given

    def _learn_rows(self, table: TrainingTable) -> None:
        start = self._start(table)
        few = CentredRows.of(table.rows, intercept=self.fit_intercept)
        line, path = least_squares.penalised_rows(few, *self._penalties(), positive=self.positive, start=start)
        self._keep(line, path, few.square, table.kept_moments(), table, started=start is not None)

    def _start(self, table: TrainingTable) -> Tensor | None:
        """Slopes (p, k) of the solution before, where they are asked for and fit the table."""
        if not (self.warm_start and hasattr(self, "coef_")):
            return None
        # Only the signs of the start are used: the solution for right signs is exact, whatever the start was.
        coef = np.atleast_2d(as_numpy(self.coef_)).astype(np.float64)
        return torch.from_numpy(coef.T.copy()) if coef.shape == (table.rows.y.shape[1], table.p) else None

    def _learn(self, moments: Comoments, table: TrainingTable, *, exact: bool = False) -> None:
        if exact:
            self._check_gram(moments, table)
        start = self._start(table) if exact else None
        l1, l2 = self._penalties()
        intercept, positive = self.fit_intercept, self.positive
        line, path = least_squares.penalised(moments, table.p, l1, l2, intercept=intercept, positive=positive, start=start)
        if exact and not (l1 or l2 or positive):
            line = least_squares.sharpened(table.rows, moments, line, intercept=intercept)
        # The targets' mean squares: what a gap is small or large beside, in any unit.
        square = least_squares.normal_of(moments, table.p, intercept=intercept).square[0]
        self._keep(line, path, square, moments, table, started=start is not None)

    def _keep(
        self,
        line: Solved,
        path: SolutionPath,
        square: Tensor,
        moments: Comoments | None,
        table: TrainingTable,
        *,
        started: bool,
    ) -> None:
        """Set all that is learnt; square (k,) are the targets' mean squares, which say how large a gap is."""
        k = line.slopes.shape[1]
        self._set(line, moments, table, flat=k == 1)
        # Our objective is twice scikit-learn's, so its gap is half of ours. Signs of a start that were right take no round.
        gaps, rounds = path.gap[0, 0] / 2, max(path.rounds, 1) - started
        self.dual_gap_ = float(gaps[0]) if k == 1 else gaps.numpy()
        self.n_iter_ = rounds if k == 1 else [rounds] * k
        if bool((2 * gaps > _LOOSE * square).any()):
            warn(
                f"Objective did not converge: a duality gap of {float(gaps.max()):.1e} is left. Columns may be all but collinear.",
                ConvergenceWarning,
            )

    def _penalties(self) -> tuple[float, float]:
        # Ours has no halves: twice scikit-learn's objective, term by term.
        return 2.0 * self.alpha * self.l1_ratio, 1.0 * self.alpha * (1 - self.l1_ratio)

    @property
    def _gram_given(self) -> bool:
        return not isinstance(self.precompute, bool | np.bool_ | str)

    def _check_gram(self, moments: Comoments, table: TrainingTable) -> None:
        """Second moments of the user's must be those of the columns, centred where there is an intercept."""
        if not self._gram_given:
            return
        given = torch.from_numpy(np.array(as_numpy(self.precompute), dtype=np.float64))
        if given.shape != (table.p, table.p):
            raise OptionError(
                f"`precompute` must be True, False or a Gram matrix ({table.p}, {table.p}); got {tuple(given.shape)}."
            )
        # All numbers of the matrix are checked, to rounding (scikit-learn checks one): a wrong matrix would be a wrong line.
        own = least_squares.normal_of(moments, table.p, intercept=self.fit_intercept).curvature[0] * len(table.rows)
        size = own.diagonal().clamp(min=0).sqrt()
        rounding = 1e-3 if table.dtype == np.float32 else 1e-6
        if bool(((given - own).abs() <= rounding * torch.outer(size, size) + 1e-300).all()):
            return
        # Second moments of columns that are not centred are of no use, but no error: scikit-learn warns and takes its own.
        if self.fit_intercept and bool((moments.center[: table.p].abs() > 1e-6 * (moments.spread[: table.p] + 1e-300)).any()):
            warn("Gram matrix was provided but X was centered to fit intercept: recomputing Gram matrix.", UserWarning)
            return
        raise OptionError(
            "Gram matrix passed in via 'precompute' parameter did not pass validation: it is not that of the columns; leave it out."
        )

    @property
    def sparse_coef_(self) -> Any:
        """The slopes as a sparse array (k, p)."""
        return sparse.csr_array(np.atleast_2d(as_numpy(self.coef_)))


class Lasso(ElasticNet):
    """Least squares with an l1 penalty: an ElasticNet of `l1_ratio` 1.

    The same parameters, attributes and shapes as scikit-learn's class of this name; see ElasticNet for what they mean here.

    Examples
    --------
    >>> from bestline.estimators import Lasso
    >>> Lasso(alpha=0.5).fit([[-1.0], [0.0], [1.0]], [-3.0, 0.0, 3.0]).coef_
    array([2.25])
    """

    _rules: ClassVar[Rules] = {name: rule for name, rule in ElasticNet._rules.items() if name != "l1_ratio"}

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        precompute: Any = False,
        copy_X: bool = True,
        max_iter: int | None = 1000,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        super().__init__(
            alpha=alpha,
            l1_ratio=1.0,
            fit_intercept=fit_intercept,
            precompute=precompute,
            max_iter=max_iter,
            copy_X=copy_X,
            tol=tol,
            warm_start=warm_start,
            positive=positive,
            random_state=random_state,
            selection=selection,
        )
