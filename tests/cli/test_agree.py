"""The command agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from bestline.errors import DataError, NumericalError, OptionError
from bestline.inference.peers import agreed, agreement
from cli.sessions import Run

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


def test_agree_finds_the_same_line_by_others(run: Run, table: Path) -> None:
    run("fit", table, "y ~ x1 + x2 + g", "-o", "m.bestline")
    done = run("agree", "m.bestline", table, "--json")
    assert done.status == 0
    assert len(done.facts["weights"]) == 4
    for fact in done.facts["weights"]:
        agreements = [value for name, value in fact.items() if name.startswith("digits agreed")]
        assert len(agreements) == 2
        assert min(agreements) > 12
    assert "digits agreed at the least" in run("agree", "m.bestline", table).out


@pytest.mark.parametrize(
    "arguments",
    [
        {"l2": 0.2},
        {"l1": 0.05},
        {"l1": 0.05, "l2": 0.1},
        {"l2": 0.2, "standardize": False},
        {"weights": "w"},
        {"weights": "w", "l2": 0.2},
        {"weights": "w", "l1": 0.05},
        {"weights": "w", "l1": 0.05, "l2": 0.1, "standardize": False},
    ],
)
def test_penalised_and_weighted_lines_agree(table: Path, arguments: dict) -> None:
    frame = pd.read_csv(table)
    frame["w"] = np.linspace(0, 2, len(frame))
    model = bl.fit(frame, "y ~ x1 + x2 + g", **arguments)
    found = agreement(model)
    assert found.peers
    for name in found.peers:
        assert float(found.digits(name).min()) > 8


def test_agreement_needs_the_same_rows_the_solution_and_squared_loss(table: Path) -> None:
    frame = pd.read_csv(table)
    with pytest.raises(DataError, match="40 usable rows"):
        agreement(bl.fit(frame, "y ~ x1"), frame[:40])
    with pytest.raises(NumericalError, match="more steps"):
        agreement(bl.fit(frame, "y ~ x1", solver="sgd", lr=0.01, steps=3))
    with pytest.raises(OptionError, match="squared loss"):
        agreement(bl.fit(frame, "y ~ x1", loss="huber"))


def test_digits_agreed_are_counted_in_the_peers_own_size() -> None:
    a, b = (np.array(v) for v in ([1.001, 0.0, 5.0], [1.0, 0.0, 5.0]))
    import torch

    digits = agreed(torch.as_tensor(a), torch.as_tensor(b)).tolist()
    assert digits[0] == pytest.approx(3.0, abs=1e-6)
    assert digits[1] == digits[2] == pytest.approx(15.95)


def test_each_row_of_an_agreement_over_several_targets_says_which(table: Path) -> None:
    frame = pd.read_csv(table).assign(z=lambda f: f.x1 - f.y)
    found = agreement(bl.fit(frame, target=["y", "z"], features=["x1", "x2"])).frame()
    assert list(found["target"]) == ["y"] * 3 + ["z"] * 3
    assert "target" not in agreement(bl.fit(frame, "y ~ x1")).frame()
