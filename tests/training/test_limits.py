"""What people write of bounds and constraints, and what of it is refused before or after the columns are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

import bestline as bl
from bestline.errors import OptionError
from bestline.training.limits import ALL, read_bounds, read_constraints

pytestmark = pytest.mark.usefixtures("quiet")
INF = math.inf


def table(n: int = 40, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    data = {"price": rng.normal(size=n), "size": rng.normal(size=n) + 5, "kind": rng.choice(["a", "b", "c, d"], n)}
    return data | {"y": 1 + data["price"] - 0.5 * data["size"] + rng.normal(size=n)}


@pytest.mark.parametrize(
    ("bounds", "read"),
    [
        (None, {}),
        ({}, {}),
        ((0, None), {ALL: (0.0, INF)}),
        ([None, 2], {ALL: (-INF, 2.0)}),
        ("0:", {ALL: (0.0, INF)}),
        ({"price": (None, 0)}, {"price": (-INF, 0.0)}),
        ({"price": [1, 1]}, {"price": (1.0, 1.0)}),
        ({"a": (-math.inf, np.float64(3))}, {"a": (-INF, 3.0)}),
        ("price=:0", {"price": (-INF, 0.0)}),
        ("price=:0, size=-1.5e-3:2;z = :", {"price": (-INF, 0.0), "size": (-0.0015, 2.0), "z": (-INF, INF)}),
        (["price=:0", "C(g)[T.a=b]=0:1", "a:b=0:", "poly(x, 2)[1]=:0"],
         {"price": (-INF, 0.0), "C(g)[T.a=b]": (0.0, 1.0), "a:b": (0.0, INF), "poly(x, 2)[1]": (-INF, 0.0)}),
    ],
)  # fmt: skip
def test_bounds_are_read_as_they_are_written(bounds, read):
    assert read_bounds(bounds) == read


@pytest.mark.parametrize(
    "bounds",
    [5, True, 0.0, (1,), (1, 2, 3), (2, 1), {"price": 0}, {"price": (1, 0)}, {"price": ("a", None)}, {"price": (True, None)},
     {"price": (math.nan, 1)}, {"price": (INF, None)}, {3: (0, 1)}, {"": (0, 1)}, "", "price", "price=0", "price=2:1", "price=a:b",
     "price=:0, price=0:", ["price=:0", "price=1:"], np.array([0.0, 1.0, 2.0]), "=:"],
)  # fmt: skip
def test_what_is_no_bound_is_refused_before_a_row_is_read(bounds):
    with pytest.raises(OptionError, match=r"\.$"):
        bl.fit("no such file.csv", "y ~ price", bounds=bounds)


@pytest.mark.parametrize("constraints", [5, "", " ", ["a = 1", ""], [1], {"a": 1}, b"a = 1"])
def test_what_is_no_constraint_is_refused_before_a_row_is_read(constraints):
    with pytest.raises(OptionError, match=r"\.$"):
        bl.fit("no such file.csv", "y ~ price", constraints=constraints)
    assert read_constraints("a = 1") == ("a = 1",)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"bounds": {"pric": (0, None)}}, "did you mean `price`"),
        ({"bounds": {"intercept": (0, None)}}, "did you mean `Intercept`"),
        ({"constraints": "price + siz = 1"}, "did you mean `size`"),
        ({"constraints": "price + size"}, "says nothing yet"),
        ({"constraints": "price * size = 1"}, "linear"),
        ({"constraints": "1 = 1"}, "names no weight"),
        ({"constraints": "price - price = 0"}, "names no weight"),
        ({"constraints": "price ="}, "cannot be read at its end"),
        ({"constraints": "price <> 1"}, "cannot be read"),
        ({"constraints": "price = 1, price = 2"}, "No weights meet `price = 1` and `price = 2` all at once"),
        ({"constraints": "price + size = 1", "bounds": {"price": (2, None), "size": (0, None)}},
         "No weights meet `price + size = 1`, `price >= 2` and `size >= 0` all at once"),
        ({"constraints": "price >= 1; price <= 0"}, "all at once"),
        ({"bounds": (0, None), "solver": "adam"}, "without solver 'adam'"),
        ({"bounds": (0, None), "lr": 0.1}, "without `lr`"),
        ({"bounds": (0, None), "aliased": "drop"}, "without `aliased`"),
        ({"bounds": (0, None), "loss": "huber"}, "for the squared loss"),
        ({"bounds": (0, None), "forward": lambda X, w, b: X @ w + b}, "own forward function"),
        ({"bounds": (0, None), "l1": 0.1}, "not with `l1=0.1`"),
        ({"bounds": (0, None), "cv": "ridge"}, "not with `cv='ridge'`"),
        ({"bounds": (0, None), "formula": "y ~ price | kind"}, "not absorbed behind a bar"),
        ({"bounds": (0, None), "cov": "HC3"}, "under them errors are classical"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence(asked, said):
    with pytest.raises(OptionError, match=r"\.$|\?$") as refused:
        bl.fit(table(), **{"formula": "y ~ price + size", **asked})
    assert said in str(refused.value)


def test_a_line_without_an_intercept_has_none_to_bound():
    with pytest.raises(OptionError, match="no weight `Intercept`"):
        bl.fit(table(), "y ~ price + size - 1", bounds={"Intercept": (0, None)})


def test_the_nearer_word_counts_a_column_before_its_term_before_all():
    model = bl.fit(table(), "y ~ price + kind", bounds=["kind[T.b]=5:5", "kind=0:0", "-1:"])
    limits = model.plan.limits
    assert dict(zip(limits.names, zip(limits.lower, limits.upper, strict=True), strict=True)) == {
        "price": (-1.0, INF), "kind[T.b]": (5.0, 5.0), "kind[T.c, d]": (0.0, 0.0), "Intercept": (-INF, INF)
    }  # fmt: skip


def test_inequalities_and_chains_are_taken_as_they_are_written():
    model = bl.fit(
        table(), "y ~ price + size", constraints="0 <= price <= 0.5; size >= -0.1\nIntercept = 2 * price".replace("\n", ",")
    )
    price, size, intercept = model.params
    assert price <= 0.5
    assert size >= -0.1 - 1e-12
    assert intercept == pytest.approx(2 * price, rel=1e-12)


def test_redundant_constraints_are_fine():
    once = bl.fit(table(), "y ~ price + size", constraints="price + size = 1")
    twice = bl.fit(
        table(), "y ~ price + size", constraints=["price + size = 1", "2 * price = 2 - 2 * size", "price + size <= 1"]
    )
    assert twice.params.tolist() == pytest.approx(once.params.tolist(), rel=1e-12)
    assert twice.bse.tolist() == pytest.approx(once.bse.tolist(), rel=1e-9)


@pytest.mark.parametrize("bounds", [(None, None), (-math.inf, math.inf), {"price": (None, None)}, "price=:"])
def test_bounds_without_ends_leave_the_line_as_it_is(bounds):
    model = bl.fit(table(), "y ~ price + size", bounds=bounds)
    assert "Bounds: none." in str(model.summary())
    free = bl.fit(table(), "y ~ price + size")
    assert model.params.tolist() == pytest.approx(free.params.tolist(), rel=1e-9)
    assert model.bse.tolist() == pytest.approx(free.bse.tolist(), rel=1e-9)


def test_a_weight_of_0_has_no_sign():
    model = bl.fit(table(), "y ~ price + size", constraints="0 <= price <= 0")
    assert model.params.price == 0
    assert not np.signbit(model.params.price)


@pytest.mark.parametrize("word", ["positive", "nonnegative", "lb"])
def test_words_of_other_libraries_find_bounds(word: str):
    with pytest.raises(OptionError, match="`bounds`"):
        bl.fit(table(), "y ~ price", **{word: True})


def test_lines_of_groups_say_where_bounds_are():
    with pytest.raises(OptionError, match="those of one line"):
        bl.fit_groups(table(), "y ~ price", by="kind", bounds=(0, None))
