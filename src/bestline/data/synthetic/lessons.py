"""Lessons: the data sets that well-known lessons on gradient descent draw, number by number, and the runs that they show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from bestline.calls import checked, one_of
from bestline.data.synthetic.draws import noise_of
from bestline.data.synthetic.line import SyntheticLine, line, truth_of
from bestline.errors import OptionError, listed, near_names, readable

# --- the lessons' data -----------------------------------------------------------------------------------------------------

LESSONS: tuple[tuple[str, str], ...] = (
    ("torch-trends", "100 points around y = 2x + 1, for nn.Linear with Adam."),
    ("slope-and-bias", "60 points around y = x - 1 with noise of sd 0.1, seed 1: slope and bias learnt from (-15, -10)."),
    ("slope-and-bias-exact", "The same 60 points without noise, in float64: every digit can be checked by hand."),
    ("crash-course", "100 points around y = x with noise of sd 3, seed 1; the learning rate is close to its limit."),
    ("made-with-ml", "50 points around y = 3.5x + 5: the noise is uniform from -10 to 20, so its mean is 5."),
)
_LINEAR_UNDER_SEED_1 = {"x": 0.5152631998062134, "Intercept": -0.44137823581695557}  # nn.Linear(1, 1) after manual_seed(1)


@checked
def lesson(name: str) -> SyntheticLine:
    """The data of one of the lessons that teach a line, number for number.

    `truth["run"]` is the training that the lesson recommends: `solver`, `lr`, `steps`, `start` (in the data's units, by name;
    None means small and random) and `standardize`.

    Parameters
    ----------
    name : str
        One of the names in `LESSONS`, a tuple of (name, description) pairs.

    Returns
    -------
    SyntheticLine
        Float64. Where a lesson computes in float32, these are its float32 numbers; `truth["stream"]` says how they were drawn.

    Raises
    ------
    OptionError
        When there is no lesson of that name.
    """
    if not one_of(name, _MAKERS):
        near = near_names(str(name), _MAKERS) or [known for known in _MAKERS if str(name).casefold() in known]
        hint = f"did you mean {listed(near, joined='or')}?" if near else f"the lessons are {listed(_MAKERS)}."
        raise OptionError(f"There is no lesson {readable(str(name))}; {hint}")
    made = _MAKERS[name]()
    return SyntheticLine(made.x, made.y, {"lesson": name} | made.truth)


def _run(solver: str, lr: float, steps: int, start: dict[str, float] | None, standardize: bool = False) -> dict[str, Any]:
    return {"run": {"solver": solver, "lr": lr, "steps": steps, "start": start and {**start}, "standardize": standardize}}


def _points(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return x.double().reshape(-1, 1), y.double()


def _recorded(x: Tensor, y: Tensor, truth: dict[str, Any], run: dict[str, Any]) -> SyntheticLine:
    return SyntheticLine(x.double().reshape(-1, 1), y.double().reshape(-1, 1), truth | run)


def _torch_trends() -> SyntheticLine:
    made = line(2.0, 1.0, x="uniform:-3,3", n=100, noise="normal:0.5", seed=1)
    return _recorded(made.x, made.y, made.truth, _run("adam", 0.05, 500, _LINEAR_UNDER_SEED_1))


def _slope_and_bias() -> SyntheticLine:
    x = torch.arange(-3, 3, 0.1, dtype=torch.float32)
    y = 1 * x - 1 + 0.1 * torch.randn(60, generator=Generator().manual_seed(1), dtype=torch.float32)
    stream = "noise from torch.manual_seed(1); all in float32, kept as float64"
    truth = truth_of(1.0, -1.0, noise_of("normal:0.1"), x="arange:-3,3,0.1", points=_points(x, y), seed=1, stream=stream)
    return _recorded(x, y, truth, _run("sgd", 0.1, 15, {"x": -15.0, "Intercept": -10.0}))


def _slope_and_bias_exact() -> SyntheticLine:
    made = line(1.0, -1.0)
    return _recorded(made.x, made.y, made.truth, _run("sgd", 0.1, 15, {"x": -15.0, "Intercept": -10.0}))


def _crash_course() -> SyntheticLine:
    generator = Generator().manual_seed(1)
    x = torch.randn(100, generator=generator, dtype=torch.float32) * 10
    y = x + 3 * torch.randn(100, generator=generator, dtype=torch.float32)
    stream = "x, then noise, from torch.manual_seed(1); all in float32, kept as float64"
    truth = truth_of(1.0, 0.0, noise_of("normal:3"), x="normal:0,10", points=_points(x, y), seed=1, stream=stream)
    return _recorded(x, y, truth, _run("sgd", 0.01, 100, _LINEAR_UNDER_SEED_1))


def _made_with_ml() -> SyntheticLine:
    x = np.arange(50, dtype=np.float64)
    y = 3.5 * x + np.random.RandomState(1234).uniform(-10, 20, size=50)
    stream = "noise from numpy.random.RandomState(1234)"
    truth = truth_of(
        3.5,
        0.0,
        noise_of("uniform:-10,20"),
        x="arange:0,50,1",
        points=_points(torch.from_numpy(x), torch.from_numpy(y)),
        seed=1234,
        stream=stream,
    )
    # Plain descent, as in the lesson's first part: at the same rate Adam would have to move y's scale, 50, in steps of 0.1.
    return _recorded(torch.from_numpy(x), torch.from_numpy(y), truth, _run("sgd", 0.1, 100, None, standardize=True))


_MAKERS: dict[str, Callable[[], SyntheticLine]] = {
    "torch-trends": _torch_trends,
    "slope-and-bias": _slope_and_bias,
    "slope-and-bias-exact": _slope_and_bias_exact,
    "crash-course": _crash_course,
    "made-with-ml": _made_with_ml,
}
