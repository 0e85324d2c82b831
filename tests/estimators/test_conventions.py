"""scikit-learn's own checks, parameters, attributes and refusals, class by class."""

from __future__ import annotations

import doctest
import importlib
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.linear_model as theirs
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import bestline as bl
import bestline.estimators as ours
from bestline.errors import DataError, OptionError
from estimators.examples import NAMES, made, table


@parametrize_with_checks([made(name) for name in NAMES])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.heavy
def test_array_api_checks():
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "import bestline.estimators as B\n"
        "from unittest import SkipTest\n"
        "from sklearn.utils.estimator_checks import estimator_checks_generator\n"
        "for name in B.__all__:\n"
        "    passed = 0\n"
        "    for estimator, check in estimator_checks_generator(getattr(B, name)()):\n"
        "        if 'array_api' in str(check):\n"
        "            try:\n"
        "                check(estimator)\n"
        "                passed += 1\n"
        "            except SkipTest:\n"
        "                pass\n"
        "    assert passed >= 3, name\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"SCIPY_ARRAY_API": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_defaults_are_theirs(name):
    assert getattr(ours, name)().get_params() == getattr(theirs, name)().get_params()


@pytest.mark.parametrize("name", NAMES)
def test_fitted_attributes_are_theirs(name):
    X, y, _ = table()
    mine, others = getattr(ours, name)(), getattr(theirs, name)()
    for estimator in (mine, others):
        estimator.fit(X, y)
    learnt = {a for a in vars(others) if a.endswith("_") and not a.startswith("_")}
    assert learnt <= {a for a in dir(mine) if a.endswith("_")}
    for a in learnt:
        theirs_is, ours_is = getattr(others, a), getattr(mine, a)
        assert np.shape(ours_is) == np.shape(theirs_is) or a == "n_iter_", a


@pytest.mark.parametrize("name", NAMES)
def test_pipeline_search_clone_pickle_and_names(name):
    pd = pytest.importorskip("pandas")
    X, y, _ = table()
    frame = pd.DataFrame(X, columns=list("abcd"))
    line = make_pipeline(StandardScaler().set_output(transform="pandas"), made(name)).fit(frame, y)
    assert list(line[-1].feature_names_in_) == list("abcd")
    again = pickle.loads(pickle.dumps(line))  # noqa: S301
    np.testing.assert_array_equal(again.predict(frame), line.predict(frame))
    assert cross_val_score(clone(line), frame, y, cv=3).mean() > 0.4
    search = GridSearchCV(made(name), {"fit_intercept": [True, False]}, cv=3).fit(X, y)
    assert search.best_params_["fit_intercept"] in (True, False)


@pytest.mark.parametrize(
    ("weights", "what"),
    [
        (np.ones((80, 2)), "1D"),
        (np.ones(79), "one weight a row"),
        (-np.ones(80), "Negative"),
        (np.zeros(80), "non-zero"),
        ([np.nan] * 80, "NaN"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_weights_that_are_none(name, weights, what):
    X, y, _ = table()
    with pytest.raises(DataError, match=what):
        made(name).fit(X, y, sample_weight=weights)


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("LinearRegression", "fit_intercept", 1),
        ("Ridge", "alpha", -1.0),
        ("Ridge", "solver", "fast"),
        ("Lasso", "alpha", "much"),
        ("Lasso", "alpha", float("inf")),
        ("ElasticNet", "l1_ratio", 1.5),
        ("LassoCV", "eps", 0),
        ("RidgeCV", "gcv_mode", "best"),
        ("SGDRegressor", "loss", "hinge"),
        ("SGDRegressor", "power_t", -1.0),
        ("SGDRegressor", "max_iter", 0),
        ("HuberRegressor", "epsilon", 0.5),
    ],
)
def test_parameters_that_make_no_sense(name, parameter, value):
    X, y, _ = table()
    with pytest.raises(OptionError, match=f"'{parameter}' parameter of {name} must be"):
        made(name, **{parameter: value}).fit(X, y)


@pytest.mark.parametrize("module", ["linear", "elastic_net", "sgd", "huber"])
def test_examples(module):
    found = doctest.testmod(importlib.import_module(f"bestline.estimators.{module}"))
    assert found.attempted > 0
    assert found.failed == 0


def test_only_what_scikit_learn_offers_is_used():
    paths = sorted(Path(ours.__file__).parent.glob("*.py"))
    assert len(paths) > 5
    for path in paths:
        for line in path.read_text().splitlines():
            assert not re.search(r"from sklearn\S*\._|from sklearn.* import .*\b_", line), f"{path.name}: {line}"


def test_scikit_learn_is_loaded_when_asked_for_only():
    code = "import sys, bestline, bestline.training.solvers.stochastic; assert not [m for m in sys.modules if m.split('.')[0] == 'sklearn']"
    subprocess.run([sys.executable, "-c", code], check=True)
    missing = "import sys; sys.modules['sklearn'] = None\nimport bestline.estimators"
    done = subprocess.run([sys.executable, "-c", missing], capture_output=True, text=True, check=False)
    assert "need it: pip install 'bestline[sklearn]'" in done.stderr


def test_too_many_columns_for_moments_are_refused_by_a_sentence_that_names_the_right_tool() -> None:
    X, y = np.zeros((2, 16_001)), np.zeros(2)
    with pytest.raises(OptionError, match="scikit-learn's estimator of the same name"):
        ours.Ridge(positive=True).fit(X, y)
    with pytest.raises(DataError, match=r"bestline\.Ridge for l2, bestline\.Lasso or bestline\.LassoCV for l1"):
        bl.fit((X[:, :8_001], y), l1=0.1)
