"""`bestline doctor` tells what is there, and fails where the numbers do not come out."""

from __future__ import annotations

import numpy as np
import pytest

import bestline as bl
from bestline import api
from bestline.api import self_test


def test_versions_and_digits(run):
    told = run("doctor").out
    assert f"bestline: {bl.__version__}" in told
    assert f"numpy {np.__version__}" in told
    assert "Norris, certified by NIST: 1" in told
    facts = run("doctor", "--json").facts
    assert facts["good"] is True
    assert facts["versions"]["numpy"] == np.__version__
    assert min(min(one.values()) for one in facts["self_test"].values()) >= 13


@pytest.mark.filterwarnings("ignore:There are few rows")
def test_a_wrong_answer_is_told(monkeypatch):
    formula, weights, errors = self_test._CERTIFIED["norris"]
    monkeypatch.setitem(self_test._CERTIFIED, "norris", (formula, (weights[0] * (1 + 1e-9), weights[1]), errors))
    norris, longley = self_test.solve_certified()
    assert not norris.good
    assert norris.weights == pytest.approx(9, abs=0.1)
    assert longley.good
    assert min(longley.weights, longley.errors) <= 15


def test_a_wrong_answer_ends_the_command_with_1(run, monkeypatch):
    monkeypatch.setattr(api, "solve_certified", lambda: [self_test.Tried("norris", 9.0, 15.0)], raising=False)
    found = run("doctor")
    assert found.status == 1
    assert "Norris should come out to 13 digits" in found.err
