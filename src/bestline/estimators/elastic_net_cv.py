"""Lasso and elastic net with their penalties chosen by cross-validation, by scikit-learn's rules.

The lines of all folds, penalties and mixtures are found together, from the moments of each fold's training rows; fold by fold from the
rows themselves where they have very many columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import MetadataRouter
from torch import Tensor

from bestline.data.runner import calmly
from bestline.errors import OptionError
from bestline.estimators.arrays import Array, TrainingTable, checked_table
from bestline.estimators.base import ChosenEstimator
from bestline.estimators.elastic_net import SETTINGS, ElasticNet
from bestline.estimators.parameters import Choice, Number, Rules, penalties
from bestline.estimators.routing import routed, router
from bestline.numerics import Comoments, Rows, rests, total
from bestline.training import least_squares, too_wide
from bestline.training.cross_validation import fold_errors, geometric
from bestline.training.solvers.few_rows import CentredRows, solve_rows

_AT_ONCE = 2**25  # numbers in the second moments of the folds that are solved together


class ElasticNetCV(ChosenEstimator):
    """Elastic net with its penalties chosen by cross-validation.

    The same parameters, attributes and shapes as scikit-learn's class of this name. All lines are exact; `precompute`, `max_iter`,
    `tol`, `copy_X`, `verbose`, `n_jobs`, `random_state` and `selection` are accepted and change nothing.

    Parameters
    ----------
    l1_ratio : float or array
        Share, or shares, of the l1 penalty to try.
    eps : float
        Least penalty over the largest, where the penalties are not given.
    alphas : int or array
        How many penalties to try, or which.
    fit_intercept, positive : bool
    cv : int, splitter or iterable
        As in scikit-learn; by default 5 folds.

    Attributes
    ----------
    alpha_, l1_ratio_ : float
    alphas_ : array (m,) or (r, m)
    mse_path_ : array (m, folds) or (r, m, folds)
    coef_, intercept_, dual_gap_, n_iter_
        As in ElasticNet, of the line fitted to all rows.
    model_, coef_table_
        As in LinearRegression.
    """

    _rules: ClassVar[Rules] = {
        **SETTINGS,
        "l1_ratio": Number(0, 1, array=True),
        "eps": Number(0, open_low=True),
        "alphas": Number(1, whole=True, array=True),
        "max_iter": Number(1, whole=True),
        "precompute": Choice((True, False, "auto"), array=True),
        "n_jobs": Number(whole=True, also=(None,)),
    }

    def __init__(
        self,
        *,
        l1_ratio: Any = 0.5,
        eps: float = 1e-3,
        alphas: Any = 100,
        fit_intercept: bool = True,
        precompute: Any = "auto",
        max_iter: int = 1000,
        tol: float = 1e-4,
        cv: Any = None,
        copy_X: bool = True,
        verbose: Any = 0,
        n_jobs: int | None = None,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.copy_X = copy_X
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.positive = positive
        self.random_state = random_state
        self.selection = selection

    @calmly
    def fit(self, X: Array, y: Array, sample_weight: Array = None, **params: Any) -> Self:
        """Choose the penalty by cross-validation, and fit the line to all rows.

        Parameters
        ----------
        X : array (n, p)
        y : array (n,)
        sample_weight : array (n,), optional
            Counts in the fits and in each fold's error; folds count alike.
        **params
            For the splitter, with scikit-learn's metadata routing.

        Returns
        -------
        self
        """
        self._check()
        given = routed(self, params, sample_weight)
        table = checked_table(self, X, y, None if isinstance(sample_weight, Real) else sample_weight, several=False)
        ratios = self._ratios()
        splits = list(check_cv(self.cv).split(table.rows.X.numpy(), table.rows.y[:, 0].numpy(), **given))
        folds = None if too_wide.very_wide(table.rows) else _Folds.of(table, splits)
        alphas = self._grid(table, folds, ratios)  # (m, r)
        # scikit-learn halves the squared error: twice its objective is ours, see `elastic_net`.
        l1, l2 = 2 * alphas * torch.from_numpy(ratios), alphas * torch.from_numpy(1 - ratios)
        signs = {"intercept": self.fit_intercept, "positive": self.positive}
        errors = (
            _errors_of_rows(table.rows, splits, l1, l2, **signs)
            if folds is None
            else folds.errors(table, splits, l1, l2, **signs)
        )
        mean = errors.mean(0)  # (m, r)
        # Of equal errors the first is taken: the first share, and in it the largest penalty.
        column = int(mean.amin(0).argmin())
        row = int(mean[:, column].argmin())
        self.alpha_ = float(alphas[row, column])
        self.l1_ratio_ = float(ratios[column])
        # scikit-learn's shapes: one row of penalties where they are the same for all shares, else a row a share.
        one = len(ratios) == 1 or not isinstance(self.alphas, Integral)
        self.alphas_ = table.home.learnt(alphas[:, 0].numpy() if one else alphas.T.numpy())
        self.mse_path_ = table.home.learnt(np.squeeze(errors.permute(2, 1, 0).numpy()))
        best = ElasticNet(self.alpha_, l1_ratio=self.l1_ratio_, **self._settings())
        self._set_fitted(best.learnt_from(table, None if folds is None else folds.whole), "dual_gap_", "n_iter_")
        return self

    def get_metadata_routing(self) -> MetadataRouter:
        """What parameters of `fit` go where."""
        return router(self, splitter=check_cv(self.cv))

    def _ratios(self) -> Any:
        ratios = np.atleast_1d(np.asarray(self.l1_ratio, dtype=np.float64))
        if not ratios.size or not ((ratios >= 0) & (ratios <= 1)).all():
            raise OptionError(f"`l1_ratio` must be from 0 to 1, one number or several; got {self.l1_ratio!r}.")
        return ratios

    def _settings(self) -> dict[str, Any]:
        """What the line of all rows is fitted with, besides its penalties."""
        names = ("fit_intercept", "max_iter", "copy_X", "tol", "positive", "random_state", "selection")
        own = {name: getattr(self, name) for name in names}
        # "auto" is a word of the cross-validation alone; a matrix goes on to be checked.
        return own | {"precompute": False if isinstance(self.precompute, str) else self.precompute}

    def _grid(self, table: TrainingTable, folds: _Folds | None, ratios: Any) -> Tensor:
        """Penalties (m, r), in descending order: those given, or from the least that leaves no column in, down to `eps` of it."""
        if not isinstance(self.alphas, Integral):
            given = penalties(self.alphas, positive=False).sort(descending=True).values
            return given[:, None].repeat(1, len(ratios))
        if (ratios == 0).any():
            raise OptionError(
                "Automatic alpha grid generation is not supported for l1_ratio=0. Please supply a grid by providing your "
                "estimator with the appropriate `alphas=` argument."
            )
        # No column is in while alpha l1_ratio >= max |x_j' y| / n, the gradient where all slopes are 0 (KKT).
        own, intercept = table.rows, self.fit_intercept
        linear = least_squares.linear_of(own if folds is None else folds.whole, table.p, intercept=intercept)[:, 0]
        largest = float((linear if self.positive else linear.abs()).amax()) if table.p else 0.0
        least = float(np.finfo(np.float64).resolution)
        # A target that no column goes along with: any penalty gives the same line.
        if largest <= least:
            return torch.full((int(self.alphas), len(ratios)), least, dtype=torch.float64)
        series = geometric(largest, count=int(self.alphas), smallest=min(self.eps, 1.0))
        return series[:, None] / torch.from_numpy(ratios)


class LassoCV(ElasticNetCV):
    """Lasso with its penalty chosen by cross-validation: an ElasticNetCV of `l1_ratio` 1.

    The same parameters, attributes and shapes as scikit-learn's class of this name; see ElasticNetCV for what they mean here.
    `alphas_` is (m,), `mse_path_` (m, folds).
    """

    _rules: ClassVar[Rules] = {name: rule for name, rule in ElasticNetCV._rules.items() if name != "l1_ratio"}

    def __init__(
        self,
        *,
        eps: float = 1e-3,
        alphas: Any = 100,
        fit_intercept: bool = True,
        precompute: Any = "auto",
        max_iter: int = 1000,
        tol: float = 1e-4,
        copy_X: bool = True,
        cv: Any = None,
        verbose: Any = False,
        n_jobs: int | None = None,
        positive: bool = False,
        random_state: Any = None,
        selection: str = "cyclic",
    ) -> None:
        super().__init__(
            l1_ratio=1.0,
            eps=eps,
            alphas=alphas,
            fit_intercept=fit_intercept,
            precompute=precompute,
            max_iter=max_iter,
            tol=tol,
            copy_X=copy_X,
            cv=cv,
            verbose=verbose,
            n_jobs=n_jobs,
            positive=positive,
            random_state=random_state,
            selection=selection,
        )

    @calmly
    def fit(self, X: Array, y: Array, sample_weight: Array = None, **params: Any) -> Self:
        """Choose the penalty by cross-validation, and fit the line to all rows; as in ElasticNetCV."""
        super().fit(X, y, sample_weight, **params)
        # scikit-learn's class has none, and its tests look.
        del self.l1_ratio_
        return self


@dataclass(frozen=True, slots=True, eq=False)
class _Folds:
    """Moments of the test rows and of the training rows of each fold, and of all rows: each row is read once."""

    tests: list[Comoments]
    training: list[Comoments]
    whole: Comoments

    @classmethod
    def of(cls, table: TrainingTable, splits: Sequence[tuple[Any, Any]]) -> _Folds:
        """Those of a table's rows. Raises where the columns are too many for moments."""
        # Refused before any fold is fitted, for the line of all rows would be refused in the end.
        too_wide.refuse_moments(table.p)
        rows, n = table.rows, len(table.rows)
        tests = [Comoments.of_rows(_some(rows, test)) for _, test in splits]
        seen, tested = np.concatenate([np.asarray(test) for _, test in splits]), np.zeros(n, dtype=bool)
        tested[seen] = True
        if len(splits) > 1 and len(seen) == n and tested.all() and all(len(a) + len(b) == n for a, b in splits):
            # The folds part the rows. Added up, not whole less fold: where one fold holds nearly all the weight, a difference has no digits.
            return cls(tests, rests(tests), total(tests, tests[0].q))
        return cls(tests, [Comoments.of_rows(_some(rows, train)) for train, _ in splits], table.moments())

    def errors(
        self,
        table: TrainingTable,
        splits: Sequence[tuple[Any, Any]],
        l1: Tensor,
        l2: Tensor,
        *,
        intercept: bool,
        positive: bool,
    ) -> Tensor:
        """Mean squared errors (f, m, r) on each fold's test rows of the lines fitted to its training rows."""
        p, found = table.p, []
        size, signs = max(1, _AT_ONCE // max(1, p * p)), {"intercept": intercept, "positive": positive}
        for begin in range(0, len(self.tests), size):
            # Folds, penalties and shares are cells of one batch: the path solver walks them side by side.
            some = slice(begin, begin + size)
            rows = partial(_tested, table.rows, splits[some])
            errors = fold_errors(self.tests[some], p, l1, l2, training=self.training[some], rows=rows, **signs)
            found.append(errors[..., 0])
        return torch.cat(found)


def _tested(rows: Rows, splits: Sequence[tuple[Any, Any]], i: int) -> Rows:
    """The test rows of a fold."""
    return _some(rows, splits[i][1])


def _some(rows: Rows, index: Any) -> Rows:
    """The rows of these numbers; those that follow each other are not copied."""
    own = np.asarray(index)
    if len(own) and own[0] >= 0 and own[-1] - own[0] == len(own) - 1 and bool((np.diff(own) == 1).all()):
        return rows[int(own[0]) : int(own[-1]) + 1]
    return rows[torch.as_tensor(own)]


def _errors_of_rows(
    rows: Rows, splits: Sequence[tuple[Any, Any]], l1: Tensor, l2: Tensor, *, intercept: bool, positive: bool
) -> Tensor:
    """The same where columns are very many: p x p numbers a fold would not fit or take longer; each is solved from its own few rows."""
    parts = ((_some(rows, train), _some(rows, test)) for train, test in splits)
    return torch.stack([_error_of_rows(CentredRows.of(a, intercept=intercept), b, l1, l2, positive=positive) for a, b in parts])


def _error_of_rows(few: CentredRows, test: Rows, l1: Tensor, l2: Tensor, *, positive: bool) -> Tensor:
    """The same (m, r) of one fold with more columns than rows, from its training rows themselves."""
    w = torch.ones(len(test), dtype=torch.float64) if test.w is None else test.w
    found = torch.zeros_like(l1)
    for j in range(l1.shape[1]):
        slopes = solve_rows(few, l1[:, j], l2[:, j], positive=positive).weights[0, :, :, 0]
        away = test.y - test.X.to(torch.float64) @ slopes.T - few.level(slopes[:, :, None])[:, 0]  # (n, m)
        found[:, j] = (w @ away**2) / w.sum()
    return found
