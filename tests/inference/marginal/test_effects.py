"""Marginal means, contrasts and slopes against statsmodels' t_test with rows of a design made by patsy, and by their own laws."""

from __future__ import annotations

import math
import warnings
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import patsy
import pytest
import statsmodels.formula.api as smf
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import studentized_range
from statsmodels.stats.multitest import multipletests

import bestline as bl
from bestline.errors import BestlineWarning, ColumnError, DataError, NumericalError, OptionError
from bestline.inference import marginal

pytestmark = pytest.mark.usefixtures("quiet")

# statsmodels solves by a pseudo-inverse of the same columns: some units of rounding times their condition, below 1e4 here.
SAME = {"rel": 1e-8, "abs": 1e-9}
NUMBERS = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]


def table(n: int = 180, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b = rng.choice(["p", "q", "r"], n, p=[0.5, 0.3, 0.2]), rng.choice(["u", "v"], n, p=[0.7, 0.3])
    x, z = rng.uniform(1, 9, n), rng.normal(0, 2, n)
    y = 1 + (a == "q") * (1 + 0.3 * x) + 2 * (b == "v") + 0.5 * x - 0.04 * x**2 + 0.3 * z + rng.normal(0, 0.5 + 0.1 * x, n)
    return pd.DataFrame({"a": a, "b": b, "x": x, "z": z, "y": y, "w": rng.uniform(0.2, 3, n), "firm": rng.integers(0, 15, n)})


def by_hand(
    formula: str, data: pd.DataFrame, grid: pd.DataFrame, shares: Any, cov: Any = None, weights: str | None = None
) -> pd.DataFrame:
    """statsmodels' test of rows of patsy's design at the grid, averaged by `shares` (m, rows)."""
    fitted = smf.ols(formula, data).fit() if weights is None else smf.wls(formula, data, weights=data[weights]).fit()
    if cov == "HC3":
        fitted = fitted.get_robustcov_results("HC3", use_t=True)
    elif cov is not None:
        fitted = fitted.get_robustcov_results("cluster", groups=data["firm"], use_t=True)
    info = (
        smf.ols(formula, data).data.model_spec
        if hasattr(smf.ols(formula, data).data, "model_spec")
        else smf.ols(formula, data).data.design_info
    )
    rows = np.asarray(shares) @ np.asarray(patsy.dmatrix(info, grid))
    frame = fitted.t_test(rows).summary_frame()
    frame.columns = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
    return frame


def agree(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    for name in NUMBERS:
        assert found[name].tolist() == pytest.approx(expected[name].tolist(), **SAME), name


def grid_of(**values: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(list(product(*values.values())), columns=list(values))


FORMULA = "y ~ a * x + b + np.log(x) + z"


@pytest.mark.parametrize("cov", [None, "HC3", {"cluster": "firm"}])
@pytest.mark.parametrize("weights", [None, "w"])
def test_means_are_tests_of_averaged_rows_of_the_design(cov: Any, weights: str | None):
    data = table()
    model = bl.fit(data, FORMULA.replace("np.", ""), weights=weights, **({} if cov is None else {"cov": cov}))
    w = None if weights is None else data["w"]
    mean = {name: np.average(data[name], weights=w) for name in ("x", "z")}
    grid = grid_of(a=["p", "q", "r"], b=["u", "v"]).assign(**mean)
    share = data.groupby("b")["w"].sum() / data["w"].sum() if weights else data["b"].value_counts(normalize=True)
    equal = np.kron(np.eye(3), [[0.5, 0.5]])
    observed = np.kron(np.eye(3), [[share["u"], share["v"]]])

    agree(model.means("a"), by_hand(FORMULA, data, grid, equal, cov, weights))
    agree(model.means("a", weights="observed"), by_hand(FORMULA, data, grid, observed, cov, weights))
    pairs = np.array([[-1, 1, 0], [-1, 0, 1], [0, -1, 1]]) @ equal
    agree(model.contrasts("a"), by_hand(FORMULA, data, grid, pairs, cov, weights))


def test_at_and_by_choose_the_rows():
    data = table()
    model = bl.fit(data, FORMULA.replace("np.", ""))
    grid = grid_of(x=[2.0, 5.0], b=["v"], a=["p", "q", "r"], z=[data["z"].mean()])

    found = model.means("a", by="x", at={"x": [2, 5], "b": "v"})

    assert found.columns.tolist() == ["a", "x", *NUMBERS]
    assert found[["a", "x"]].to_numpy().tolist() == [[a, x] for x in (2.0, 5.0) for a in ("p", "q", "r")]
    agree(found, by_hand(FORMULA, data, grid, np.eye(6)))
    # What has several values stands in rows, whether `by` names it or not.
    pd.testing.assert_frame_equal(model.means("a", at={"x": [2, 5], "b": "v"}), found)
    within = model.contrasts("a", at={"x": [2, 5], "b": "v"}, method="reference")
    agree(within, by_hand(FORMULA, data, grid, np.kron(np.eye(2), [[-1, 1, 0], [-1, 0, 1]])))


@pytest.mark.parametrize("formula", ["y ~ a + x + z", "y ~ a * x + z"])
@pytest.mark.parametrize("weights", [None, "w"])
def test_a_number_in_by_has_its_value_in_every_row_whether_it_counts_or_not(formula: str, weights: str | None):
    data = table()
    model = bl.fit(data, formula, weights=weights)
    mean = np.average(data["x"], weights=None if weights is None else data[weights])

    for found in (
        model.means("a", by="x"),
        model.contrasts("a", by="x"),
        model.slopes("z", by="x"),
        model.slopes("z", by=["a", "x"]),
    ):
        assert found["x"].tolist() == pytest.approx([mean] * len(found), **SAME)
        assert any(note.startswith("Numbers at their training mean:") and "`x` at" in note for note in found.attrs["notes"])
    agree(model.contrasts("a", by="x"), model.contrasts("a", at={"x": mean}))
    agree(model.slopes("z", by="x"), model.slopes("z"))


def test_observed_weights_of_several_categories_are_those_of_their_combinations():
    data = table(400).assign(c=lambda d: np.where(d["x"] + d["z"] > 6, "m", "n"))
    formula = "y ~ a + b * c + z"
    model = bl.fit(data, formula)
    grid = grid_of(a=["p", "q", "r"], b=["u", "v"], c=["m", "n"]).assign(z=data["z"].mean())
    share = data.groupby(["b", "c"]).size() / len(data)

    agree(model.means("a", weights="observed"), by_hand(formula, data, grid, np.kron(np.eye(3), share.to_numpy()[None])))
    # Averaged over rows of training, where nothing interacts with the term: what marginaleffects calls an average prediction.
    everyone = [model.predict(data.assign(a=level, z=data["z"].mean())).mean() for level in ("p", "q", "r")]
    assert model.means("a", weights="observed")["estimate"].tolist() == pytest.approx(everyone, **SAME)


def test_observed_weights_of_three_categories_come_from_the_moments_too():
    data = table(600).assign(c=lambda d: np.where(d["x"] + d["z"] > 6, "m", "n"), d=lambda d: np.where(d["z"] > 0, "s", "t"))
    model = bl.fit(data, "y ~ a + b * c * d")

    everyone = [model.predict(data.assign(a=level)).mean() for level in ("p", "q", "r")]

    assert model.means("a", weights="observed")["estimate"].tolist() == pytest.approx(everyone, **SAME)


CODED = ["C(b, Sum)", "C(b, Helmert)", "C(b, Treatment('v'))", "C(c, Diff)", "C(c, Poly)"]


@pytest.mark.parametrize("coding", CODED)
@pytest.mark.parametrize("weights", ["equal", "observed"])
def test_the_coding_of_a_category_changes_no_mean(coding: str, weights: str):
    data = table(400).assign(c=lambda d: np.select([d["x"] + d["z"] > 6, d["z"] > 1], ["m", "n"], "o"))
    formula = "y ~ a + b * c + a:x"
    plain, coded = bl.fit(data, formula), bl.fit(data, formula.replace(coding[2], coding))

    agree(coded.means("a", weights=weights), plain.means("a", weights=weights))
    both = [line.contrasts("c", by="b", weights=weights).sort_values(["b", "contrast"]) for line in (coded, plain)]
    agree(*both)
    agree(coded.slopes("x", by="a"), plain.slopes("x", by="a"))


EXPRESSIONS = [
    "log(x)",
    "poly(x, 3)",
    "poly(x, 3, raw=True)",
    "I(x**2) + x",
    "sqrt(x) * z",
    "center(x) * a",
    "a / exp(-x / 3)",
    "x * z * a",
]


@pytest.mark.parametrize("right", EXPRESSIONS)
def test_slopes_are_derivatives_of_predictions(right: str):
    data = table()
    model = bl.fit(data, f"y ~ {right}")
    values = [1.5, 4.0, 8.5]

    found = model.slopes(
        "x", by="a" if "a" in right.replace("raw", "") else None, at={"x": values, **({"z": 0.7} if "z" in right else {})}
    )

    levels = ["p", "q", "r"] if "a" in found else ["p"]
    expected = []
    for level, x in ((level, x) for level in levels for x in values):
        # Richardson's extrapolation of central differences: right to 1e-8 and more, for curves as smooth as these.
        at = {h: model.predict({"a": [level] * 2, "x": [x - h, x + h], "z": [0.7] * 2}) for h in (1e-2, 5e-3)}
        coarse, fine = ((p[1] - p[0]) / (2 * h) for h, p in at.items())
        expected.append((4 * fine - coarse) / 3)
    assert found["estimate"].tolist() == pytest.approx(expected, rel=1e-7, abs=1e-8)


def test_errors_of_slopes_are_those_of_the_delta_method_by_autograd():
    data = table()
    model = bl.fit(data, "y ~ a * poly(x, 2, raw=True) + z", cov="HC3")
    x = 3.0

    def slope(w: torch.Tensor) -> torch.Tensor:
        by = dict(zip(model.names, w, strict=True))
        name = "poly(x, 2, raw=True)"
        return by[f"{name}[1]"] + by[f"a[T.q]:{name}[1]"] + 2 * x * (by[f"{name}[2]"] + by[f"a[T.q]:{name}[2]"])

    weights = model.weights[:, 0].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(slope(weights), weights)
    found = model.slopes("x", by="a", at={"x": x, "a": ["q", "r"]})

    assert found.loc[0, "estimate"] == pytest.approx(float(slope(model.weights[:, 0])), rel=1e-9)
    variance = gradient @ model.covariance().covariance[0] @ gradient
    assert found.loc[0, "std_error"] == pytest.approx(math.sqrt(float(variance)), rel=1e-9)


def test_a_slope_says_what_it_depends_on_and_nothing_else():
    data = table()

    alone = marginal.slopes(bl.fit(data, "y ~ x + log(z + 20) + a"), "x")
    with_z = marginal.slopes(bl.fit(data, "y ~ x * z + a"), "x")

    assert not alone.notes
    assert with_z.notes == (f"Numbers at their training mean: `z` at {data['z'].mean():.6g}.",)


@pytest.mark.parametrize("adjust", ["none", "bonferroni", "sidak", "holm"])
def test_p_values_are_adjusted_as_statsmodels_adjusts_them(adjust: str):
    data = table().assign(g=lambda d: "f" + d["firm"].astype(str))
    model = bl.fit(data, "y ~ g + x")
    plain = model.contrasts("g")

    found = model.contrasts("g", adjust=adjust)

    expected = plain["p_value"] if adjust == "none" else multipletests(plain["p_value"], method=adjust)[1]
    assert found["p_value"].tolist() == pytest.approx(list(expected), rel=1e-10)
    assert ((found["conf_high"] - found["conf_low"]) >= (plain["conf_high"] - plain["conf_low"]) * (1 - 1e-12)).all()


def test_tukeys_intervals_and_p_values_say_the_same():
    model = bl.fit(table(), "y ~ a + x")

    found, df = model.contrasts("a", adjust="tukey", level=0.9), 180 - 4

    size = np.sqrt(2) * found["statistic"].abs()
    assert found["p_value"].tolist() == pytest.approx(studentized_range.sf(size, 3, df).tolist(), rel=1e-9, abs=1e-14)
    half = studentized_range.ppf(0.9, 3, df) / np.sqrt(2)
    assert (found["conf_high"] - found["estimate"]).tolist() == pytest.approx((half * found["std_error"]).tolist(), rel=1e-9)
    assert ((found["p_value"] < 0.1) == (found["conf_low"] * found["conf_high"] > 0)).all()
    # Two means are compared by Student's t itself.
    two = model.contrasts("a", adjust="tukey", at={"a": ["p", "q"]})
    assert two["p_value"].tolist() == model.contrasts("a", at={"a": ["p", "q"]})["p_value"].tolist()


def test_contrasts_of_ones_own_and_of_each_kind():
    model = bl.fit(table(), "y ~ a + x")
    mean = model.means("a").set_index("a")["estimate"]

    assert model.contrasts("x", at={"x": [1947, 1962.5]})["contrast"].tolist() == ["1962.5 - 1947"]
    assert model.contrasts("a")["contrast"].tolist() == ["q - p", "r - p", "r - q"]
    assert model.contrasts("a", method="reference")["contrast"].tolist() == ["q - p", "r - p"]
    assert model.contrasts("a", method="sequential")["contrast"].tolist() == ["q - p", "r - q"]
    from_mean = model.contrasts("a", method="mean")
    assert from_mean["estimate"].tolist() == pytest.approx((mean - mean.mean()).tolist(), **SAME)
    own = model.contrasts("a", method={"q and r against p": {"p": -1, "q": 0.5, "r": 0.5}})
    assert own["estimate"].tolist() == pytest.approx([mean["q"] / 2 + mean["r"] / 2 - mean["p"]], **SAME)
    assert model.contrasts("a", method="reference")["std_error"].tolist() == pytest.approx(
        model.bse[["a[T.q]", "a[T.r]"]].tolist(), **SAME
    )


def test_differences_of_rows_have_the_errors_of_the_differences():
    data = table()
    model = bl.fit(data, FORMULA.replace("np.", ""), cov="HC3")
    one = {"a": "q", "b": "v", "x": 4.0, "z": 1.0}

    found = model.difference(data.head(5), one)

    expected = by_hand(FORMULA, data, pd.concat([data.head(5), pd.DataFrame([one])]), np.c_[np.eye(5), -np.ones(5)], "HC3")
    agree(found, expected)
    with pytest.raises(DataError, match="5 rows and 3 others"):
        model.difference(data.head(5), data.head(3))


def test_several_targets_stand_below_each_other():
    data = table().assign(y2=lambda d: d["y"] ** 2)
    both = bl.fit(data, "y + y2 ~ a + x")

    found = both.contrasts("a")

    assert found["target"].tolist() == ["y"] * 3 + ["y2"] * 3
    for target in ("y", "y2"):
        own = bl.fit(data, f"{target} ~ a + x").contrasts("a")
        agree(found[found["target"] == target].reset_index(), own)


def test_cells_without_a_row_have_no_mean_and_are_named():
    data = table()
    data = data[(data["a"] != "r") | (data["b"] != "v")]
    model = bl.fit(data, "y ~ a * b + x")

    with pytest.warns(BestlineWarning, match="Not known: r, v "):
        cells = model.means("a:b")
    with pytest.warns(BestlineWarning, match="Not known: r "):
        averaged = model.means("a")

    known = ~((cells["a"] == "r") & (cells["b"] == "v"))
    assert cells["estimate"].isna().tolist() == (~known).tolist()
    assert averaged["estimate"].isna().tolist() == [False, False, True]
    # The rest is what the line of the cells that have rows says.
    cell = data.assign(cell=data["a"] + data["b"])
    own = bl.fit(cell, "y ~ cell + x").means("cell")
    assert sorted(cells["estimate"].dropna()) == pytest.approx(sorted(own["estimate"]), **SAME)


def test_columns_that_say_the_same_leave_what_is_determined():
    data = table().assign(twice=lambda d: 2 * d["x"])
    model = bl.fit(data, "y ~ a + x + twice")

    agree(model.contrasts("a"), bl.fit(data, "y ~ a + x").contrasts("a"))
    with pytest.warns(BestlineWarning, match="do not determine"):
        assert model.slopes("x")["estimate"].isna().all()
    agree(model.means("a"), bl.fit(data, "y ~ a + x").means("a"))  # at the means twice is 2 x


def test_a_penalised_line_has_means_without_errors():
    data = table()
    model = bl.fit(data, "y ~ a + x", l2=0.1)

    with pytest.warns(BestlineWarning, match="no standard errors: .*penalty"):
        found = model.means("a")

    expected = model.predict(pd.DataFrame({"a": ["p", "q", "r"], "x": data["x"].mean()}))
    assert found["estimate"].tolist() == pytest.approx(expected.tolist(), **SAME)
    assert found[["std_error", "p_value", "conf_low"]].isna().all().all()
    with pytest.raises(NumericalError, match="penalty"):
        model.means("a", cov="HC3")


def test_a_model_from_its_file_or_from_moments_says_the_same(tmp_path: Any):
    data = table()
    formula = "y ~ a * x + poly(z, 2)"
    model = bl.fit(data, formula, cov="HC3")
    model.save(tmp_path / "m.bestline")

    loaded = bl.load(tmp_path / "m.bestline")

    pd.testing.assert_frame_equal(loaded.means("a"), model.means("a"))
    pd.testing.assert_frame_equal(loaded.slopes("x", by="a"), model.slopes("x", by="a"))
    moments = bl.fit(bl.Moments.collect(data, formula))
    agree(moments.contrasts("a"), bl.fit(data, formula).contrasts("a"))


def test_the_mean_of_a_number_that_no_column_tells_is_read_or_asked_for(tmp_path: Any):
    data = table()
    model = bl.fit(data, "y ~ a + log(x)")
    model.save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")

    with pytest.raises(OptionError, match=r"mean of `x` is not known.*log\(x\).*at=\{'x'"):
        loaded.means("a")

    agree(loaded.means("a", data=data), model.means("a"))
    agree(loaded.means("a", at={"x": data["x"].mean()}), model.means("a"))
    agree(loaded.contrasts("a"), model.contrasts("a"))  # the number cancels

    bl.fit(data, "y ~ a + a:x").save(tmp_path / "p.bestline")
    with pytest.raises(
        OptionError, match=r"mean of `x` is not known.* does not know it of what stands in products alone.*at=\{'x'"
    ):
        bl.load(tmp_path / "p.bestline").means("a")


@pytest.mark.parametrize("weights", [None, "w"])
def test_the_mean_of_a_number_is_that_of_all_parts_of_a_stream(weights: str | None):
    data = table()
    parts = [data[:10], data[10:100], data[100:]]
    whole = bl.fit(data, "y ~ a + log(x)", weights=weights)
    line = bl.fit(bl.stream(lambda: iter(parts)), "y ~ a + log(x)", weights=weights)
    agree(line.means("a"), whole.means("a"))
    share = np.ones(len(data)) if weights is None else data[weights]
    agree(whole.means("a"), whole.means("a", at={"x": float(np.average(data["x"], weights=share))}))


def test_true_and_false_are_levels():
    data = table().assign(late=lambda d: d["x"] > 4)
    model = bl.fit(data, "y ~ late + a")

    found = model.means("late")

    assert found["late"].tolist() == ["False", "True"]
    assert model.contrasts("late")["estimate"].tolist() == pytest.approx([model.params["late"]], **SAME)
    share = data["late"].mean()
    by_level = model.means("a", at={"late": [True, False]}).groupby("a")["estimate"]
    observed = model.means("a", weights="observed")["estimate"]
    assert observed.tolist() == pytest.approx((by_level.first() * share + by_level.last() * (1 - share)).tolist(), **SAME)


REFUSED = [
    (lambda m: m.means("nothing"), ColumnError, "no column `nothing`"),
    (lambda m: m.means("y"), ColumnError, "what the line predicts"),
    (lambda m: m.means("a", at={"a": "s"}), ColumnError, "no level `s` in `a`"),
    (lambda m: m.means("a", at={"x": "far"}), OptionError, "finite number for `x`"),
    (lambda m: m.means("a", at={"x": math.nan}), OptionError, "finite number for `x`"),
    (lambda m: m.means("a", at={"x": []}), OptionError, "no value"),
    (lambda m: m.means("a", at=[1]), OptionError, "`at` says by column"),
    (lambda m: m.means("a", by="a"), OptionError, "asked for twice"),
    (lambda m: m.means("a", weights="cells"), OptionError, "equal, observed"),
    (lambda m: m.means("a", level=95), OptionError, "write 0.95"),
    (lambda m: m.means("a", at={"x": range(10_001)}), DataError, "10,000 are the most"),
    (lambda m: m.means(3), OptionError, "name of a column"),
    (lambda m: m.contrasts("x"), OptionError, "give the values to compare"),
    (lambda m: m.contrasts("a", at={"a": "p"}), OptionError, "one level here"),
    (lambda m: m.contrasts("a", method="all"), OptionError, "pairwise"),
    (lambda m: m.contrasts("a", adjust="tukey", method="reference"), OptionError, "all pairs"),
    (lambda m: m.contrasts("a", adjust="scheffe"), OptionError, "adjustment"),
    (lambda m: m.contrasts("a", method={"c": {"p": 1}}), OptionError, "add up to zero"),
    (lambda m: m.contrasts("a", method={"c": {"s": 1, "p": -1}}), ColumnError, "no level `s`"),
    (lambda m: m.slopes("a"), OptionError, "category, which has no slope"),
    (lambda m: m.slopes(["x", "z"]), OptionError, "one column"),
]


@pytest.mark.parametrize(("call", "kind", "said"), REFUSED)
def test_what_a_line_has_not_is_refused_by_name(call: Any, kind: type[Exception], said: str):
    model = bl.fit(table(60), "y ~ a + x + z")

    with pytest.raises(kind, match=said):
        call(model)


def test_a_function_that_is_no_number_there_has_no_estimate():
    model = bl.fit(table(), "y ~ a + log(x)")

    with pytest.warns(BestlineWarning, match="not a finite number there"):
        found = model.means("a", at={"x": [-1, 2]})

    assert found["estimate"].isna().tolist() == [True] * 3 + [False] * 3


def test_where_a_column_bends_sharply_or_jumps_there_is_no_slope():
    data = table()
    model = bl.fit(data, "y ~ abs(x - 4) + floor(x) + I(x**2)")

    with pytest.warns(BestlineWarning, match="has no slope"):
        found = model.slopes("x", at={"x": [3, 3.5, 4, 4.5]})

    assert found["estimate"].isna().tolist() == [True, False, True, False]
    expected = [sign * model.params["abs(x - 4)"] + 2 * x * model.params.iloc[2] for sign, x in ((-1, 3.5), (1, 4.5))]
    assert found["estimate"].dropna().tolist() == pytest.approx(expected, **SAME)


def test_a_term_may_be_named_as_in_the_formula():
    data = table().assign(k=lambda d: d["firm"] % 3)
    model = bl.fit(data, "y ~ C(k) * a + log(x)")

    for name in ("k:a", "k * a", "C(k):a", "k, a", ["k", "a"], ["C(k)", "a"]):
        pd.testing.assert_frame_equal(model.means(name), model.means(["k", "a"]))
    # Either spelling of a category, whichever the formula has.
    for name in ("C(a)", "C( a )", "C(`a`)", ["C(a)"], 'relevel(a, "q")', "C(a, Treatment('q'))"):
        pd.testing.assert_frame_equal(model.means(name), model.means("a"))
        pd.testing.assert_frame_equal(model.contrasts(name), model.contrasts("a"))
    pd.testing.assert_frame_equal(model.means("k:C(a)"), model.means(["k", "a"]))
    pd.testing.assert_frame_equal(model.slopes("x", by="C(a)", at={"C(a)": "q"}), model.slopes("x", by="a", at={"a": "q"}))
    coded = bl.fit(data, "y ~ C(a, Sum) * x")
    pd.testing.assert_frame_equal(coded.contrasts("C(a)"), coded.contrasts("a"))
    with pytest.raises(ColumnError, match=r"no column `C\(x\)`"):
        model.means("C(x)")
    assert model.means("k", at={"k": [0, 2]})["k"].tolist() == ["0", "2"]
    assert model.slopes("log(x)", at={"x": 2.0})["estimate"].tolist() == pytest.approx([model.params["log(x)"] / 2], **SAME)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 1e6))
def test_an_offset_of_a_column_changes_no_mean(seed: int, offset: float):
    data = table(60, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = bl.fit(data, "y ~ a + x"), bl.fit(data.assign(x=data["x"] + offset), "y ~ a + x")
        first, second = one.means("a"), other.means("a")

    for name in NUMBERS[:2]:
        assert second[name].tolist() == pytest.approx(first[name].tolist(), rel=1e-7, abs=1e-9)


def test_a_line_through_every_point_has_errors_of_zero():
    data = pd.DataFrame({"g": ["a", "b", "c"] * 4, "x": np.arange(12.0)})
    model = bl.fit(data.assign(y=2 * data["x"] + (data["g"] == "b")), "y ~ g + x")

    found = model.contrasts("g", method="reference")

    assert found["estimate"].tolist() == pytest.approx([1, 0], abs=1e-12)
    assert found["std_error"].tolist() == pytest.approx([0, 0], abs=1e-12)


def test_a_frame_says_whose_errors_it_has():
    found = bl.fit(table(), "y ~ a + x", cov={"cluster": "firm"}).means("a")

    assert found.attrs["cov"].startswith("cluster")
    assert found.attrs["df"] == 14
    assert found.attrs["notes"] == [f"Numbers at their training mean: `x` at {table()['x'].mean():.6g}."]


def test_an_offset_counts_in_means_and_in_slopes_of_its_column():
    data = table()
    model = bl.fit(data, "y ~ a + x + offset(0.7 * z + log(x))")
    mean = data[["x", "z"]].mean()

    means, steep = model.means("a"), model.slopes("x", at={"x": 4.0})

    grid = pd.DataFrame({"a": ["p", "q", "r"], "x": mean["x"], "z": mean["z"]})
    assert means["estimate"].tolist() == pytest.approx(model.predict(grid).tolist(), **SAME)
    assert steep["estimate"].tolist() == pytest.approx([model.params["x"] + 0.25], **SAME)
    assert steep["std_error"].tolist() == pytest.approx([model.bse["x"]], **SAME)
    assert model.slopes("z")["estimate"].tolist() == pytest.approx([0.7], **SAME)
    agree(
        model.contrasts("a"), bl.fit(data.assign(y=data["y"] - 0.7 * data["z"] - np.log(data["x"])), "y ~ a + x").contrasts("a")
    )
    ahead = model.contrasts("x", at={"x": [1.0, 2.0, 4.0]})
    assert ahead["estimate"].tolist() == pytest.approx(
        [d * model.params["x"] + math.log(r) for d, r in ((1, 2), (3, 4), (2, 2))], **SAME
    )
    assert ahead["std_error"].tolist() == pytest.approx([d * model.bse["x"] for d in (1, 3, 2)], **SAME)
    apart = model.difference({"a": "q", "x": 2.0, "z": 1.0}, {"a": "p", "x": 1.0, "z": 0.0})
    expected = model.params["a[T.q]"] + model.params["x"] + 0.7 + math.log(2)
    assert apart["estimate"].tolist() == pytest.approx([expected], **SAME)


def test_absorbed_effects_leave_contrasts_and_slopes():
    data = table(300)
    absorbed, columns = bl.fit(data, "y ~ a * x + log(z + 20) | firm"), bl.fit(data, "y ~ a * x + log(z + 20) + C(firm)")

    agree(absorbed.contrasts("a"), columns.contrasts("a"))
    agree(absorbed.slopes("x", by="a"), columns.slopes("x", by="a"))
    agree(absorbed.slopes("z"), columns.slopes("z"))
    with pytest.raises(OptionError, match="marginal mean needs the errors of effects"):
        absorbed.means("a")
    with pytest.raises(OptionError, match="effects of `firm` are absorbed"):
        absorbed.contrasts("firm")
    with pytest.raises(OptionError, match="absorbed effects"):
        absorbed.difference(data.head(1), data.tail(1))


@pytest.mark.parametrize("cov", ["classical", "HC1", "HC3", "cluster:firm"])
def test_frequency_weights_are_rows_repeated(cov: str):
    data = table(80).assign(n=lambda d: 1 + d["firm"] % 3)
    counted = bl.fit(data, "y ~ a * x + b", weights="n", weight_kind="frequency", cov=cov)
    repeated = bl.fit(data.loc[data.index.repeat(data["n"])].reset_index(drop=True), "y ~ a * x + b", cov=cov)

    for weights in ("equal", "observed"):
        agree(counted.means("a", weights=weights), repeated.means("a", weights=weights))
    agree(counted.contrasts("a", adjust="tukey"), repeated.contrasts("a", adjust="tukey"))
    agree(counted.slopes("x", by="a"), repeated.slopes("x", by="a"))


@pytest.mark.parametrize("target", ["y", "y + u"])
def test_under_bounds_the_errors_are_those_of_the_line_without_what_is_held(target: str) -> None:
    r = np.random.default_rng(3)
    f = pd.DataFrame({"x": 5 + 3 * r.normal(size=120), "z": r.normal(size=120), "g": r.choice(list("abc"), size=120)})
    f["y"] = 2 * f.x - f.z + (f.g == "b") + r.normal(size=120)
    f["u"] = f.x - f.z + r.normal(size=120)
    with pytest.warns(BestlineWarning, match="Bounds hold `z`"):
        held = bl.fit(f, f"{target} ~ x * g + z", bounds={"z": (0, None)})
    free = bl.fit(f, f"{target} ~ x * g")
    other = {"x": [1.0, 4.0], "g": ["a", "c"], "z": [3.0, 3.0]}
    ways = (
        lambda m, **cov: m.means("g", at={"x": [-1, 7]}, **cov),
        lambda m, **cov: m.contrasts("g", **cov),
        lambda m, **cov: m.slopes("x", by="g", **cov),
        lambda m, **cov: m.difference({**other, "x": [2.0, 2.0]}, other, **cov),
    )
    for way, cov in product(ways, ({}, {"cov": "classical"})):
        ours, theirs = way(held, **cov), way(free)
        numbers = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
        assert ours.std_error.gt(0).all()
        np.testing.assert_allclose(ours[numbers], theirs[numbers], rtol=1e-8, atol=1e-12)
        assert ours.attrs["cov"] == "restricted least squares, given which bounds hold the line"


def test_a_slope_that_a_constraint_fixes_has_no_error() -> None:
    r = np.random.default_rng(4)
    f = pd.DataFrame({"x": r.normal(size=40), "z": r.normal(size=40), "copy": 0.0}).assign(copy=lambda f: 2 * f.z)
    f["y"] = f.x + f.z + r.normal(size=40)
    found = bl.fit(f, "y ~ x + z", constraints="x = 1").slopes("x")
    assert (found.estimate[0], found.std_error[0]) == (1.0, 0.0)
    with pytest.warns(BestlineWarning, match="copy"):
        lost = bl.fit(f, "y ~ x + z + copy", constraints="x = 1")
    with pytest.warns(BestlineWarning, match="do not determine"):
        rows = lost.slopes("z")
    assert rows[["estimate", "std_error"]].isna().all(axis=None)


def test_as_many_rows_as_weights_leave_means_without_errors():
    with pytest.warns(BestlineWarning, match="no degrees of freedom"):
        model = bl.fit({"x": [1, 2, 3.0], "g": ["a", "b", "a"], "y": [1, 2, 5.0]}, "y ~ g + x")
    with pytest.warns(BestlineWarning, match=r"There are no standard errors: no residual degrees of freedom are left\."):
        found = model.means("g")
    assert found["estimate"].tolist() == pytest.approx([3.0, 2.0])
    assert found[["std_error", "statistic", "p_value", "conf_low", "conf_high"]].isna().all().all()
