"""The count of scikit-learn's own tests: a test that fails counts, also where it died before an estimator of ours was made."""

from __future__ import annotations

from collections import defaultdict

import pytest

from estimators.sklearn_suite import Substitution, explained


@pytest.fixture
def plugin() -> Substitution:
    # Without __init__, which puts our classes in the place of theirs for the whole process.
    made = object.__new__(Substitution)
    made.met, made.why, made.current = defaultdict(set), {}, None
    made.met["t.py::test_ours"].add("Ridge")
    made.outcome = {"t.py::test_ours": "passed", "t.py::test_died_before": "failed", "t.py::test_theirs": "passed"}
    return made


def test_a_test_that_dies_before_it_meets_ours_is_no_pass(plugin: Substitution) -> None:
    assert plugin.unexplained() == ["t.py::test_died_before"]
    counts = plugin.table()
    assert (counts["any"]["passed"], counts["any"]["failed"]) == (1, 1)
    assert (counts["Ridge"]["passed"], counts["Ridge"]["failed"]) == (1, 0)


def test_what_is_explained_is_not_told_again_but_counts(plugin: Substitution) -> None:
    plugin.outcome["t.py::test_n_iter[Ridge]"] = "failed"
    assert explained("t.py::test_n_iter[Ridge]")
    assert plugin.unexplained() == ["t.py::test_died_before"]
    assert plugin.table()["any"]["failed"] == 2


def test_what_is_explained_and_does_not_fail_is_told(plugin: Substitution) -> None:
    plugin.outcome |= {"t.py::test_n_iter[Ridge]": "passed", "t.py::test_n_iter[Lasso]": "skipped"}
    plugin.outcome |= {"t.py::test_lasso_dual_gap": "failed", "t.py::test_check_input_false": "skipped"}
    assert plugin.unneeded() == ["test_n_iter"]
