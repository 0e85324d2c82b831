"""Huber's regression by scikit-learn's rules: a line that outliers cannot pull far, and the scale of the others' residuals.

    minimise   sum_i w_i (s + H(r_i / s) s) + alpha |b|^2      H(z) = z^2, or 2 e |z| - e^2 where |z| > e = epsilon

over slopes, intercept and scale s together (Huber & Ronchetti 2009, section 7.7; Owen 2007). It is convex. Where no residual
crosses the edge it is smooth, and Newton's method finds its minimum in a few steps, each a least-squares problem.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, ClassVar

import torch
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from bestline.data.runner import calmly
from bestline.errors import warn
from bestline.estimators.arrays import Array, TrainingTable, as_numpy, checked_table
from bestline.estimators.base import LinearEstimator
from bestline.estimators.callbacks import CallbackSupportMixin, Telling, with_callbacks
from bestline.estimators.parameters import YES_OR_NO, Number, Rules
from bestline.numerics import Comoments, Rows, Scaling, eigenvectors, minimum_norm, of_one_size
from bestline.training.losses import absolute
from bestline.training.objective import LineForward as Prediction
from bestline.training.objective import Objective, RowLoss, line
from bestline.training.penalty import ElasticNetPenalty
from bestline.training.solvers.interior import InteriorPoint

_SMALLEST = 1e-14  # scale of the residuals over that of the target: where the line goes through the rows
_FALLING = 1e-3  # such a scale may be on its way there, where Newton's method takes long, if it arrives: it is tried at once
_LONG = 20  # steps, after which it is tried too
_ROUNDS = 20  # in which pulls that are too strong are held at their bound
_ON = 1e-9  # what rounding leaves of a residual on the line
_EXACT = 1e-5  # Newton converges quadratically: what is this share of the tolerance asked for costs one more step


class HuberRegressor(CallbackSupportMixin, LinearEstimator):
    """A line that outliers cannot pull far.

    The same parameters and attributes as scikit-learn's class of this name. The columns are standardised while it is trained, so
    their units do not decide how well it converges.

    Parameters
    ----------
    epsilon : float
        At least 1: residuals beyond epsilon times `scale_` count as outliers.
    max_iter : int
        Most steps of Newton's method; 100 are far more than it takes.
    alpha : float
        Weight of the penalty |b|^2.
    warm_start : bool
        Begin with the line of the fit before.
    fit_intercept : bool
    tol : float
        Of the gradient, over the sum of the weights, in standardised columns.

    Attributes
    ----------
    coef_ : array (p,)
    intercept_, scale_ : float
    outliers_ : array of bool (n,)
    n_iter_ : int
    loss_curve_ : list of float
        The objective at the start and after every step.

    Examples
    --------
    >>> from bestline.estimators import HuberRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0]], [0.1, 0.9, 2.1, 2.9, 4.1, 4.9, 6.1, 40.0]
    >>> HuberRegressor(alpha=0.0).fit(X, y).coef_.round(2)  # least squares: 3.75
    array([1.02])
    """

    _rules: ClassVar[Rules] = {
        "epsilon": Number(1.0),
        "max_iter": Number(0, whole=True),
        "alpha": Number(0),
        "warm_start": YES_OR_NO,
        "fit_intercept": YES_OR_NO,
        "tol": Number(0),
    }

    def __init__(
        self,
        *,
        epsilon: float = 1.35,
        max_iter: int = 100,
        alpha: float = 0.0001,
        warm_start: bool = False,
        fit_intercept: bool = True,
        tol: float = 1e-05,
    ) -> None:
        self.epsilon = epsilon
        self.max_iter = max_iter
        self.alpha = alpha
        self.warm_start = warm_start
        self.fit_intercept = fit_intercept
        self.tol = tol

    @with_callbacks
    @calmly
    def fit(self, X: Array, y: Array, sample_weight: Array = None) -> HuberRegressor:
        """Fit the line to rows X (n, p) and y (n,), with weights (n,) if given."""
        self._check()
        table = checked_table(self, X, y, sample_weight, several=False)
        problem = _HuberProblem.of(table.counted.to("cpu"), self.epsilon, self.alpha, intercept=self.fit_intercept)
        telling = Telling(self, None, X, y)
        steps = problem.steps(self._start(problem))
        at = next(steps)
        self.loss_curve_, asked = [at.value], False

        def step() -> dict[str, Any]:
            nonlocal at
            at = next(steps)
            self.loss_curve_.append(at.value)
            return self._given(problem, at, table)

        # Newton's error is squared by each step, so one step beyond the tolerance costs little and leaves nothing to ask about.
        while at.gradient > self.tol * _EXACT and not at.stuck and len(self.loss_curve_) <= self.max_iter and not asked:
            asked = telling.task("newton step", step)
        self._set_learnt(self._given(problem, at, table))
        self.n_iter_ = len(self.loss_curve_) - 1
        # By its own scale, in the data's units: beyond epsilon scales a row is an outlier, as the objective has it.
        rows, weights = table.double_rows, problem.to_data(at.theta)
        residual = (line(rows.X, weights, intercept=self.fit_intercept) - rows.y)[:, 0].abs()
        self.outliers_ = table.home.learnt((residual > float(at.theta[-1]) * problem.height * self.epsilon).numpy())
        telling.end()
        if at.gradient > self.tol and not asked and self.max_iter:
            more = "rounding leaves no better ones, and the line may be beside the optimum" if at.stuck else "increase max_iter"
            warn(f"HuberRegressor did not converge in {self.n_iter_} steps; {more}.", ConvergenceWarning)
        return self

    def _given(self, problem: _HuberProblem, at: _At, table: TrainingTable) -> dict[str, Any]:
        weights = problem.to_data(at.theta)
        coef = weights[: table.p, 0].numpy().astype(table.dtype)
        level = weights[-1, 0].numpy().astype(table.dtype)[()] if self.fit_intercept else 0.0
        return {"coef_": table.home.learnt(coef), "intercept_": level, "scale_": float(at.theta[-1]) * problem.height}

    def _start(self, problem: _HuberProblem) -> Tensor:
        """Slopes, intercept and scale: those of the fit before, or of least squares."""
        if not (self.warm_start and hasattr(self, "coef_")):
            return problem.least_squares()
        coef = torch.as_tensor(as_numpy(self.coef_), dtype=torch.float64)
        if len(coef) != problem.scaling.p:
            return problem.least_squares()
        level = torch.full((int(self.fit_intercept),), float(self.intercept_), dtype=torch.float64)
        # The line before was told in the data's units.
        inner = problem.scaling.to_trained(torch.cat([coef, level])[:, None])[:, 0]
        return torch.cat([inner, torch.tensor([self.scale_ / problem.height], dtype=torch.float64)])


@dataclass(frozen=True, slots=True, eq=False)
class _At:
    """Where Newton's method stands: slopes, intercept and scale (d + 1,), the objective, and its largest derivative."""

    theta: Tensor
    value: float
    gradient: float
    stuck: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _HuberProblem:
    """The objective in standardised columns Z (n, d), that of ones included, over the sum of the weights."""

    Z: Tensor
    y: Tensor
    w: Tensor
    epsilon: float
    ridge: Tensor
    scaling: Scaling
    units: float

    @classmethod
    def of(cls, rows: Rows, epsilon: float, alpha: float, *, intercept: bool) -> _HuberProblem:
        moments = Comoments.of_rows(rows)
        # In standardised columns the Hessian is near a multiple of one, and neither tolerance nor damping knows of units.
        scaling = Scaling.of(moments, rows.X.shape[1], intercept=intercept, standardize=True)
        trained = scaling.rows(rows)
        Z = torch.cat([trained.X, torch.ones(len(rows), int(intercept), dtype=torch.float64)], 1)
        height = float(scaling.target_scale[0])
        ridge = torch.zeros(Z.shape[1], dtype=torch.float64)
        # alpha |b|^2 over the height of the target, as all else is.
        ridge[: scaling.p] = alpha * height / scaling.scale[: scaling.p] ** 2 / moments.weight
        w = torch.ones(len(rows), dtype=torch.float64) if rows.w is None else rows.w
        return cls(Z, trained.y[:, 0], w / moments.weight, epsilon, ridge, scaling, moments.weight * height)

    @property
    def height(self) -> float:
        """What one unit of the target as trained is in the data's."""
        return float(self.scaling.target_scale[0])

    def to_data(self, theta: Tensor) -> Tensor:
        """Weights (d, 1) in the data's units."""
        return self.scaling.to_data(theta[:-1, None])

    def residual(self, theta: Tensor) -> Tensor:
        """Residuals y - Z b, (n,)."""
        return self.y - self.Z @ theta[:-1]

    def least_squares(self) -> Tensor:
        """Slopes and intercept of the ridge line, and the scale that goes with them."""
        weighted = self.Z * self.w[:, None]
        b = minimum_norm(self.Z.T @ weighted + torch.diag(self.ridge), weighted.T @ self.y[:, None])[:, 0]
        # The scale that least squares would have: where no row is an outlier, it is the minimum in s already (d/ds = 0).
        spread = ((self.y - self.Z @ b) ** 2 @ self.w).sqrt()
        return torch.cat([b, spread.clamp(min=_SMALLEST)[None]])

    def value(self, theta: Tensor) -> float:
        """The objective."""
        # The perspective s H(r / s) of a convex function is convex in (r, s) together, so there is one minimum.
        s, size = theta[-1], self.residual(theta).abs()
        inner = torch.where(size <= self.epsilon * s, size**2 / s, 2 * self.epsilon * size - self.epsilon**2 * s)
        return float(self.w @ (s + inner) + self.ridge @ theta[:-1] ** 2)

    def slopes(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient (d + 1,) and Hessian (d + 1, d + 1)."""
        s, r, e = theta[-1], self.residual(theta), self.epsilon
        # Rows inside bend the objective as least squares does; rows beyond pull with the same force epsilon, however far they are.
        inside = r.abs() <= e * s
        win, pull = self.w * inside, torch.where(inside, r / s, e * r.sign())
        g = torch.cat([-2 * self.Z.T @ (self.w * pull) + 2 * self.ridge * theta[:-1], torch.zeros(1, dtype=torch.float64)])
        # d/ds: 1 for each row, less z^2 inside and less epsilon^2 beyond, z = r / s.
        g[-1] = self.w.sum() - e**2 * (self.w * ~inside).sum() - win @ r**2 / s**2
        H = torch.zeros(len(theta), len(theta), dtype=torch.float64)
        H[:-1, :-1] = 2 / s * self.Z.T @ (self.Z * win[:, None]) + 2 * torch.diag(self.ridge)
        H[:-1, -1] = H[-1, :-1] = 2 * self.Z.T @ (win * r) / s**2
        H[-1, -1] = 2 * win @ r**2 / s**3
        return g, H

    def steps(self, theta: Tensor) -> Iterator[_At]:
        """Newton's method, damped where too few rows lie inside to bend the objective; without end."""
        value, damping, tried = self.value(theta), 0.0, False
        g, H = self.slopes(theta)
        yield _At(theta, value * self.units, float(self._free(g, theta).abs().max()))
        # Each round: the next point, better than the one before or none; where Newton crawls, the limit s -> 0 is tried, once.
        for made in count():
            moved, damping = self._moved(theta, value, g, H, damping)
            stuck = moved is None
            if (stuck or made == _LONG or float(theta[-1]) < _FALLING) and not tried:
                through, tried = self._through(), True
                if through is not None:
                    yield _At(through, self.value(through) * self.units, 0.0)
            if moved is not None:
                theta, value = moved, self.value(moved)
                g, H = self.slopes(theta)
            yield _At(theta, value * self.units, float(self._free(g, theta).abs().max()), stuck)

    def _through(self) -> Tensor | None:
        """Where no scale above the least is any good: then the line is that of the absolute loss. None where that is not seen.

        The derivative in the scale, as it goes to 0, is sum w (1 - u^2), u being the rows' pulls over 2: epsilon beyond the line, and
        on it what balances those. It is not negative for any such pulls that show it.
        """
        p, d, solver = self.scaling.p, self.Z.shape[1], InteriorPoint()
        away = RowLoss(Rows(self.Z[:, :p], self.y[:, None], self.w), absolute, Prediction(d > p))
        objective = Objective(away, ElasticNetPenalty(0.0, 1.0, self.ridge / (2 * self.epsilon)), None, self.Z.new_ones(d, 1))
        *_, last = islice(solver.run(objective, self.Z.new_zeros(d, 1), seed=0), solver.steps)
        b = last.weights[:, 0]
        r = self.y - self.Z @ b
        u = self._balance(r.sign() * (r.abs() > _ON), self.ridge * b)
        if last.violation > solver.tol or u is None or float(self.w @ (1 - u**2)) < 0:
            return None
        return torch.cat([b, b.new_tensor([_SMALLEST])])

    def _balance(self, side: Tensor, pull: Tensor) -> Tensor | None:
        """Pulls u (n,) of all rows, epsilon at most, with Z'(w u) = pull: small ones on the line, where `side` is 0; None if none are found."""
        u = self.epsilon * side
        for _ in range(_ROUNDS):
            on = u.abs() < self.epsilon
            left, weighted = pull - self.Z.T @ (self.w * u.masked_fill(on, 0.0)), self.Z[on] * self.w[on, None]
            u[on] = self.Z[on] @ minimum_norm(weighted.T @ self.Z[on], left[:, None])[:, 0]
            missed = (self.Z.T @ (self.w * u) - pull).abs().max()
            if float(missed) > _ON:
                return None
            # Subgradients on the line may be anything up to epsilon: found, if the ones that balance the others are that small.
            if bool((u.abs() <= self.epsilon * (1 + _ON)).all()):
                return u
            u = u.clamp(-self.epsilon, self.epsilon)
        return None

    @staticmethod
    def _free(g: Tensor, theta: Tensor) -> Tensor:
        """The gradient where there is room to follow it: a scale at its least cannot fall further."""
        return torch.cat([g[:-1], g[-1:].clamp(max=0)]) if float(theta[-1]) <= _SMALLEST else g

    def _moved(self, theta: Tensor, value: float, g: Tensor, H: Tensor, damping: float) -> tuple[Tensor | None, float]:
        """A better point and the damping that led there, or None when rounding leaves none (Levenberg 1944, Marquardt 1963)."""
        if float(theta[-1]) <= _SMALLEST and float(g[-1]) > 0:  # the scale stays where it is, and the weights move alone
            g, H = self._free(g, theta), H.clone()
            H[-1], H[:, -1], H[-1, -1] = 0, 0, 1
        # Damping scales with the diagonal, so it means the same for slopes and for the scale (Marquardt 1963).
        size = H.diagonal().abs().clamp(min=1e-12)
        for _ in range(60):
            step = _newton_step(H + torch.diag(damping * size), g)
            after = theta - step
            # The scale may fall to a tenth at most in a step: 1 / s would make any longer one blind.
            after[-1] = max(float(after[-1]), 0.1 * float(theta[-1]), _SMALLEST)
            found = self.value(after)
            if found < value or (found <= value and bool((after != theta).any()) and damping == 0.0):
                return after, 0.0 if damping < 1e-8 else damping / 16
            damping = max(4 * damping, 1e-10)
        return None, damping


def _newton_step(H: Tensor, g: Tensor) -> Tensor:
    C, size = of_one_size(H)
    values, V = eigenvectors(C)
    # Directions that nothing bends, of dependent columns, are not stepped in: the least-norm step of the others.
    bent = values > 1e-12 * values[-1:].clamp(min=0)
    turned = (V.T @ (g / size))[bent] / values[bent]
    step: Tensor = (V[:, bent] @ turned) / size
    return step
