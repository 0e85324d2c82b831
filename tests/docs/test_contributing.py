"""CONTRIBUTING is followed to the letter, in a copy of the tree: one of each is added by its recipe, and gives the right numbers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = re.compile(r"^## Adding an? ([^\n]+)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
KINDS = ("penalty", "loss", "solver", "picture", "file format", "covariance", "engine")
MOST_LINES = 10  # of prose

USE = """
import warnings

import matplotlib
import numpy as np
import pandas as pd
import torch

import bestline as bl

warnings.simplefilter("ignore")
rng = np.random.default_rng(1)
X = rng.normal(size=(90, 2))
X[0] *= 5
y = 1 + X @ [1.0, -2.0] + rng.standard_t(3, size=90)
frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y})
plain = bl.fit((X, y))
"""

# Behind the recipe's own use of what it adds, which leaves `model`.
CHECKS = {
    "penalty": """
from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Rows
from bestline.training.task import Part
from bestline.training.plan import Plan
from bestline.training.solvers import Proximal, Stop

part = Part(Comoments.of_rows(Rows(torch.tensor(X), torch.tensor(y)[:, None])))
small, large = (Plan(("a", "b"), ("y",), True, solver=Proximal(tol=1e-9), l1=l1, penalty="group").run(part) for l1 in (0.2, 1e3))
assert small.stop is large.stop is Stop.CONVERGED
w = small.scaling.to_trained(small.weights)
pull = small.objective.smooth.gradient(w)[:2]
assert torch.allclose(pull, -0.2 * w[:2] / w[:2].norm(), atol=1e-8)  # the condition of the optimum
assert not large.weights[:2].any()
""",
    "loss": """
r = y - model.predict(X)
assert abs((np.tanh(r)[:, None] * np.column_stack([X, np.ones(90)])).mean(0)).max() < 1e-5  # its gradient is 0
assert "np.tanh(error)" in bl.fit((X, y), loss="log-cosh", solver="adam", lr=0.1, steps=2).script("numpy")
""",
    "solver": """
assert model.stop is bl.Stop.CONVERGED
assert abs(model.params - plain.params).max() < 1e-9
assert "solver='coordinates', tol=1e-13" in model.recipe.python()
""",
    "picture": """
seen = pd.DataFrame(gradients(model.trained).table())
assert seen["y"].tolist() == model.trace.frame()["gradient_norm"].tolist()
""",
    "file format": """
assert abs(model.params.to_numpy() - plain.params.to_numpy()).max() < 1e-12 and model.params.index[0] == "a"
""",
    "covariance": """
D = np.column_stack([X, np.ones(90)])
bread = np.linalg.inv(D.T @ D)
h = np.einsum("ij,jk,ik->i", D, bread, D)
e = y - D @ bread @ D.T @ y
middle = (D * (e**2 / (1 - h) ** np.minimum(4, 90 * h / 3))[:, None]).T @ D
errors = plain.tidy(cov="HC4")["std_error"]
assert np.allclose(errors, np.sqrt(np.diag(bread @ middle @ bread)), rtol=1e-10)
assert abs(errors / plain.tidy(cov="HC3")["std_error"] - 1).max() > 1e-3
""",
    "engine": """
assert abs(model.params.to_numpy() - plain.params.to_numpy()).max() < 1e-12
assert np.allclose(model.tidy(cov="HC3")["std_error"], plain.tidy(cov="HC3")["std_error"], rtol=1e-9)
""",
}
BEFORE = {
    "picture": "from bestline.pictures.gradients import gradients\nmodel = bl.fit((X, y), solver='sgd', lr=0.1, steps=9)\n",
    "file format": "np.save('table.npy', frame.to_records(index=False))\n",
    "engine": "january, february, march = frame[:20], frame[20:21], frame[21:]\n",
}


def recipes() -> dict[str, str]:
    return dict(RECIPE.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))


def follow(recipe: str, tree: Path) -> str:
    """Create the recipe's files and add its rows; what is left is the code that uses them."""
    use = ""
    for language, text in BLOCK.findall(recipe):
        named = re.match(r"# (src/\S+\.py)\n", text)
        if language == "diff":
            patch(text, tree)
        elif named:
            file = tree / named[1]
            assert not file.exists(), f"{named[1]} is there already"
            file.write_text(text[named.end() :], encoding="utf-8")
        else:
            use += text
    return use


def patch(text: str, tree: Path) -> None:
    """Rows of a file: after "--- FILE" lines to find (" "), to take out ("-") and to put in ("+"); "@@" stands between places."""
    for part in re.split(r"^--- ", text, flags=re.MULTILINE)[1:]:
        name, _, body = part.partition("\n")
        file = tree / name
        found = file.read_text(encoding="utf-8")
        for hunk in re.split(r"^@@\n", body, flags=re.MULTILINE):
            lines = hunk.splitlines()
            # What is taken out and put in may be part of a line, so the last line's end is left alone.
            old, new = ("\n".join(line[1:] for line in lines if line[:1] in f" {sign}") for sign in "-+")
            assert found.count(old) == 1, f"{name} has {found.count(old)} times\n{old}"
            found = found.replace(old, new)
        file.write_text(found, encoding="utf-8")


def test_there_is_a_recipe_of_ten_lines_for_each():
    assert tuple(recipes()) == KINDS
    for kind, text in recipes().items():
        prose = [line for line in BLOCK.sub("", text).splitlines() if line]
        assert 3 <= len(prose) <= MOST_LINES, kind


def test_one_of_each_is_added_by_following_the_page(tmp_path: Path):
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    steps = [USE]
    for kind, text in recipes().items():
        used = follow(text, tmp_path)
        steps.append(f"# {kind}\n{BEFORE.get(kind, '')}{used}{CHECKS[kind]}print({kind!r})\n")
    script = tmp_path / "use.py"
    script.write_text("\n".join(steps), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert [line for line in done.stdout.splitlines() if line in KINDS] == list(KINDS), done.stdout + done.stderr
    assert done.returncode == 0
    fenced = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = subprocess.run(
        [sys.executable, "-c", fenced], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_says_of_files_is_true(kind: str):
    """Every file and folder that a recipe names is there, or is made by it."""
    text = recipes()[kind]
    for name in re.findall(r"`([\w/]+(?:\.py|\.toml|/))`", BLOCK.sub("", text)):
        places = [ROOT / name, *(ROOT / "src").rglob(name)]
        assert any(place.exists() for place in places), name
