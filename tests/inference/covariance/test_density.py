"""The density of errors at a line: bandwidths that R and Stata print, and kernels against statsmodels and the normal curve."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm
from statsmodels.nonparametric.kde import KDEUnivariate
from statsmodels.regression.tests.results import results_quantile_regression as stata

from bestline.errors import NumericalError
from bestline.inference.covariance.density import (
    at_each,
    at_zero,
    between_quartiles,
    bofinger,
    chamberlain,
    hall_sheather,
    kernel_width,
)


def residuals(n: int = 500) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(0, 2, n))


def once(u: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(u)


def test_bandwidths_are_those_that_r_and_stata_print():
    assert hall_sheather(235, 0.5) == pytest.approx(stata.epan2_hsheather.bwidth, rel=1e-12)
    assert hall_sheather(235, 0.75) == pytest.approx(stata.epanechnikov_hsheather_q75.bwidth, rel=1e-12)
    assert bofinger(235, 0.5) == pytest.approx(stata.epan2_bofinger.bwidth, rel=1e-12)
    assert chamberlain(235, 0.5) == pytest.approx(stata.epan2_chamberlain.bwidth, rel=1e-12)
    # Bofinger's rule at other levels: minimises the mean squared error of normal data (Koenker 2005, 4.10.1).
    z = norm.ppf(0.9)
    assert bofinger(50, 0.9) == pytest.approx((4.5 * norm.pdf(z) ** 4 / (2 * z**2 + 1) ** 2 / 50) ** 0.2, rel=1e-12)


@pytest.mark.parametrize("level", [0.2, 0.5, 0.9])
def test_the_width_is_that_of_quantreg_in_units_of_the_residuals(level: float):
    u, b = residuals(), 0.05
    spread = min(u.numpy().std(ddof=1), np.subtract(*np.percentile(u, [75, 25])) / 1.34)
    expected = spread * (norm.ppf(level + b) - norm.ppf(level - b))
    assert kernel_width(u, once(u), level, b, rounding=0.0) == pytest.approx(expected, rel=1e-12)


def test_rows_that_stand_for_several_are_those_rows_repeated():
    u = residuals(60)
    times = torch.arange(60.0, dtype=torch.float64) % 4 + 1
    repeated = u.repeat_interleave(times.long())
    for of in (
        lambda u, w: kernel_width(u, w, 0.3, 0.1, rounding=0.0),
        lambda u, w: at_zero(u, w, 0.7),
        between_quartiles,
    ):
        assert of(u, times) == pytest.approx(of(repeated, once(repeated)), rel=1e-12)
    assert between_quartiles(repeated, once(repeated)) == pytest.approx(
        np.subtract(*np.percentile(repeated, [75, 25])), rel=1e-12
    )


def test_the_kernels_are_those_of_statsmodels():
    u, h = residuals(), 0.8
    theirs = KDEUnivariate(u.numpy())
    theirs.fit(kernel="epa", bw=h, fft=False)
    assert at_zero(u, once(u), h) == pytest.approx(theirs.evaluate(0.0)[0], rel=1e-12)
    theirs.fit(kernel="gau", bw=h, fft=False)
    assert float(at_each(u, h).mean()) == pytest.approx(theirs.evaluate(0.0)[0], rel=1e-12)


def test_of_many_normal_errors_it_is_the_normal_density():
    n = 200_000
    u = torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)  # n quantiles of the normal curve
    h = kernel_width(u, once(u), 0.5, hall_sheather(n, 0.5), rounding=0.0)
    assert at_zero(u, once(u), h) == pytest.approx(norm.pdf(0.0), rel=1e-3)


def test_too_few_rows_and_rows_that_are_alike_have_no_density():
    u = residuals(4)
    with pytest.raises(NumericalError, match=r"4 rows are too few to tell the density of errors at the 0\.9 quantile"):
        kernel_width(u, once(u), 0.9, 0.2, rounding=0.0)
    same = torch.cat([torch.zeros(60, dtype=torch.float64), residuals(50)])
    with pytest.raises(NumericalError, match="half of the residuals are the same"):
        kernel_width(same, once(same), 0.5, 0.1, rounding=1e-12)
