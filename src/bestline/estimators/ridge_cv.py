"""Ridge with its penalty chosen by leave-one-out, or by another cross-validation, by scikit-learn's rules."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from scipy import sparse
from sklearn import get_config
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.metrics import check_scoring, get_scorer, get_scorer_names
from sklearn.model_selection import GridSearchCV
from sklearn.utils.metadata_routing import MetadataRouter
from torch import Tensor

from bestline.data.runner import calmly
from bestline.errors import OptionError, warn
from bestline.estimators.arrays import Array, TrainingTable, checked_table
from bestline.estimators.base import ChosenEstimator
from bestline.estimators.linear import Ridge
from bestline.estimators.parameters import YES_OR_NO, Choice, Number, Rules, penalties
from bestline.estimators.routing import refuse, routed, router
from bestline.numerics import Comoments, Rows, singular_vectors
from bestline.training import too_wide
from bestline.training.cross_validation import leave_one_out
from bestline.training.solvers.few_rows import CentredRows

_CHUNK = 8_192  # rows whose leave-one-out residuals are made at a time


class RidgeCV(MultiOutputMixin, ChosenEstimator):
    """Ridge regression with its penalty chosen by leave-one-out, or by another cross-validation.

    The same parameters, attributes and shapes as scikit-learn's class of this name. Leaving one row out takes no further fit: its
    residual follows from the line of all rows and its leverage.

    Parameters
    ----------
    alphas : array
        Penalties to try, positive.
    fit_intercept : bool
    scoring : str or callable, optional
        By default the negative mean squared error.
    cv : int, splitter or iterable, optional
        By default leave-one-out.
    gcv_mode : {None, "auto", "svd", "eigen"}
        Accepted.
    store_cv_results : bool
        Keep `cv_results_`, with leave-one-out.
    alpha_per_target : bool
        Choose a penalty for each target, with leave-one-out.

    Attributes
    ----------
    alpha_ : float or array (k,)
    best_score_ : float or array (k,)
    cv_results_ : array (n, m) or (n, k, m)
        Squared leave-one-out residuals, times the weights; predictions when `scoring` is given.
    coef_, intercept_
        As in Ridge.
    model_, coef_table_
        As in LinearRegression.
    """

    _rules: ClassVar[Rules] = {
        "alphas": Number(0, open_low=True, array=True),
        "fit_intercept": YES_OR_NO,
        "gcv_mode": Choice((None, "auto", "svd", "eigen")),
        "store_cv_results": YES_OR_NO,
        "alpha_per_target": YES_OR_NO,
    }

    def __init__(
        self,
        alphas: Any = (0.1, 1.0, 10.0),
        *,
        fit_intercept: bool = True,
        scoring: Any = None,
        cv: Any = None,
        gcv_mode: str | None = None,
        store_cv_results: bool = False,
        alpha_per_target: bool = False,
    ) -> None:
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.scoring = scoring
        self.cv = cv
        self.gcv_mode = gcv_mode
        self.store_cv_results = store_cv_results
        self.alpha_per_target = alpha_per_target

    @calmly
    def fit(self, X: Array, y: Array, sample_weight: Array = None, **params: Any) -> Self:
        """Choose the penalty, and fit the line to all rows.

        Parameters
        ----------
        X : array (n, p)
        y : array (n,) or (n, k)
        sample_weight : array (n,), optional
        **params
            For the scorer and the splitter, with scikit-learn's metadata routing.
        """
        self._check()
        alphas = self._series()
        if self.cv is None:
            fitted = self._leave_one_out(X, y, sample_weight, alphas, params)
        else:
            fitted = self._search(X, y, sample_weight, alphas, params)
        self._set_fitted(fitted)
        return self

    def get_metadata_routing(self) -> MetadataRouter:
        """What parameters of `fit` go where."""
        return router(self, scorer=self._scorer(), splitter=self.cv)

    def _leave_one_out(self, X: Array, y: Array, sample_weight: Array, alphas: Tensor, params: dict[str, Any]) -> Ridge:
        found = routed(self, params, sample_weight, to="scorer")
        table = checked_table(self, X, y, sample_weight)
        if self.gcv_mode == "svd" and sparse.issparse(X):
            warn(
                "The 'svd' mode is not supported for sparse X by scikit-learn from 1.11 on; leave `gcv_mode` out.",
                FutureWarning,
            )
        k = table.rows.y.shape[1]
        # Leaving row i out changes its residual to r_i / (1 - h_i), h_i its leverage: n fits for the price of one (Allen 1974).
        residual = _without_own_row(table.rows, alphas, intercept=self.fit_intercept)  # (n, m, k)
        share = torch.ones(len(residual), dtype=torch.float64) if table.rows.w is None else table.rows.w
        results = residual**2 * share[:, None, None]
        if self.scoring is None:
            # scikit-learn's mean over the rows, of errors that carry their weights: not the weighted mean.
            scores = -results.mean(0)  # (m, k)
            scores = scores if self.alpha_per_target else scores.mean(1, keepdim=True)
        else:
            # A scorer is of predictions: y less the residual without the own row.
            results = table.rows.y[:, None] - residual
            scores = self._scored(results, table, found)
        # Of equal scores the first penalty is taken, as scikit-learn does.
        best = scores.argmax(0)
        # One penalty for all targets is a number, one for each an array, in scikit-learn's attributes.
        alone = not (self.alpha_per_target and k > 1)
        self.alpha_ = float(alphas[best[0]]) if alone else alphas[best].numpy()
        self.best_score_ = float(scores[best[0], 0]) if alone else scores.amax(0).numpy()
        if self.store_cv_results:
            kept = results.permute(0, 2, 1).numpy().astype(table.dtype)
            self.cv_results_ = table.home.learnt(kept[:, 0] if table.flat else kept)
        fitted = Ridge(self.alpha_, fit_intercept=self.fit_intercept).fit(X, y, sample_weight)
        if not alone:
            self.alpha_ = table.home.learnt(self.alpha_)
            self.best_score_ = table.home.learnt(self.best_score_)
        return fitted

    def _scored(self, predictions: Tensor, table: TrainingTable, given: dict[str, Any]) -> Tensor:
        """Scores (m, k) of each penalty, or (m, 1) for all targets together."""
        scorer, y = self._scorer(), table.rows.y.numpy()
        columns = range(y.shape[1]) if self.alpha_per_target else [slice(None)]

        def target(values: Any, j: Any) -> Any:
            return values[:, 0] if table.flat else values[:, j]

        scores = [
            [scorer(_AsPredicted(), target(predictions[:, i].numpy(), j), target(y, j), **given) for j in columns]
            for i in range(predictions.shape[1])
        ]
        return torch.tensor(scores, dtype=torch.float64)

    def _search(self, X: Array, y: Array, sample_weight: Array, alphas: Tensor, params: dict[str, Any]) -> Ridge:
        if self.store_cv_results:
            raise OptionError("cv!=None and store_cv_results=True are incompatible")
        if self.alpha_per_target:
            raise OptionError("cv!=None and alpha_per_target=True are incompatible")
        # Without routing, weights go to `fit` alone; with it, to whoever has asked for them.
        ridge, routing = Ridge(fit_intercept=self.fit_intercept), get_config()["enable_metadata_routing"]
        if routing:
            ridge.set_fit_request(sample_weight=True)
        else:
            refuse(self, params)
        if sample_weight is not None:
            params = params | {"sample_weight": sample_weight}
        search = GridSearchCV(ridge, {"alpha": alphas.tolist()}, cv=self.cv, scoring=self.scoring).fit(X, y, **params)
        fitted = search.best_estimator_
        self.alpha_, self.best_score_ = fitted.alpha, search.best_score_
        self._set_learnt(
            {name: getattr(fitted, name) for name in ("n_features_in_", "feature_names_in_") if hasattr(fitted, name)}
        )
        return fitted

    def _scorer(self) -> Any:
        if self.scoring is None:
            scorer = get_scorer("neg_mean_squared_error")
            return scorer.set_score_request(sample_weight=True) if get_config()["enable_metadata_routing"] else scorer
        return check_scoring(self, scoring=self.scoring)

    def _series(self) -> Tensor:
        if isinstance(self.scoring, str) and self.scoring not in get_scorer_names():
            raise OptionError(f"The 'scoring' parameter of RidgeCV must be the name of a scorer. Got {self.scoring!r} instead.")
        return penalties(self.alphas, positive=self.cv is None)


class _AsPredicted(RegressorMixin, BaseEstimator):
    """What a scorer asks when the predictions are known."""

    def predict(self, X: Any) -> Any:
        """The predictions themselves."""
        return X


def _without_own_row(rows: Rows, alphas: Tensor, *, intercept: bool) -> Tensor:
    """Residuals (n, m, k) of every row by the ridge line of all others."""
    if not too_wide.wide(rows):
        whole = Comoments.of_rows(rows)
        chunks = (rows[i : i + _CHUNK] for i in range(0, len(rows), _CHUNK))
        return torch.cat([leave_one_out(chunk, whole, alphas / whole.weight, intercept=intercept) for chunk in chunks])
    # With G = X X' + alpha on the rows, less the direction that the intercept takes, the residuals are (G^-1 y)_i / (G^-1)_ii
    # (Rifkin & Lippert 2007); both in the basis where X X' is diagonal, so that nothing cancels where alpha is small.
    few = CentredRows.of(rows, intercept=intercept)
    basis = _complement(few.root) if intercept else torch.eye(len(rows), dtype=torch.float64)
    U, s, _ = singular_vectors(basis.T @ few.X)
    U = basis @ U
    shrunk = 1 / (s**2 + alphas[:, None])  # (m, r)
    dual = torch.einsum("nr,mr,rk->nmk", U, shrunk, U.T @ few.y)
    own = U**2 @ shrunk.T  # (n, m)
    there = few.root > 0
    scale = torch.where(there, few.root, 1.0)[:, None] * own
    residual = dual / torch.where(scale > 0, scale, 1.0)[:, :, None]
    return torch.where(there[:, None, None], residual, 0.0)


def _complement(vector: Tensor) -> Tensor:
    """An orthonormal basis (n, n - 1) of what is orthogonal to a vector (n,): a Householder reflection without its first column."""
    n = len(vector)
    # I - 2 m m' / m'm takes `unit` to an axis; the sign of the shift is that which cannot cancel (Householder 1958).
    unit = vector / vector.norm()
    mirror = unit.clone()
    mirror[0] += 1.0 if unit[0] >= 0 else -1.0
    full = torch.eye(n, dtype=torch.float64) - 2 * torch.outer(mirror, mirror) / (mirror @ mirror)
    return full[:, 1:]
