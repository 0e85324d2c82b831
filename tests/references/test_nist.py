"""Against NIST's certified values."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

import bestline as bl
from bestline.api.model import Model
from references.examples import DATA, right_digits

pytestmark = pytest.mark.usefixtures("quiet")


NIST = json.loads((DATA / "nist.json").read_text(encoding="utf-8"))


def of_nist(name: str) -> Model:
    facts = NIST[name]
    x = np.array(facts["x"], dtype=float)
    y = np.array(facts["y"], dtype=float)
    if facts["kind"] == "multiple":
        return bl.fit({**{f"x{j}": x[:, j] for j in range(x.shape[1])}, "y": y}, target="y", solver="exact")
    powers = " + ".join(["x", *(f"I(x**{d})" for d in range(2, facts["degree"] + 1))])
    return bl.fit({"x": x[:, 0], "y": y}, f"y ~ {powers}{'' if facts['intercept'] else ' - 1'}")


# Digits that float64 moments are known to reach; Filip, degree 10, is beyond them and must say so.
NIST_REACHED = dict.fromkeys(("Norris", "NoInt1", "Longley", "Wampler1", "Filip"), 13.0)


@pytest.mark.parametrize("name", NIST)
def test_nist_problems_claim_no_more_digits_than_are_right(name: str):
    facts, model = NIST[name], of_nist(name)
    names = [model.names[-1], *model.names[:-1]] if facts["intercept"] else list(model.names)
    params, claimed = model.params[names].tolist(), model.digits[names].tolist()
    against = [[right_digits(v, t) for v, t in zip(params, facts[which], strict=True)] for which in ("exact", "certified")]
    true = [min(15.0, max(0.0, *pair)) for pair in zip(*against, strict=True)]  # certified values have 15 digits themselves
    assert all(c <= t for c, t in zip(claimed, true, strict=True)), (claimed, true)
    assert min(true) >= NIST_REACHED[name]
    told = any("digits are certain" in note or "combination" in note for note in model.notes)
    assert told == (min(claimed) < 8)


def test_filip_in_a_basis_of_its_own():
    """The powers of x are lost to float64 moments, their space is not: `poly` makes a basis that is well conditioned."""
    facts = NIST["Filip"]
    x, y = np.array(facts["x"], dtype=float)[:, 0], np.array(facts["y"], dtype=float)
    model = bl.fit({"x": x, "y": y}, "y ~ poly(x, 10)")
    row = model.glance().iloc[0]
    # A residual is a hundredth of y and the polynomials of degree 10 are good to some eleven digits.
    assert row["sigma"] == pytest.approx(float(facts["residual_sd"]), rel=1e-9)
    assert row["r_squared"] == pytest.approx(float(facts["r2"]), rel=1e-11)
    assert model.digits.min() >= 9  # of columns that float64 could not compute exactly
    exact = [Fraction(c) for c in facts["exact"]]
    for at in (-8.5, -6.0, -3.5):
        truth = float(sum(c * Fraction(at) ** d for d, c in enumerate(exact)))
        assert model.predict(at) == pytest.approx(truth, rel=1e-9)
