"""scikit-learn's own tests, run with our classes in place of theirs.

    python tests/sklearn_suite.py              the seven test files of the linear models
    python tests/sklearn_suite.py test_ridge   one of them

Before a test module is imported, the names in `sklearn.linear_model` are ours. Tests count when an estimator of ours was made or
fitted in them; a test that fails counts in any case, for it may have died on the way to our class. Every test that fails must be in
EXPLAINED, with the reason, and whatever is there must fail; the exit status says whether that is so. With SCIPY_ARRAY_API=1 those of
the array API run, too.
"""

from __future__ import annotations

import functools
import os
import sys
from collections import Counter, defaultdict
from fnmatch import fnmatch
from typing import Any

import pytest

CLASSES = (
    "LinearRegression",
    "Ridge",
    "RidgeCV",
    "Lasso",
    "LassoCV",
    "ElasticNet",
    "ElasticNetCV",
    "SGDRegressor",
    "HuberRegressor",
)
FILES = (
    "test_base",
    "test_ridge",
    "test_coordinate_descent",
    "test_sparse_coordinate_descent",
    "test_sgd",
    "test_common",
    "test_huber",
)

# Test (a pattern of names) -> why it fails with our classes.
EXPLAINED: dict[str, str] = {
    # X is never overwritten
    "test_inplace_data_preprocessing": "`copy_X=False` allows X to be overwritten, and the test asks that it is; we never do.",
    "test_enet_copy_X_False_check_input_False": "As above: the test asks that X is overwritten.",
    "test_check_input_false": "`check_input=False` and X in C order: the test asks for an error where theirs would compute nonsense; we compute.",
    # what theirs refuses, ours does
    "test_raises_value_error_if_positive_and_sparse": "theirs refuses `positive=True` with sparse X; ours fits it.",
    "test_ridge_fit_intercept_sparse_error": "theirs refuses sparse X with an intercept for some solvers; ours fits it, exactly.",
    "test_ridge_fit_intercept_sparse_sag": "theirs warns that 'sag' needs more care to be right; ours is exact.",
    # nothing is iterated, so nothing stops early
    "test_n_iter": "`n_iter_` must equal `max_iter` where theirs stops early; ours solves at once.",
    "test_lbfgs_solver_error": "a warning that `max_iter=1` is too few; ours solves at once.",
    "test_enet_coordinate_descent_raises_convergence": "as above, for Lasso.",
    "test_sparse_input_convergence_warning": "as above, for LassoCV and ElasticNetCV.",
    "test_sparse_enet_coordinate_descent": "as above, for Lasso of sparse X.",
    "test_warm_start_convergence_with_regularizer_decrement": "compares how many sweeps theirs takes for two penalties; our count is of another method.",
    "test_lasso_alpha_warning": "a warning that `alpha=0` does not converge well; ours does.",
    # theirs is less exact
    "test_lasso_dual_gap": "compares the duality gap with a sum of its own, to 7 digits; ours is 1e-15, where that sum has no digits left.",
    "test_1d_multioutput_enet_and_multitask_enet_cv": "compares with their MultiTaskElasticNetCV at tolerance 1e-4, to 7 decimals; ours is exact, theirs 1e-4 away.",
    "test_1d_multioutput_lasso_and_multitask_lasso_cv": "as above, with MultiTaskLassoCV.",
    # their inside
    "test_lassoCV_does_not_set_precompute": "replaces a name in a private module of theirs.",
    "test_loss_function_epsilon": "reads `loss_functions`, a table inside SGDRegressor.",
    "test_plain_has_no_average_attr": "asks for `_average_coef` and its like, private attributes of theirs.",
    "test_array_api_error_and_warnings_for_solver_parameter": "reads `_parameter_constraints`, private rules of theirs, and asks that every solver but 'svd' is refused for arrays of other libraries; ours has one method, for all of them.",
    "test_enet_nonfinite_params": "asks for the text 'Coordinate descent iterations resulted in ...'; ours says that the columns are too large for float64.",
    # announced
    "test_power_t_limits": "a warning that a negative `power_t` will be refused from scikit-learn 1.10; ours refuses it.",
}


