"""Stochastic gradient descent by scikit-learn's rules: one row at a time, in a seeded order."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from bestline.api.fit import fit
from bestline.api.model import Model
from bestline.data.runner import calmly
from bestline.errors import BestlineWarning, DataError, OptionError, warn
from bestline.estimators.arrays import Array, TrainingTable, as_numpy, checked_table
from bestline.estimators.base import ModelledEstimator
from bestline.estimators.callbacks import CallbackSupportMixin, Telling, with_callbacks
from bestline.estimators.parameters import ANY_SEED, YES_OR_NO, Choice, Number, Rules
from bestline.numerics import Comoments, Rows
from bestline.training import Stop
from bestline.training.solvers.row_loop import LOSSES, RATES, OneByOne, Progress, epoch, shuffled, visits

_FEW = 100  # columns up to which moments are kept beside the line
_SPARSE_LEVEL = 0.01  # scikit-learn's: on sparse rows the intercept, which every row moves, is moved more slowly


class SGDRegressor(CallbackSupportMixin, ModelledEstimator):
    """A line trained by stochastic gradient descent: every row causes a small step.

    The same parameters, attributes, rates, penalties and stopping rules as scikit-learn's class of this name, save that

    - a row of weight 2 is the same as two rows (scikit-learn takes one step of twice the length);
    - the order of the rows is drawn from their own numbers, so the line does not depend on how the table is sorted;
    - `random_state=None` is seed 0: the same call gives the same line, and no global random state is read.

    Parameters
    ----------
    loss : {"squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"}
    penalty : {"l2", "l1", "elasticnet", None}
    alpha : float
        Weight of the penalty; also sets the "optimal" rate.
    l1_ratio : float
        Share of the l1 penalty in "elasticnet".
    fit_intercept : bool
    max_iter : int
        Most epochs.
    tol : float or None
        Stop when the objective, or the validation score, has not improved by this for `n_iter_no_change` epochs.
    shuffle : bool
        A new order in every epoch.
    verbose : int
        Accepted; use callbacks to watch.
    epsilon : float
        Of the losses but the first.
    random_state : int, RandomState or None
    learning_rate : {"constant", "optimal", "invscaling", "adaptive", "pa1", "pa2"}
    eta0, power_t : float
        Of the learning rate.
    early_stopping : bool
        Judge progress by rows held out.
    validation_fraction : float
        How many of them.
    n_iter_no_change : int
    warm_start : bool
        Begin with the weights of the fit before.
    average : bool or int
        Give the mean of the weights after each step, from that step on.

    Attributes
    ----------
    coef_ : array (p,)
    intercept_ : array (1,)
    n_iter_ : int
        Epochs.
    t_ : float
        Steps, and one.
    loss_curve_ : list of float
        Mean objective of each epoch, every row judged at the weights that met it.

    Examples
    --------
    >>> from bestline.estimators import SGDRegressor
    >>> SGDRegressor(alpha=0.0, eta0=0.1, learning_rate="constant", tol=1e-9).fit([[-1.0], [1.0]], [-2.0, 2.0]).coef_.round(3)
    array([2.])
    """

    coef_: Any
    loss_curve_: list[float]
    _rules: ClassVar[Rules] = {
        "loss": Choice(LOSSES),
        "penalty": Choice(("l2", "l1", "elasticnet", None)),
        "alpha": Number(0, open_high=True),
        "l1_ratio": Number(0, 1, also=(None,)),
        "fit_intercept": YES_OR_NO,
        "max_iter": Number(1, whole=True),
        "tol": Number(0, also=(None,)),
        "shuffle": YES_OR_NO,
        "verbose": Number(0, whole=True, also=(True, False)),
        "epsilon": Number(0),
        "random_state": ANY_SEED,
        "learning_rate": Choice(RATES),
        "eta0": Number(0, open_low=True),
        "power_t": Number(0),
        "early_stopping": YES_OR_NO,
        "validation_fraction": Number(0, 1, open_low=True, open_high=True),
        "n_iter_no_change": Number(1, whole=True),
        "warm_start": YES_OR_NO,
        "average": Number(0, whole=True, also=(True, False)),
    }

    def __init__(
        self,
        loss: str = "squared_error",
        *,
        penalty: str | None = "l2",
        alpha: float = 0.0001,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        shuffle: bool = True,
        verbose: int = 0,
        epsilon: float = 0.1,
        random_state: Any = None,
        learning_rate: str = "invscaling",
        eta0: float = 0.01,
        power_t: float = 0.25,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        warm_start: bool = False,
        average: bool | int = False,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.epsilon = epsilon
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.average = average

    @with_callbacks
    @calmly
    def fit(
        self, X: Array, y: Array, coef_init: Array = None, intercept_init: Array = None, sample_weight: Array = None
    ) -> SGDRegressor:
        """Train on rows X (n, p) and y (n,), from given weights if any, with row weights (n,) if given."""
        self._check()
        if self.warm_start and hasattr(self, "coef_"):
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        table = checked_table(self, X, y, sample_weight, several=False)
        start = Progress.start(*self._first(table, coef_init, intercept_init), eta=self.eta0)
        self._keep(table, None)
        telling = Telling(self, self.max_iter, X, y)
        self._train(table, start, self.max_iter, sparse.issparse(X), telling)
        telling.end()
        if self.tol is not None and self.n_iter_ == self.max_iter and not self._settled:
            warn(
                "Maximum number of iteration reached before convergence. Consider increasing max_iter to improve the fit.",
                ConvergenceWarning,
            )
        return self

    @calmly
    def partial_fit(self, X: Array, y: Array, sample_weight: Array = None) -> SGDRegressor:
        """One epoch over these rows, from where training stands."""
        self._check()
        if self.early_stopping:
            raise OptionError("early_stopping should be False with partial_fit")
        first = not hasattr(self, "coef_")
        table = checked_table(self, X, y, sample_weight, several=False, reset=first, part=True)
        # Weights that were set by hand have no state of training with them: it begins anew, from those weights.
        state = self.__dict__.get("_state")
        if state is None:
            given = (None, None) if first else (self.coef_, self.intercept_)
            state = Progress.start(*self._first(table, *given), eta=self.eta0)
        before = getattr(self, "loss_curve_", [])
        self._keep(table, None if first else self.__dict__.get("_moments"), first=first)
        self._train(table, state, 1, sparse.issparse(X), Telling.of_nobody())
        self.loss_curve_ = before + self.loss_curve_
        return self

    def _keep(self, table: TrainingTable, before: Comoments | None, *, first: bool = True) -> None:
        """Keep the moments of all rows met so far, for `model_`; of many columns they would take longer than training does."""
        self.__dict__.pop("_model", None)
        few = table.p <= _FEW and (first or before is not None)
        own = table.moments() if few else None
        self._moments = own if own is None or before is None else before + own
        self._rounded = tuple(sorted({*table.rounded, *(() if first else self._rounded)}))

    def _as_model(self) -> Model:
        if self.loss != "squared_error":
            raise AttributeError(f"`model_` is of the squared loss; this line was trained by loss={self.loss!r}.")
        how = self._method(from_sparse=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BestlineWarning)  # the same sentences are in the model's notes
            # The objective here is half the squared error: what belongs to all of it is twice as much.
            model = fit(self._named_moments(), l1=2 * how.l1, l2=how.l2, standardize=False, digits=0)
        weights = torch.from_numpy(np.asarray(as_numpy(self.coef_.toarray() if sparse.issparse(self.coef_) else self.coef_)))
        weights = weights.to(torch.float64).reshape(-1, 1)
        if self.fit_intercept:
            weights = torch.cat(
                [weights, torch.from_numpy(np.asarray(as_numpy(self.intercept_))).to(torch.float64).reshape(1, 1)]
            )
        loss = model.trained.objective.smooth.losses(model.trained.scaling.to_trained(weights)) @ model.trained.loss_units
        steps = f"Made {len(self.loss_curve_):,} epochs of one step a row."
        trained = replace(model.fit, weights=weights, stop=Stop.STEPS, advice=steps, trace=model.trace.ended_at(weights, loss))
        return replace(model, fit=trained, solver=repr(self), notes=())

    def _check(self) -> None:
        super()._check()
        if self.learning_rate == "optimal" and self.alpha == 0:
            raise OptionError(
                "alpha must be > 0 since learning_rate is 'optimal'. alpha is used to compute the optimal learning rate."
            )
        if self.learning_rate in ("pa1", "pa2") and self.loss != "epsilon_insensitive":
            raise OptionError(f"Learning rate '{self.learning_rate}' only works with loss 'epsilon_insensitive'.")
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise OptionError("l1_ratio must be set when penalty is 'elasticnet'")

    def _method(self, *, from_sparse: bool) -> OneByOne:
        # alpha (l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|^2): the step of the second part is alpha (1 - l1_ratio) w, hence no half.
        ratio = {"l1": 1.0, "l2": 0.0, None: 0.0}.get(self.penalty, self.l1_ratio)
        alpha = self.alpha if self.penalty is not None else 0.0
        return OneByOne(
            loss=self.loss,
            epsilon=self.epsilon,
            l1=alpha * ratio,
            l2=alpha * (1 - ratio),
            intercept=self.fit_intercept,
            rate=self.learning_rate,
            eta0=self.eta0,
            power=self.power_t,
            alpha=self.alpha or 1.0,
            average=int(self.average),
            level_rate=_SPARSE_LEVEL if from_sparse else 1.0,
        )

    @staticmethod
    def _first(table: TrainingTable, coef: Array, intercept: Array) -> tuple[Tensor, float]:
        """First weights (p,) and intercept."""
        weights, level = torch.zeros(table.p, dtype=torch.float64), 0.0
        if coef is not None:
            given = np.asarray(as_numpy(coef), dtype=np.float64).ravel()
            if given.shape != (table.p,):
                raise OptionError(f"Provided coef_init does not match dataset: {table.p} slopes are needed, got {given.size}.")
            weights = torch.from_numpy(given.copy())
        if intercept is not None:
            value = np.asarray(as_numpy(intercept), dtype=np.float64)
            if value.size != 1:
                raise OptionError(f"Provided intercept_init does not match dataset: one number is needed, got {value.size}.")
            level = float(value.ravel()[0])
        return weights, level

    def _train(self, table: TrainingTable, at: Progress, most: int, from_sparse: bool, telling: Telling) -> None:
        """Epochs until nothing improves, `most` of them at most; sets all that is learnt."""
        how = self._method(from_sparse=from_sparse)
        rows, held = self._parted(table.double_rows)
        seed = self._seed()
        # A row of weight 2 is met twice, not moved twice as far: weights are turns, see `row_loop.visits`.
        index, weights = visits(rows)
        orders = shuffled(rows, seed) if self.shuffle else None
        # What l1 has yet to take from weights whose columns were 0 (Tsuruoka, Tsujii & Ananiadou 2009).
        owed, self.loss_curve_ = torch.zeros(2, table.p, dtype=torch.float64), list[float]()
        best, idle, stop = math.inf, 0, False
        self._settled = False
        state = at

        def turn() -> dict[str, Any]:
            nonlocal state
            own, share = index, weights
            if orders is not None:
                own, share = _turned(next(orders), rows, index, weights)
            state = epoch(how, rows, own, share, state, owed)
            return self._given(state, table)

        while len(self.loss_curve_) < most and not stop:
            stop = telling.task("epoch", turn)
            self.loss_curve_.append(state.objective)
            # After the epoch and not after each step: a step of infinity never comes back, so nothing is missed.
            if not (math.isfinite(state.level) and bool(state.weights.isfinite().all())):
                raise DataError(
                    f"Floating-point under-/overflow occurred at epoch #{len(self.loss_curve_)}. Scaling input data with StandardScaler "
                    f"or MinMaxScaler might help."
                )
            # Smaller is better for both: the objective itself, or minus the share explained of rows held out.
            judged = state.objective if held is None else -_r2(held, state)
            # scikit-learn's rule: an epoch that is not better than the best by `tol` is idle, and too many of them end training.
            idle = idle + 1 if self.tol is not None and judged > best - self.tol else 0
            best = min(best, judged)
            if idle >= self.n_iter_no_change:
                # An adaptive rate goes on with a fifth of its steps while they are not too small to matter.
                if self.learning_rate == "adaptive" and state.eta > 1e-6:
                    state, idle = replace(state, eta=state.eta / 5), 0
                else:
                    self._settled = stop = True
        self._set_learnt(self._given(state, table))
        self._state, self.t_, self.n_iter_ = state, state.step, len(self.loss_curve_)

    def _given(self, state: Progress, table: TrainingTable) -> dict[str, Any]:
        # Averages begin after so many steps; before that there is nothing to give but the weights themselves.
        averaged = self.average and int(self.average) <= state.step - 1
        coef, level = (state.mean_weights, state.mean_level) if averaged else (state.weights, state.level)
        return {
            "coef_": table.home.learnt(coef.numpy().astype(table.dtype)),
            "intercept_": table.home.learnt(np.atleast_1d(np.asarray(level, dtype=table.dtype))),
        }

    def _parted(self, rows: Rows) -> tuple[Rows, Rows | None]:
        """Rows to train on, and rows to judge by when stopping early."""
        if not self.early_stopping:
            return rows, None
        state = self.random_state if isinstance(self.random_state, np.random.RandomState) else self._seed()
        try:
            # scikit-learn's own split, so that the same seed holds out the same rows there and here.
            split = ShuffleSplit(n_splits=1, test_size=self.validation_fraction, random_state=state)
            train, test = next(split.split(np.zeros((len(rows), 1))))
        except ValueError as error:
            raise DataError(
                f"Splitting {len(rows)} samples into a train set and a validation set with validation_fraction={self.validation_fraction!r} "
                f"led to an empty set; change validation_fraction, give more rows, or disable early_stopping."
            ) from error
        held = rows[torch.from_numpy(test)]
        if held.w is not None and not bool(held.w.any()):
            raise DataError("The sample weights for validation set are all zero, consider using a different random state.")
        # In the table's order: the order of training is drawn from the rows, not from the split.
        return rows[torch.from_numpy(np.sort(train))], held

    def _seed(self) -> int:
        if self.random_state is None:
            return 0
        if isinstance(self.random_state, np.random.Generator):
            return int(self.random_state.integers(2**31 - 1))
        if isinstance(self.random_state, np.random.RandomState):
            return int(self.random_state.randint(2**31 - 1))
        return int(self.random_state)

    def sparsify(self) -> SGDRegressor:
        """Make `coef_` a sparse matrix, which takes less room when most slopes are 0."""
        check_is_fitted(self)
        self.coef_ = sparse.csr_array(np.atleast_2d(as_numpy(self.coef_)))
        return self

    def densify(self) -> SGDRegressor:
        """Make `coef_` an array again."""
        check_is_fitted(self)
        if sparse.issparse(self.coef_):
            self.coef_ = self.coef_.toarray()[0]
        return self

    def _shaped(self, prediction: Any) -> Any:
        return prediction.ravel()


def _turned(order: Tensor, rows: Rows, index: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The steps of an epoch with its rows in another order."""
    if rows.w is None:
        return order, weights
    # Turns of a row stay beside each other: sorted by where the row stands in the new order, and in their own order there.
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    own = place[index].argsort(stable=True)
    return index[own], weights[own]


def _r2(rows: Rows, state: Progress) -> float:
    """Share of the held-out rows' variance that the line explains."""
    w = torch.ones(len(rows), dtype=torch.float64) if rows.w is None else rows.w
    y = rows.y[:, 0]
    error = w @ (y - rows.X @ state.weights - state.level) ** 2
    # 1 - RSS / TSS on rows that training did not see: it may be negative. A constant target is explained or is not.
    spread = w @ (y - (w @ y) / w.sum()) ** 2
    varies = bool((y[w > 0] != y[w > 0][:1]).any())  # about its mean a constant may leave rounding
    return float(1 - error / spread) if varies and float(spread) > 0 else float(error == 0)
