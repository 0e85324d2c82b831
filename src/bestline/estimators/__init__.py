"""Estimators: scikit-learn's rules, our mathematics.

One file a class, or a pair of classes that are one by mathematics. `base` and `arrays` keep scikit-learn's rules (what fit
takes, what it leaves), `parameters` checks them; the numbers come from `training`. Nothing here computes what a room below
has.
"""

from __future__ import annotations

try:
    import sklearn
except ImportError as error:
    raise ImportError(
        "bestline's estimators follow scikit-learn's rules and need it: pip install 'bestline[sklearn]'."
    ) from error

from bestline.estimators.elastic_net import ElasticNet, Lasso
from bestline.estimators.elastic_net_cv import ElasticNetCV, LassoCV
from bestline.estimators.huber import HuberRegressor
from bestline.estimators.linear import LinearRegression, Ridge
from bestline.estimators.ridge_cv import RidgeCV
from bestline.estimators.sgd import SGDRegressor

__all__ = [
    "ElasticNet",
    "ElasticNetCV",
    "HuberRegressor",
    "Lasso",
    "LassoCV",
    "LinearRegression",
    "Ridge",
    "RidgeCV",
    "SGDRegressor",
]
