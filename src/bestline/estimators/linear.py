"""Least squares by scikit-learn's rules: LinearRegression and Ridge."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from bestline.errors import OptionError
from bestline.estimators.arrays import TrainingTable, as_numpy
from bestline.estimators.base import MomentsEstimator
from bestline.estimators.parameters import ANY_SEED, YES_OR_NO, Choice, Number, Rules
from bestline.numerics import Comoments
from bestline.training import least_squares, too_wide
from bestline.training.plan import refuse_beyond

SOLVERS = ("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs")


class _LeastSquares(MomentsEstimator):
    """Ridge regression; least squares is the one whose penalties are 0."""

    positive: bool

    def _takes_rows(self, table: TrainingTable) -> bool:
        return too_wide.wide(table.rows) and not self.positive

    def _learn_rows(self, table: TrainingTable) -> None:
        alphas = self._alphas(table.rows.y.shape[1])
        # n rows of p > n columns span n directions: with their singular values nothing p x p is needed.
        line = least_squares.of_rows(table.rows, alphas, intercept=self.fit_intercept)
        self._keep(line, table.kept_moments(), table)

    def _learn(self, moments: Comoments, table: TrainingTable, *, exact: bool = False) -> None:
        alphas = self._alphas(moments.q - table.p)
        line = least_squares.of_moments(moments, table.p, alphas, intercept=self.fit_intercept, positive=self.positive)
        if not bool(alphas.any()):
            refuse_beyond([f"X[:, {j}]" for j in range(table.p)], moments.beyond[: table.p])
        if exact and not self.positive and not bool(alphas.any()):
            # Digits that moments have lost are in the rows. With a penalty they are not missed: it keeps the system from singular.
            line = least_squares.sharpened(table.rows, moments, line, intercept=self.fit_intercept)
        self._keep(line, moments, table)

    @abstractmethod
    def _alphas(self, k: int) -> Tensor:
        """The penalty of each target, (k,)."""

    @abstractmethod
    def _keep(self, line: least_squares.Solved, moments: Comoments | None, table: TrainingTable) -> None:
        """Set all that is learnt."""


class LinearRegression(_LeastSquares):
    """Ordinary least squares: minimise sum_i w_i (y_i - x_i b - a)^2.

    The same parameters, attributes and shapes as scikit-learn's class of this name. The solution is exact: columns of any
    units and offsets, and nearly collinear ones, get all their digits (`digits_` says how many are certain). Where columns
    are linearly dependent, the solution of smallest norm is given.

    Parameters
    ----------
    fit_intercept : bool
    copy_X : bool
        Accepted; X is never overwritten.
    tol : float
        Accepted; nothing here is iterated.
    n_jobs : int or None
        Accepted; torch uses its own threads.
    positive : bool
        Slopes must not be negative.

    Attributes
    ----------
    coef_ : array (p,) or (k, p)
    intercept_ : float or array (k,)
    rank_ : int
    singular_ : array (min(n, p),)
        Singular values of the (centred, weighted) columns; from moments those below 1e-8 of the largest are noise.
    n_features_in_, feature_names_in_
        As in scikit-learn.
    coef_table_, digits_, model_
        The table of standard errors, t and p values and intervals; certain digits; the whole `bestline.Model`.

    Examples
    --------
    >>> from bestline.estimators import LinearRegression
    >>> LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).coef_
    array([2.])
    """

    _rules: ClassVar[Rules] = {
        "fit_intercept": YES_OR_NO,
        "copy_X": YES_OR_NO,
        "tol": Number(0),
        "n_jobs": Number(whole=True, also=(None,)),
        "positive": YES_OR_NO,
    }

    def __init__(
        self,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        tol: float = 1e-6,
        n_jobs: int | None = None,
        positive: bool = False,
    ) -> None:
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.tol = tol
        self.n_jobs = n_jobs
        self.positive = positive

    def _keep(self, line: least_squares.Solved, moments: Comoments | None, table: TrainingTable) -> None:
        self._set(line, moments, table, flat=table.flat)
        self.rank_ = line.rank
        assert line.singular is not None  # noqa: S101  both ways give them
        self.singular_ = table.home.learnt(line.singular.numpy().astype(table.dtype))

    def _alphas(self, k: int) -> Tensor:
        return torch.zeros(k, dtype=torch.float64)

    def _penalties(self) -> tuple[float, float]:
        return 0.0, 0.0


class Ridge(_LeastSquares):
    """Ridge regression: minimise sum_i w_i (y_i - x_i b - a)^2 + alpha |b|^2.

    The same parameters, attributes and shapes as scikit-learn's class of this name. Every solver gives the exact solution; their
    names are accepted so that code need not change.

    Parameters
    ----------
    alpha : float or array (k,)
        Not negative; one a target, or one for all.
    fit_intercept : bool
    copy_X, max_iter, tol, random_state
        Accepted; nothing here is iterated.
    solver : {"auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"}
    positive : bool
        Slopes must not be negative.

    Attributes
    ----------
    coef_ : array (p,) or (k, p)
    intercept_ : float or array (k,)
    n_iter_ : array (k,) or None
        1 for each target: one exact solution. None for the solvers that scikit-learn does not count for.
    solver_ : str
        The solver that scikit-learn would have taken.
    coef_table_, digits_, model_
        As in LinearRegression.

    Examples
    --------
    >>> from bestline.estimators import Ridge
    >>> Ridge(alpha=2.0).fit([[-1.0], [0.0], [1.0]], [-4.0, 0.0, 4.0]).coef_
    array([2.])
    """

    _rules: ClassVar[Rules] = {
        "alpha": Number(0, array=True),
        "fit_intercept": YES_OR_NO,
        "copy_X": YES_OR_NO,
        "max_iter": Number(1, whole=True, also=(None,)),
        "tol": Number(0),
        "solver": Choice(SOLVERS),
        "positive": YES_OR_NO,
        "random_state": ANY_SEED,
    }

    def __init__(
        self,
        alpha: Any = 1.0,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        max_iter: int | None = None,
        tol: float = 1e-4,
        solver: str = "auto",
        positive: bool = False,
        random_state: Any = None,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.random_state = random_state

    def _check(self) -> None:
        super()._check()
        if self.positive and self.solver not in ("auto", "lbfgs"):
            raise OptionError(
                f"solver='{self.solver}' does not support positive fitting. Please set the solver to 'auto' or 'lbfgs', or set `positive=False`."
            )
        if self.solver == "lbfgs" and not self.positive:
            raise OptionError("'lbfgs' solver can be used only when positive=True. Please use another solver.")

    def _alphas(self, k: int) -> Tensor:
        alpha = np.asarray(as_numpy(self.alpha), dtype=np.float64).ravel()
        # What the rules cannot see: an array has as many penalties as there are targets, and each is a penalty.
        if len(alpha) not in (1, k):
            raise OptionError(f"Number of targets and number of penalties do not correspond: {len(alpha)} != {k}")
        if not bool((alpha >= 0).all()) or not bool(np.isfinite(alpha).all()):
            raise OptionError(f"`alpha` must be finite and not negative; got {self.alpha!r}.")
        return torch.from_numpy(np.broadcast_to(alpha, (k,)).copy())

    def _keep(self, line: least_squares.Solved, moments: Comoments | None, table: TrainingTable) -> None:
        k = line.slopes.shape[1]
        self._set(line, moments, table, flat=k == 1)
        # scikit-learn counts iterations only for the solvers that iterate; the exact solution takes one.
        uncounted = self.solver in ("svd", "cholesky", "sparse_cg", "lbfgs")
        self.n_iter_ = None if uncounted else table.home.learnt(np.ones(k, dtype=np.int32))
        self.solver_ = self.solver if self.solver != "auto" else ("lbfgs" if self.positive else "cholesky")

    def _penalties(self) -> tuple[float, float]:
        assert self._moments is not None  # noqa: S101  `model_` has looked
        alpha = np.unique(np.asarray(as_numpy(self.alpha), dtype=np.float64))
        # `alpha` counts against the sum of squares, our l2 against their mean: l2 = alpha / sum of weights.
        if len(alpha) > 1:
            raise OptionError("A model has one penalty for all targets; this line has one for each. Fit them one by one.")
        return 0.0, float(alpha[0]) / self._moments.weight
