"""Classical inference: what the numbers of a least-squares line are worth. Standard errors, t, p, intervals, the fit as a whole.

    covariance of w = s^2 (X'WX)^-1       s^2 = residual sum of squares / (n - rank)

All of it follows from the moments. With weights, n counts the rows (of positive weight) and s^2 uses the weighted residuals:
the weights are known up to a factor, as in statsmodels' WLS and R's lm. These formulas are for lines without a penalty; a
penalty shrinks the weights, and no p-value is honest about that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from bestline.calls import is_number
from bestline.errors import OptionError, readable
from bestline.numerics import (
    Alias,
    Bowl,
    Comoments,
    Refined,
    Scaling,
    Weights,
    aliases,
    digits,
    digits_within,
    eigenvectors,
    inverse,
    of_one_size,
    rank_tolerance,
    read_loss_digits,
    second_moments,
    trained_moments,
)

NAN = float("nan")
_EPS = torch.finfo(torch.float64).eps
_NO_MEAN = 1e-10  # of the columns' means, in their spreads: less is rounding


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One weight of one target; NaN where a number is not determined."""

    term: str
    estimate: float
    std_error: float
    statistic: float
    p_value: float
    conf_low: float
    conf_high: float


class Uncertainty(Protocol):
    """What a coefficient table needs: standard errors (k, d), their name, and the degrees of freedom of Student's t."""

    @property
    def std_error(self) -> Tensor:
        """Of every weight of each target."""
        ...

    @property
    def df(self) -> int:
        """Degrees of freedom."""
        ...

    @property
    def title(self) -> str:
        """What the errors are called."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """What least squares says of its own weights.

    Attributes
    ----------
    covariance : Tensor (k, d, d)
        Of the weights of each target, in the data's units, the intercept last; NaN for weights that are not determined.
    std_error : Tensor (k, d)
        Of the weights; right even where its square would leave float64's range.
    df_resid : int
        Residual degrees of freedom, n - rank, less those that absorbed effects take.
    rank : int
        Number of weights that the data determine, the intercept included, absorbed effects not.
    sigma : Tensor (k,)
        Residual standard deviation.
    rss, tss : Tensor (k,)
        Residual and total (weighted) sums of squares; about zero without an intercept.
    aliased : tuple of Alias
        Columns that earlier columns already say.
    kept : tuple of int
        The other columns.
    core : Tensor
        Covariance of the kept columns' slopes over the residual variance, in the data's units.
    size : Tensor (p,)
        Size of each column's numbers, for telling rounding from difference.
    determined : Tensor, bool (d,)
        Weights that the data determine.
    """

    covariance: Tensor
    std_error: Tensor
    df_resid: int
    rank: int
    sigma: Tensor
    rss: Tensor
    tss: Tensor
    aliased: tuple[Alias, ...]
    kept: tuple[int, ...]
    core: Tensor
    size: Tensor
    determined: Tensor

    @property
    def df(self) -> int:
        """Degrees of freedom of Student's t."""
        return self.df_resid

    @property
    def title(self) -> str:
        """What such errors are called."""
        return "classical"

    def variance_of_mean(self, away: Tensor) -> Tensor:
        """Variance of the line's height at rows `away` (m, p) from the training mean, without the intercept's share, (m,)."""
        return self.sigma[0] ** 2 * self.leverage_of_slopes(away)

    def leverage_of_slopes(self, away: Tensor) -> Tensor:
        """The same over the residual variance, which no target changes.

        It exists where a row is `estimable`; elsewhere it is NaN, and so it is where the rounding of `core` is as large, for nearly
        collinear columns.
        """
        # x'V x with V positive definite: what is negative, or below the rounding of its terms, is not known.
        own = away[:, list(self.kept)]
        variance = (own @ self.core * own).sum(1)
        rounding = 2 * len(self.kept) * _EPS * (own.abs() @ self.core.abs() * own.abs()).sum(1)
        return torch.where((variance >= rounding) & self.estimable(away), variance, NAN)

    def among_all(self, own: Tensor, others: float) -> Tensor:
        """Rows (., k) of the columns that are not redundant and of the intercept, among those of all weights (d, k)."""
        p, d = len(self.size), len(self.determined)
        found = torch.full((d, own.shape[1]), others, dtype=torch.float64)
        found[[*self.kept, *range(p, d)]] = own
        return found

    def right_digits(self, moments: Comoments, weights: Weights, rounding: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """How many digits of the weights and of their standard errors are right, at least, (d, k) both; NaN where there are none.

        By the `moments` of the training rows. Of a column that is computed, such as `log(x)`, every number is off by a share of its size,
        or by an amount: `rounding` has both, (q,).
        """
        p, intercept, kept = len(self.size), len(self.determined) > len(self.size), list(self.kept)
        rows, slopes = moments[[*kept, *range(p, moments.q)]], weights[kept]
        # Over W rows a column that is off by so much is off by a length of sqrt(W) times that.
        share, amount = rounding
        size = moments.center.abs() + moments.spread
        lost = moments.weight**0.5 * (torch.where(share > 0, share * size, 0.0) + amount)
        within, errors_within = self._digits_within(lost, weights)
        right = digits.right_digits(rows, len(kept), slopes, intercept=intercept)
        of_errors = digits.right_error_digits(rows, len(kept), slopes, self.rss / moments.weight, intercept=intercept)
        return (
            torch.minimum(self.among_all(right, NAN), within),
            torch.minimum(self.among_all(of_errors.T, NAN), errors_within.T),
        )

    def _digits_within(self, lost: Tensor, weights: Weights) -> tuple[Tensor, Tensor]:
        """Most digits of the weights (d, k) and of their standard errors (k, d) that columns off by lengths `lost` (q,) allow."""
        # (X'WX)^-1 alone: how far errors of columns reach the weights has nothing to do with how well the line fits. A column that
        # does not vary has no part in it.
        inverse = self.covariance[0] / self.sigma[0] ** 2
        inverse[~self.determined], inverse[:, ~self.determined] = 0.0, 0.0
        return digits_within(lost, weights, inverse, self.rss)

    def estimable(self, away: Tensor) -> Tensor:
        """Which rows `away` (m, p) from the training mean the line is determined at, (m,): where aliased columns say what the others
        say, as they did in training.
        """
        found = torch.ones(len(away), dtype=torch.bool)
        for alias in self.aliased:
            # What is left of an aliased column in this row, beside what training saw: any of it has a weight that nobody knows.
            told = sum((c * away[:, j] for j, c in alias.on.items()), torch.zeros(len(away), dtype=torch.float64))
            found &= (away[:, alias.column] - told).abs() <= 1e-8 * (self.size[alias.column] + told.abs())
        return found


def determined(moments: Comoments, scaling: Scaling, *, taken: int = 0) -> tuple[tuple[Alias, ...], int]:
    """Columns that earlier columns already say, and the residual degrees of freedom that the others and the intercept leave.

    So many are `taken` by absorbed effects.
    """
    p, x = scaling.p, scaling.scale
    found = aliases(second_moments(moments, scaling, range(p)))
    aliased = tuple(
        Alias(a.column, {j: c * float(x[a.column] / x[j]) for j, c in a.on.items()}) for a in found
    )  # from units of the scale to the data's
    return aliased, moments.count - (p - len(aliased) + scaling.intercept) - taken


def infer(moments: Comoments, scaling: Scaling, *, shared: bool = True, taken: int = 0) -> Inference:
    """Covariance of the least-squares weights, classical (equal variances), from moments of the training rows.

    With `shared` aliased columns share the effect with those that say the same, and none of these is determined; else they are left
    out, and the weights of the others are those of the line without them. Absorbed effects have `taken` so many degrees of freedom.
    """
    p = scaling.p
    mean, joint = trained_moments(moments, scaling)
    aliased, df = determined(moments, scaling, taken=taken)
    kept = sorted(set(range(p)) - {a.column for a in aliased})
    # With every column in units of its spread A has a diagonal of 1, so its inverse is as good as collinearity allows.
    core = _inverse(second_moments(moments, scaling, kept))
    free = df if df > 0 else NAN  # without degrees of freedom there is no variance
    bowl = Bowl.of(moments, scaling)
    units = scaling.target_scale**2
    # The floor is a mean of squares in units of the trained target.
    rss = bowl.floor * units * moments.weight
    square = joint.diagonal()[p:] if scaling.intercept else joint.diagonal()[p:] + mean[p:] ** 2
    tss = square * units * moments.weight
    unscaled = _unscaled(core, kept, mean[:p], scaling, aliased if shared else ()) / moments.weight
    # Not the root of the variance: squares of small units would leave float64's range first.
    sigma = (bowl.floor * (moments.weight / free)).sqrt() * scaling.target_scale
    scale = torch.cat([scaling.scale[:p], torch.ones(int(scaling.intercept), dtype=torch.float64)])
    covariance = (rss / free)[:, None, None] * unscaled / torch.outer(scale, scale)
    std_error = sigma[:, None] * unscaled.diagonal().clamp(min=0).sqrt() / scale
    size = moments.center[:p].abs() + scaling.scale[:p]
    core = core / torch.outer(scale[kept], scale[kept]) / moments.weight
    # Residuals too small for moments to tell have no size: then errors that say 0 would be false.
    slopes = scaling.to_data(bowl.bottom)[:p]
    told = read_loss_digits(moments, moments, p, slopes, rss / moments.weight, intercept=scaling.intercept).digits >= 1
    sigma, std_error = torch.where(told, sigma, NAN), torch.where(told[:, None], std_error, NAN)
    covariance = torch.where(told[:, None, None], covariance, NAN)
    known = ~unscaled.diagonal().isnan()
    return Inference(
        covariance, std_error, df, moments.count - df - taken, sigma, rss, tss, aliased, tuple(kept), core, size, known
    )


def infer_exactly(refined: Refined, count: int) -> Inference:
    """The same from the exact solution for `count` rows: every number of it is right to its last digits."""
    p = len(refined.closeness)
    kept = [j for j in range(p) if bool(refined.kept[j])]
    # The intercept's part in an alias is left to it: about the means, as aliases are used, it has none.
    aliased = tuple(
        Alias(j, {i: float(c) for i, c in enumerate(own) if i != j and c}, proved=proved)
        for j, own, proved in zip(
            (~refined.kept).nonzero()[:, 0].tolist(), refined.alias[:p].T.tolist(), refined.proved.tolist(), strict=True
        )
    )
    covariance = refined.sigma[:, None, None] ** 2 * refined.inverse
    covariance[:, ~refined.determined], covariance[:, :, ~refined.determined] = NAN, NAN
    return Inference(
        covariance=covariance,
        std_error=refined.std_error,
        df_resid=count - refined.rank,
        rank=refined.rank,
        sigma=refined.sigma,
        rss=refined.rss,
        tss=refined.tss,
        aliased=aliased,
        kept=tuple(kept),
        core=refined.inverse[kept][:, kept],
        size=refined.size,
        determined=refined.determined,
    )


def outside(X: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Rows of X (m, p) of which a column lies beyond the range [low, high] (p,) that training saw, (m,) of true and false."""
    return ((low > X) | (high < X)).any(1)


def _unscaled(core: Tensor, kept: list[int], mean: Tensor, scaling: Scaling, aliased: tuple[Alias, ...]) -> Tensor:
    """W (X'WX)^-1, of which `core` is that of the kept slopes about the means, of slopes in units of their columns' scale and the intercept in the target's, (d, d).

    Weights that share a direction with an aliased column are NaN.
    """
    p = scaling.p
    full = torch.full((p + scaling.intercept, p + scaling.intercept), NAN, dtype=torch.float64)
    index = torch.tensor(kept, dtype=torch.long)
    full[index[:, None], index[None]] = core
    if scaling.intercept:
        center = scaling.center[kept] / scaling.scale[kept] + mean[kept]  # the means, in units of the scale
        # The inverse of [A + m m'  m; m'  1] by its Schur complement: slopes as about the mean, b trades -m'V with them.
        cross = -core @ center
        full[-1, -1] = 1 + center @ core @ center
        full[-1, index], full[index, -1] = cross, cross
    for alias in aliased:
        for j in alias.on:
            full[j], full[:, j] = NAN, NAN
        # x2 = 3 x1 leaves the intercept alone; x2 = 3 x1 + 5 can trade with it.
        offset = scaling.center[alias.column] - sum(c * scaling.center[j] for j, c in alias.on.items())
        if scaling.intercept and alias.on and abs(float(offset)) > 1e-9 * float(scaling.scale[alias.column]):
            full[-1], full[:, -1] = NAN, NAN
    return full


def _inverse(A: Tensor) -> Tensor:
    C, size = of_one_size(A)
    found = inverse(C)
    return torch.full_like(A, NAN) if found is None else found / torch.outer(size, size)


def coefficients(
    names: tuple[str, ...], weights: Tensor, errors: Uncertainty | None, *, level: float, target: int = 0
) -> list[Coefficient]:
    """The coefficient table of one target: weights (d, k) with their standard errors, t, p and intervals, NaN without `errors`."""
    check_level(level)
    df = 0 if errors is None else errors.df
    estimate = weights[:, target]
    error = torch.full_like(estimate, NAN) if errors is None else errors.std_error[target]
    columns = judged(estimate, error, torch.tensor(df, dtype=torch.float64), level)
    return [Coefficient(name, *row) for name, *row in zip(names, *(column.tolist() for column in columns), strict=True)]


def judged(estimate: Tensor, error: Tensor, df: Tensor, level: float) -> tuple[Tensor, ...]:
    """Estimates and their errors (..., d) with t, p and both ends of the intervals; `df` (...) of Student's t, below 1 where there are none."""
    from scipy.special import stdtr, stdtrit

    free = torch.where(df > 0, df.double(), NAN)
    # Few different numbers come up: a quantile is computed for each of those only.
    different, which = free.unique(return_inverse=True)
    half = torch.from_numpy(stdtrit(different.numpy(), 0.5 + level / 2))[which][..., None] * error
    # A line through every point has no error, and no statistic.
    t = torch.where((error > 0) & free.isfinite()[..., None], estimate / error, NAN)
    p = 2 * torch.from_numpy(stdtr(free.numpy()[..., None], -t.abs().numpy()))
    return estimate, error, t, p, estimate - half, estimate + half


def check_level(level: float) -> None:
    """Raise OptionError unless 0 < level < 1."""
    if not is_number(level) or not 0 < level < 1:
        percent = f" (for {level:g}% write {level / 100:g})" if is_number(level) and 1 < level < 100 else ""
        raise OptionError(
            f"`level` is the share of intervals that hold the truth, between 0 and 1; got {readable(repr(level))[1:-1]}{percent}."
        )


def t_quantile(probability: float, df: float) -> float:
    """Quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(df, probability))


def t_two_sided(t: float, df: float) -> float:
    """Probability of a Student's t at least as far from zero."""
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(t)))


@dataclass(frozen=True, slots=True)
class Glance:
    """A least-squares line in one row: broom's `glance`.

    `r_squared` and the F test compare with the mean, or with zero where the line has no constant. `aic` and `bic` count the
    weights and not sigma, as statsmodels does; R counts sigma, too: its AIC is 2 higher, its BIC log(n).
    """

    nobs: int
    df_residual: int
    r_squared: float
    adj_r_squared: float
    sigma: float
    statistic: float
    p_value: float
    log_lik: float
    aic: float
    bic: float


def constant_of(moments: Comoments, p: int) -> Tensor | None:
    """Weights (p,) of columns without an intercept that add up to 1 in every row, as all levels of a category do; None if none do."""
    spread, center = moments.spread[:p], moments.center[:p]
    weights = torch.zeros(p, dtype=torch.float64)
    alone = torch.nonzero((spread == 0) & (center != 0))[:, 0]
    if len(alone):
        weights[alone[0]] = 1 / center[alone[0]]
        return weights
    varying = torch.nonzero(spread > 0)[:, 0]
    if not len(varying):
        return None
    # About their means such columns add up to 0: a direction in which their correlations say nothing, while their means do.
    there = Scaling.of(moments, p, intercept=True, standardize=True)
    values, vectors = eigenvectors(second_moments(moments, there, varying.tolist()))
    flat, mean = vectors[:, values <= values[-1] * rank_tolerance(len(values))], center[varying] / spread[varying]
    along = flat.T @ mean
    if float(along.norm()) <= _NO_MEAN * float(mean.norm()):
        return None
    weights[varying] = flat @ along / (along @ along) / spread[varying]
    return weights


def glance(
    moments: Comoments,
    inference: Inference,
    *,
    intercept: bool,
    constant: bool,
    target: int = 0,
    squares: float | None = None,
    taken: int = 0,
) -> Glance:
    """Figures of the whole fit, for one target; `constant` says whether its columns add up to one where it has no `intercept`.

    With absorbed effects `squares` are those of the target about its mean, R2 and likelihood count the `taken` weights of the effects, and
    F compares with the line of the effects alone.
    """
    from scipy.special import fdtrc

    n, df, about_mean = moments.count, inference.df_resid, intercept or constant
    rss, tss = float(inference.rss[target]), float(inference.tss[target])
    if about_mean and not intercept:  # those of the same line with its intercept
        tss = float(moments.spread[moments.q - len(inference.tss) + target]) ** 2 * moments.weight
    model_df = inference.rank - about_mean
    whole = tss if squares is None else squares
    r2 = 1 - rss / whole if whole > 0 else NAN
    adjusted = 1 - (1 - r2) * (n - (about_mean or taken > 0)) / df if df > 0 else NAN
    # Against the line that has the mean alone, or nothing without a constant.
    F = (tss - rss) / model_df / (rss / df) if df > 0 and model_df > 0 and rss > 0 else NAN
    # The normal likelihood at its maximum, sigma^2 = rss / n; weights add half the sum of their logarithms.
    sigma = float(inference.sigma[target])
    log_lik = -n / 2 * (math.log(2 * math.pi * rss / n) + 1) + moments.log_weight / 2 if rss > 0 else math.inf
    if df > 0 and math.isnan(sigma):  # rounding hides how much the line misses
        log_lik = NAN
    return Glance(
        n,
        df,
        r2,
        adjusted,
        sigma,
        F,
        float(fdtrc(model_df, df, F)) if not math.isnan(F) else NAN,
        log_lik,
        2 * (inference.rank + taken) - 2 * log_lik,
        math.log(n) * (inference.rank + taken) - 2 * log_lik,
    )
