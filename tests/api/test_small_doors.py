"""Small doors: what people try once, by habit, and must not be taken for something else without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import bestline as bl
from bestline.errors import ColumnError, OptionError

X = np.arange(8.0)
TABLE = {"x": X, "y": X**1.1}
pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


def test_a_model_is_not_fitted_again() -> None:
    with pytest.raises(OptionError, match=r"fitted already.*bestline.fit"):
        bl.fit(TABLE, "y ~ x").fit(TABLE, "y ~ x")


def test_percent_for_a_share() -> None:
    model = bl.fit(TABLE, "y ~ x")
    for asked in (
        lambda: model.predict(TABLE, interval="prediction", level=95),
        lambda: model.conf_int(95),
        lambda: model.summary(95),
        lambda: model.augment(level=95),
    ):
        with pytest.raises(OptionError, match=r"got 95 \(for 95% write 0.95\)"):
            asked()
    with pytest.raises(OptionError, match=r"write 0\.995"):
        model.conf_int(99.5)
    with pytest.raises(OptionError, match=r"got -1\.$"):
        model.conf_int(-1)


@pytest.mark.parametrize("level", [0.9, 95])
def test_a_level_without_an_interval_is_not_ignored(level: float) -> None:
    with pytest.raises(OptionError, match="say which: interval='prediction'"):
        bl.fit(TABLE, "y ~ x").predict(TABLE, level=level)


def test_sum_joins_moments() -> None:
    parts = [bl.Moments.collect({"x": X[i], "y": X[i] ** 1.1}, "y ~ x", seed=1) for i in (slice(0, 4), slice(4, 8))]
    whole = sum(parts)
    assert isinstance(whole, bl.Moments)
    assert whole.rows == 8
    assert bl.fit(whole).coef["x"] == pytest.approx(bl.fit(TABLE, "y ~ x").coef["x"], rel=1e-12)
    for other in (1, 0.0, None, "x"):
        with pytest.raises(TypeError):
            other + parts[0]


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(),
        nn.CrossEntropyLoss,
        nn.BCEWithLogitsLoss(),
        nn.NLLLoss(),
        nn.functional.cross_entropy,
        nn.KLDivLoss(),
    ],
)
def test_a_loss_of_classes_is_none_of_a_line(loss: Any) -> None:
    with pytest.raises(OptionError, match="is a loss of classes, and a line predicts numbers; use squared"):
        bl.fit(TABLE, "y ~ x", loss=loss)


def test_other_losses_of_torch_are_taken() -> None:
    for loss in (nn.MSELoss, nn.SmoothL1Loss(), lambda p, y: (p - y) ** 2):
        assert bl.fit(TABLE, "y ~ x", loss=loss).coef["x"] == pytest.approx(1.22, abs=0.05)


class CrossEntropyLoss(nn.Module):  # somebody's own, of that name
    def forward(self, prediction: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (prediction - y) ** 2


def test_an_own_loss_has_any_name() -> None:
    assert bl.fit(TABLE, "y ~ x", loss=CrossEntropyLoss()).coef["x"] == pytest.approx(1.22, abs=0.05)


def test_bytes_are_no_text_in_any_door() -> None:
    model = bl.fit({"y": [1.0, 2, 3, 5.5], "g": ["2", "3", "2", "3"]}, "y ~ C(g)")
    for new in ({"g": [b"2"]}, {"g": np.array([b"2"])}, {"g": b"2"}, pd.DataFrame({"g": [b"2", b"3"]})):
        with pytest.raises(ColumnError, match=r"`g` is binary \(bytes, which .decode\(\) makes text\)"):
            model.predict(new)
    with pytest.raises(ColumnError, match=r"\.decode\(\)"):
        bl.fit({"y": [1.0, 2, 3], "g": [b"2", b"3", b"2"]}, "y ~ g")


@pytest.mark.parametrize("values", [{"a": 1}, {0: 1.0, 1: 2.0}, "12", {1.0, 2.0}])
def test_a_column_is_a_sequence_of_values(values: Any) -> None:
    with pytest.raises(ColumnError, match=rf"`x` is given as `{type(values).__name__}`, which is no sequence of values"):
        bl.fit({"x": values, "y": [1.0, 2.0]}, "y ~ x")


def test_a_level_is_the_same_with_a_decimal_comma(tmp_path: Path) -> None:
    (tmp_path / "comma.csv").write_text("y;z\n1,0;1,5\n2,0;2,5\n3,1;1,5\n4,5;2,5\n")
    comma = bl.fit(tmp_path / "comma.csv", "y ~ C(z)")
    point = bl.fit({"y": [1.0, 2.0, 3.1, 4.5], "z": [1.5, 2.5, 1.5, 2.5]}, "y ~ C(z)")
    assert comma.names == point.names == ("C(z)[T.2.5]", "Intercept")
    new = tmp_path / "new.csv"
    new.write_text("z;q\n1,5;1,0\n2,5;2,0\n")
    for model in (comma, point):
        for asked in (new, {"z": ["1,5", "2,5"]}, {"z": [1.5, 2.5]}, {"z": ["1.50", "2.5"]}):
            assert model.predict(asked).tolist() == pytest.approx([2.05, 3.25])


def test_a_comma_that_may_part_thousands_is_none() -> None:
    model = bl.fit({"y": [1.0, 2.0, 3.1, 4.5], "z": [1.234, 2.5, 1.234, 2.5]}, "y ~ C(z)")
    assert np.isnan(model.predict({"z": ["1,234"]})[0])


def test_steps_that_cannot_be_seen_say_which_rate_shows_them() -> None:
    walked = bl.fit(TABLE, "y ~ x", solver="sgd", steps=50)
    said = "The first step made nearly all of the way; lr="
    assert said in walked.advice
    assert said in " ".join(str(walked.summary()).split())
    rate = float(walked.advice.rpartition("lr=")[2].split()[0])
    seen = bl.fit(TABLE, "y ~ x", solver="sgd", steps=50, lr=rate)
    share = (seen.trace.loss[0] - seen.trace.loss) / (seen.trace.loss[0] - seen.trace.loss[-1])
    assert float(share[1]) < 0.5
    assert 10 <= int((share < 0.999).sum()) <= 30
    # Whoever named a rate, or gave no number of steps, has not asked for it.
    assert said not in seen.advice
    assert said not in bl.fit(TABLE, "y ~ x", solver="sgd", steps=50, lr=0.49).advice
    assert said not in bl.fit(TABLE, "y ~ x", solver="sgd").advice
