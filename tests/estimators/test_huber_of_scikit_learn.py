"""scikit-learn's own tests of HuberRegressor, all of them, with our class in place of theirs."""

from __future__ import annotations

import pytest
import sklearn.linear_model.tests.test_huber as suite
from sklearn.linear_model.tests.test_huber import *  # noqa: F403  pytest finds the tests here

from bestline.estimators import HuberRegressor

pytestmark = pytest.mark.filterwarnings("ignore")

globals().pop("test_huber_gradient", None)  # it is of a function inside theirs, and meets no class


@pytest.fixture(autouse=True)
def met(monkeypatch, request):
    """Our class under their name, and how often it was fitted."""
    fits = []

    class Watched(HuberRegressor):
        def fit(self, *arguments, **how):
            fits.append(self)
            return super().fit(*arguments, **how)

    monkeypatch.setattr(suite, "HuberRegressor", Watched)
    yield
    assert fits or request.function is test_all_of_them_are_here, "this test of theirs has not met our class"


def test_all_of_them_are_here():
    theirs = {name for name in vars(suite) if name.startswith("test_")} - {"test_huber_gradient"}
    assert len(theirs) >= 9
    assert theirs <= globals().keys()
