"""What makes no sense is refused before training."""

from __future__ import annotations

import pytest

import bestline as bl
from bestline.errors import OptionError, ShapeError
from bestline.training.solvers import Exact
from training.examples import some_rows


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"solver": "magic"}, OptionError),
        ({"solver": "sgd", "lr": -1}, OptionError),
        ({"solver": "sgd", "steps": 2.5}, OptionError),
        ({"solver": "sgd", "batch_size": 0}, OptionError),
        ({"solver": "exact", "lr": 0.1}, OptionError),
        ({"solver": Exact(), "l1": 0.1}, OptionError),
        ({"solver": Exact(), "loss": "huber"}, OptionError),
        ({"loss": "cubic"}, OptionError),
        ({"loss": "quantile:2"}, OptionError),
        ({"l2": -1}, OptionError),
        ({"cv": "forest"}, OptionError),
        ({"folds": 1}, OptionError),
        ({"seed": -1}, OptionError),
        ({"device": "tpu"}, OptionError),
        ({"split": (0.5, 0.6)}, OptionError),
        ({"split": (1.0,)}, OptionError),
        ({"start": {"x0": 1}}, OptionError),
        ({"start": {"nope": 1}}, OptionError),
        ({"start": [1, 2]}, OptionError),
        ({"start": [1, 2, 3, float("nan")], "solver": "sgd"}, OptionError),
        ({"forward": lambda X, w, b: (X @ w + b)[:, 0]}, ShapeError),
        ({"forward": lambda X, w, b: X @ w, "standardize": True}, OptionError),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, object], error: type[Exception]) -> None:
    rows = some_rows(0)
    with pytest.raises(error):
        bl.fit((rows.X, rows.y), **options)  # type: ignore[arg-type]
