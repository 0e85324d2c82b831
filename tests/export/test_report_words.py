"""What a report says to somebody who does not program: no code outside the recipe, and of rounding only what is so."""

from __future__ import annotations

import re
from functools import partial
from html import unescape
from typing import Any

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.export.report.words import coefficients, digits_said, scores_of
from bestline.training import Stop

pytestmark = pytest.mark.usefixtures("quiet")


def table() -> dict[str, np.ndarray]:
    x, z, e = np.random.default_rng(0).normal(size=(3, 60))
    return {"x": x, "z": z, "y": x + e}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"l1": 0.1},
        {"l2": 0.1},
        {"cv": "lasso"},
        {"loss": "huber"},
        {"loss": "absolute"},
        {"solver": "sgd", "lr": 0.1, "steps": 5},
        {"solver": partial(torch.optim.SGD, momentum=0.8), "lr": 0.1, "steps": 5},
        {"solver": "adam", "batch_size": 10, "steps": 5},
        {"solver": "sgd", "lr": 3.0, "steps": 50},
        {"solver": "stochastic"},
        {"solver": "lbfgs"},
    ],
)
def test_no_code_stands_outside_the_recipe(options: dict[str, Any]) -> None:
    model = bl.fit(table(), "y ~ x + z", **options)
    page = re.sub(r"<(script|style|pre)\b.*?</\1>", " ", model.report().html, flags=re.DOTALL)
    text = unescape(re.sub(r"<[^>]*>", " ", page))
    said = " ".join([text, *re.findall(r'alt="([^"]*)"', page)])
    for code in ("Descent", "Exact()", "Proximal", "Stochastic(", "InteriorPoint", "None", "tol=", "violation", "At least 0"):
        assert code not in said, code
    assert model.stop is Stop.DIVERGED or "Training" in said


def close(apart: float, *, rows: bool = False) -> bl.Model:
    """Two columns that near to each other; of moments alone, whose digits are those that float64 leaves."""
    rng = np.random.default_rng(1)
    one = 1000 + rng.normal(size=40)
    data = {"one": one, "two": one + apart * rng.normal(size=40), "y": one + rng.normal(size=40)}
    return bl.fit(data if rows else bl.Moments.collect(data, "y ~ one + two"), "y ~ one + two" if rows else None)


def test_of_rounding_it_is_said_what_is_so() -> None:
    seen = set()
    for apart in (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 3e-5, 1e-5, 3e-6):
        model = close(apart)
        least, said = int(model.right_digits.min()), digits_said(model)
        assert "At least" not in said
        kind = "all" if least >= 6 else "some" if least else "none"
        seen.add(kind)
        assert {"all": "right in every digit shown", "some": f"no more than {least} digit", "none": "first digit"}[kind] in said
        assert ("right digits" in coefficients(model, 0).head) == (least < 12)
    assert seen == {"all", "some", "none"}
    assert "right in every digit shown" in digits_said(close(1e-6, rows=True))


@pytest.mark.parametrize("options", [{"l1": 0.1}, {"loss": "huber"}, {"solver": "sgd", "steps": 3}])
def test_where_right_digits_are_not_known_nothing_is_said_of_them(options: dict[str, Any]) -> None:
    model = bl.fit(table(), "y ~ x + z", **options)
    assert not digits_said(model)
    assert "right digits" not in coefficients(model, 0).head
    assert "digit" not in re.sub(r"<(script|style|pre)\b.*?</\1>", " ", model.report().html, flags=re.DOTALL)


def text_of(model: bl.Model) -> str:
    page = re.sub(r"<(script|style|pre)\b.*?</\1>", " ", model.report().html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


@pytest.mark.parametrize("options", [{"l1": 0.1}, {"l2": 0.1}])
def test_why_a_penalty_leaves_no_standard_errors_is_said_in_one_place(options: dict[str, Any]) -> None:
    said = text_of(bl.fit(table(), "y ~ x + z", **options))
    assert "Classical standard errors do not hold under a penalty" in said
    assert "No standard errors:" not in said


def test_a_line_that_explains_nearly_all_is_not_said_to_explain_all() -> None:
    x = np.linspace(0, 1, 60)
    y = x + 0.02 * np.random.default_rng(0).normal(size=60)
    model = bl.fit({"x": x, "y": y}, "y ~ x")
    assert 0.995 < model.held_out.r2[0] < 1
    assert "It explains 99% of the variation" in text_of(model)


def test_each_test_of_a_report_is_followed_by_its_question() -> None:
    said = text_of(bl.fit(table(), "y ~ x + z"))
    assert re.search(r"Durbin-Watson: [\d.]+\. Are residuals autocorrelated\? about 2 if not", said)
    assert re.search(r"Breusch-Pagan: [^ ]+ = [\d.]+, p = [\d.]+\. Heteroscedasticity: ", said)


@pytest.mark.parametrize("options", [{"l1": 0.1}, {"loss": "huber"}])
def test_readers_are_told_that_it_converged_and_engineers_how_nearly(options: dict[str, Any]) -> None:
    model = bl.fit(table(), "y ~ x + z", **options)
    assert re.search(r"\(violation \d\.\de-\d+, tolerance 1e-\d+\)\.$", model.advice)
    assert model.summary().facts["stop"] == model.advice
    for page in (text_of(model), " ".join(str(model.summary()).split())):
        assert f"Converged at step {model.trace.step[-1]}: the weights are at the optimum, within the tolerance." in page
        assert "violation" not in page


def test_each_target_has_its_own_errors():
    """From the rows and the line: of the two the second has errors ten times as large."""
    data = table()
    data["y2"] = 10 * data["y"] + data["z"] ** 2
    model = bl.fit(data, "y + y2 ~ x", loss="huber")
    told = scores_of(model)
    assert len(told) == 4
    for line, target in zip(told, ("y", "y2"), strict=False):
        away = data[target] - data["x"] * model.params.loc["x", target] - model.params.loc["Intercept", target]
        r2 = 1 - (away**2).sum() / ((data[target] - data[target].mean()) ** 2).sum()
        found = re.fullmatch(rf"Training error of {target}: RMSE (\S+), MAE (\S+), R2 (\S+) \(60 training rows\)\.", line)
        assert found is not None, line
        assert [float(number) for number in found.groups()] == pytest.approx(
            [np.sqrt((away**2).mean()), np.abs(away).mean(), r2], rel=1e-3
        )
    assert told[2].startswith("Held-out error of y: ")
    assert told[3].startswith("Held-out error of y2: ")
