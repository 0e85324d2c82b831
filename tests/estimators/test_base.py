"""What every estimator has besides: the table of coefficients and the model."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

import bestline.estimators as ours
from estimators.examples import made, table

OF_MOMENTS = ("LinearRegression", "Ridge", "Lasso", "ElasticNet")


def test_coefficient_table_is_that_of_statsmodels():
    X, y, w = table()
    w += 1
    line = ours.LinearRegression().fit(X, y, sample_weight=w)
    reference = sm.WLS(y, sm.add_constant(X), w).fit()
    found = line.coef_table_.set_index("term").loc[["Intercept", "x0", "x1", "x2", "x3"]]
    np.testing.assert_allclose(found["std_error"], reference.bse, rtol=1e-10)
    np.testing.assert_allclose(found["p_value"], reference.pvalues, rtol=1e-8, atol=1e-300)
    np.testing.assert_allclose(found[["conf_low", "conf_high"]], reference.conf_int(), rtol=1e-9)
    assert line.model_ is line.model_
    assert line.fit(X[:50], y[:50]).model_.training.count == 50


@pytest.mark.parametrize("name", [*OF_MOMENTS, "RidgeCV", "LassoCV", "ElasticNetCV"])
@pytest.mark.parametrize("intercept", [True, False])
def test_model_is_the_same_line(name, intercept):
    X, y, w = table()
    line = made(name, fit_intercept=intercept).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(np.ravel(line.model_.predict(X[:5])), line.predict(X[:5]), rtol=1e-9)
