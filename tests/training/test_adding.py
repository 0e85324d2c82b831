"""A penalty, a loss and a solver are each one file and one row: added to a copy of the package, as CONTRIBUTING says, they work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import bestline

SOURCE = Path(bestline.__file__).parent

GROUP = '''"""The group lasso: all slopes together are zero, or none is (Yuan & Lin 2006).    penalty(w) = l1 |w|"""

from dataclasses import dataclass

import torch

from bestline.training.penalty.base import Penalty, check_sizes


@dataclass(frozen=True, slots=True, eq=False)
class Group(Penalty):
    """l1 times the length of the slopes."""

    l1: float
    slopes: torch.Tensor

    @classmethod
    def on_slopes(cls, l1, l2, p, *, intercept, factors=None):
        check_sizes(l1, l2)
        return cls(l1, torch.arange(p + intercept)[:, None] < p)

    def __bool__(self):
        return self.l1 > 0

    def to(self, device):
        return Group(self.l1, self.slopes.to(device))

    def _length(self, w):
        return (w * self.slopes).norm(dim=-2, keepdim=True)

    def value(self, w):
        return self.l1 * self._length(w).sum()

    def gradient(self, w):
        return self.l1 * self.slopes * w / self._length(w).clamp(min=1e-300)

    def prox(self, w, step):
        kept = (1 - step * self.l1 / self._length(w).clamp(min=1e-300)).clamp(min=0)
        return torch.where(self.slopes, kept * w, w)
'''

LOGCOSH = '''"""log cosh r: squared near zero, absolute far out, and smooth all along."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from bestline.training.losses.base import Code, Loss


@dataclass(frozen=True, slots=True)
class LogCosh(Loss):
    """log cosh (y - prediction), in the data's units."""

    name: ClassVar[str] = "logcosh"
    code: ClassVar[Code | None] = Code(
        torch=("torch.log(torch.cosh(error))",), numpy=("np.log(np.cosh(error))",), pull="np.tanh(error)"
    )

    def trained(self, units):
        scale = units.scale
        return (lambda f, y: torch.log(torch.cosh((y - f) * scale))), torch.ones_like(scale)
'''

COORDINATES = '''"""Coordinate descent: one weight after the other is put where it is best beside the others."""

from dataclasses import dataclass
from itertools import count
from typing import ClassVar

from bestline.errors import OptionError
from bestline.training.solvers.base import Converging, Step


@dataclass(frozen=True, slots=True)
class Coordinates(Converging):
    """Around all weights of the squared loss until nothing moves (Gauss & Seidel)."""

    name: ClassVar[str] = "coordinate-descent"
    settings: ClassVar[tuple[str, ...]] = ("tol", "steps")
    tol: float = 1e-12
    steps: int = 1_000

    def run(self, objective, start, *, seed=0):
        bowl = objective.whole_bowl
        if bowl is None:
            raise OptionError("Coordinates() minimises squared loss of a line, with a ridge penalty or none.")
        w = start.clone()
        for index in count():
            yield Step.at(objective, index, w.clone())
            for j in range(len(w)):
                w[j] -= bowl.curvature[j] @ (w - bowl.bottom) / bowl.curvature[j, j]
'''

USE = """
import warnings; warnings.simplefilter("ignore")
import torch, bestline as bl
from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Rows
from bestline.training.parts import Part
from bestline.training.plan import Plan
from bestline.training.solvers import Proximal, Stop

draw = torch.Generator().manual_seed(1)
X = torch.randn(80, 3, generator=draw, dtype=torch.float64)
y = X @ torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64) + 0.3 * torch.randn(80, 1, generator=draw, dtype=torch.float64)

part = Part(Comoments.of_rows(Rows(X, y)))
def grouped(l1):
    plan = Plan(("a", "b", "c"), ("y",), True, Proximal(tol=1e-9), l1=l1, penalty="group")
    return plan.run(part)
small, large = grouped(0.2), grouped(1e3)
assert small.stop is Stop.CONVERGED and large.stop is Stop.CONVERGED, (small.advice, large.advice)
last = small.scaling.to_trained(small.weights)
bowl = small.objective.smooth
pull = bowl.gradient(last)[:3]
assert torch.allclose(pull, -0.2 * last[:3] / last[:3].norm(), atol=1e-8)  # the condition of the optimum
assert not large.weights[:3].any()

model = bl.fit((X, y), loss="logcosh")
r = (y - (X @ torch.tensor(model.coef.to_numpy())[:, None] + float(model.intercept)))
assert float((torch.tanh(r) * X).mean(0).abs().max()) < 1e-5
script = bl.fit((X, y), loss="logcosh", solver="adam", lr=0.1, steps=5).script("numpy")
assert "np.tanh(error)" in script

solved = bl.fit((X, y), solver="coordinate-descent", tol=1e-13)
assert solved.stop is Stop.CONVERGED
assert abs(solved.coef - bl.fit((X, y)).coef).max() < 1e-9
assert "solver='coordinate-descent', tol=1e-13" in solved.recipe.python(), solved.recipe.python()
print("added")
"""


def test_a_penalty_a_loss_and_a_solver_are_a_file_and_a_row_each(tmp_path: Path) -> None:
    copy = tmp_path / "bestline"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    training = copy / "training"
    for home, file, code, listing, row, name in (
        ("penalty", "group", GROUP, "named", '    "elastic-net": ElasticNetPenalty,', '    "group": Group,'),
        ("losses", "logcosh", LOGCOSH, "named", "for kind in (Squared, ", "for kind in (LogCosh, Squared, "),
        ("solvers", "coordinates", COORDINATES, "choose", "= (Exact, ", "= (Coordinates, Exact, "),
    ):
        (training / home / f"{file}.py").write_text(code)
        where = training / home / f"{listing}.py"
        listed = where.read_text()
        assert listed.count(row) == 1
        listed = listed.replace(row, f"{row}\n{name}" if name.startswith(" ") else name)
        own = {"group": "Group", "logcosh": "LogCosh", "coordinates": "Coordinates"}[file]
        first = listed.index("\nfrom bestline.")
        added = f"\nfrom bestline.training.{home}.{file} import {own}"
        where.write_text(listed[:first] + added + listed[first:])
    done = subprocess.run(
        [sys.executable, "-c", USE], env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.stdout == "added\n", done.stderr