class Substitution:
    """A pytest plugin: our classes for theirs, and which tests met which of them."""

    def __init__(self) -> None:
        self.met: dict[str, set[str]] = defaultdict(set)
        self.outcome: dict[str, str] = {}
        self.why: dict[str, str] = {}
        self.current: str | None = None
        self._substitute()

    def _substitute(self) -> None:
        import sklearn.linear_model

        import bestline.estimators as ours

        for name in CLASSES:
            if not hasattr(ours, name):
                continue
            cls = getattr(ours, name)
            for method in ("__init__", "_check"):
                if method in vars(cls) or method == "_check":
                    setattr(cls, method, self._watched(getattr(cls, method), name))
            setattr(sklearn.linear_model, name, cls)

    def _watched(self, method: Any, name: str) -> Any:
        @functools.wraps(method)
        def heard(instance: Any, *args: Any, **kwargs: Any) -> Any:
            if self.current is not None:
                self.met[self.current].add(type(instance).__name__ if type(instance).__name__ in CLASSES else name)
            return method(instance, *args, **kwargs)

        return heard

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """Say which test is running."""
        self.current = item.nodeid
        yield
        self.current = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended."""
        if report.when == "call" or report.outcome != "passed":
            outcome = ("xfailed" if report.skipped else "xpassed") if hasattr(report, "wasxfail") else report.outcome
            self.outcome[report.nodeid] = outcome
            if outcome == "failed" and report.longrepr is not None:
                crash = getattr(report.longrepr, "reprcrash", None)
                self.why[report.nodeid] = (crash.message if crash else str(report.longrepr)).strip().split("\n")[0][:200]

    def table(self) -> dict[str, Counter[str]]:
        """How the tests of each class ended."""
        found: dict[str, Counter[str]] = {name: Counter() for name in (*CLASSES, "any")}
        for node, names in self.met.items():
            for name in (*names, "any"):
                found[name][self.outcome.get(node, "missing")] += 1
        # One that died before it made an estimator of ours may have died of us: nobody knows of which class, but it is no pass.
        found["any"]["failed"] += sum(node not in self.met for node in self.failed)
        return found

    @property
    def failed(self) -> list[str]:
        """Tests that failed, whether or not they met a class of ours."""
        return [node for node, outcome in self.outcome.items() if outcome == "failed"]

    def unexplained(self) -> list[str]:
        """Those of them that EXPLAINED does not hold."""
        return [node for node in self.failed if explained(node) is None]

    def unneeded(self) -> list[str]:
        """What EXPLAINED holds of tests that ran, none of which failed."""
        found = {pattern: {self.outcome[node] for node in self.outcome if _is_of(node, pattern)} for pattern in EXPLAINED}
        return [pattern for pattern, ended in found.items() if ended - {"skipped"} and "failed" not in ended]


def explained(node: str) -> str | None:
    """Why a test fails, if it is known."""
    return next((why for pattern, why in EXPLAINED.items() if _is_of(node, pattern)), None)


def _is_of(node: str, pattern: str) -> bool:
    test = node.rsplit("::", 1)[-1]
    return fnmatch(test, pattern) or test.startswith(f"{pattern}[")


def run(files: tuple[str, ...], options: tuple[str, ...] = ()) -> Substitution:
    """Run test files, and say how it went."""
    plugin = Substitution()
    paths = ["sklearn.linear_model.tests." + name for name in files]
    arguments = [
        "-q",
        "-x" if "-x" in options else "--tb=short",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-W",
        "ignore",
        "-c",
        os.devnull,
    ]
    pytest.main([*arguments, "--rootdir", "/", *options, "--pyargs", *paths], plugins=[plugin])
    return plugin


def main() -> int:
    """Run, print the counts, and fail for tests that fail without being explained."""
    given = tuple(a for a in sys.argv[1:] if not a.startswith("-"))
    plugin = run(given or FILES, tuple(a for a in sys.argv[1:] if a.startswith("-")))
    print(f"{'class':20} {'tests':>6} {'passed':>7} {'xfailed':>8} {'skipped':>8} {'failed':>7}  share")
    for name, ended in plugin.table().items():
        failed = ended["failed"] + ended["missing"]
        judged = ended["passed"] + ended["xpassed"] + ended["xfailed"] + failed
        share = (judged - failed) / judged if judged else 1.0
        print(
            f"{name:20} {sum(ended.values()):6} {ended['passed'] + ended['xpassed']:7} {ended['xfailed']:8} {ended['skipped']:8} {failed:7}  {share:.1%}"
        )
    unexplained = plugin.unexplained()
    for node in unexplained:
        what = "NOT EXPLAINED" if node in plugin.met else "NOT EXPLAINED, and none of ours was made in it:"
        print(what, node.split("tests/")[-1], "|", plugin.why.get(node, ""))
    unneeded = plugin.unneeded()
    for pattern in unneeded:
        print("EXPLAINED, AND DOES NOT FAIL", pattern)
    return 1 if unexplained or unneeded else 0


if __name__ == "__main__":
    sys.exit(main())
