"""A file that was changed is refused: by accident through its digest, on purpose through what its numbers can be."""

from __future__ import annotations

import copy
import math
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import bestline as bl
from bestline.errors import BestlineError, BestlineWarning, ModelFileError
from crafted import changed, opened, written

pytestmark = pytest.mark.usefixtures("quiet")
SAVED = Path(__file__).parent / "saved"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model and moments of the same table: categories, weights, missing values, a trace."""
    at = tmp_path_factory.mktemp("files")
    draw = np.random.default_rng(4)
    table = pd.DataFrame({"x": draw.normal(size=40), "g": draw.choice(["a", "b"], 40), "w": draw.uniform(0.5, 2, 40)})
    table["y"] = 3 + 2 * table.x + draw.normal(size=40)
    table.loc[3, "x"] = np.nan
    asked = {"formula": "y ~ poly(x, 2) + C(g)", "weights": "w", "missing": "impute"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        bl.fit(table, **asked, lr=0.1, steps=5, solver="sgd").save(at / "m.bestline")
        bl.Moments.collect(table, **asked).save(at / "m.moments")
        bl.Moments.collect(table, "y ~ x + w", missing="drop", by="g").save(at / "by.moments")
    return at


def load(path: Path) -> Any:
    return bl.Moments.load(path) if path.suffix == ".moments" else bl.load(path)


def flips(content: bytes, some: int) -> Iterator[bytes]:
    """The content with one bit changed, at evenly spread places, the first 700 bytes' places among them."""
    places = {*range(0, min(700, len(content)), 7), *range(0, len(content), max(1, len(content) // some))}
    for at in sorted(places):
        yield content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :]


@pytest.mark.parametrize("name", ["m.bestline", "m.moments", "by.moments"])
def test_a_file_with_one_bit_changed_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    for odd in flips(content, 150):
        (tmp_path / name).write_bytes(odd)
        with pytest.raises(ModelFileError):
            load(tmp_path / name)


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["m.bestline", "m.moments"])
def test_each_bit_of_a_file_counts(folder: Path, tmp_path: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    for at in range(len(content) * 8):
        odd = bytearray(content)
        odd[at // 8] ^= 1 << at % 8
        (tmp_path / name).write_bytes(odd)
        with pytest.raises(ModelFileError):
            load(tmp_path / name)


@pytest.mark.parametrize("name", ["m.bestline", "m.moments"])
@pytest.mark.parametrize("change", ["cut", "longer", "empty", "twice"])
def test_a_file_of_another_length_is_refused(folder: Path, tmp_path: Path, name: str, change: str) -> None:
    content = (folder / name).read_bytes()
    (tmp_path / name).write_bytes(
        {"cut": content[:-8], "longer": content + b"\0" * 8, "empty": b"", "twice": content * 2}[change]
    )
    with pytest.raises(ModelFileError):
        load(tmp_path / name)


def test_the_same_model_is_the_same_file(folder: Path, tmp_path: Path) -> None:
    bl.load(folder / "m.bestline").save(tmp_path / "again.bestline")
    bl.load(tmp_path / "again.bestline").save(tmp_path / "twice.bestline")
    assert (tmp_path / "again.bestline").read_bytes() == (tmp_path / "twice.bestline").read_bytes()


def test_a_name_that_looks_like_a_digest_is_a_name(tmp_path: Path) -> None:
    odd = '"sha256": "' + "0" * 64
    bl.fit({odd: [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.5]}, target="y").save(tmp_path / "m.bestline")
    assert bl.load(tmp_path / "m.bestline").names[0] == odd


def test_a_file_without_a_digest_is_one_of_the_version_before(folder: Path, tmp_path: Path) -> None:
    """It loads as format 1; a file of format 2 that lost its digest does not."""
    header, _ = opened(SAVED / "line_descent.bestline")
    assert header["version"] == 1
    assert "sha256" not in header
    content = (folder / "m.bestline").read_bytes()
    (tmp_path / "m.bestline").write_bytes(content.replace(b"sha256", b"sha257"))
    with pytest.raises(ModelFileError, match="SHA-256"):
        bl.load(tmp_path / "m.bestline")


def test_the_crafting_itself_is_sound(folder: Path, tmp_path: Path) -> None:
    for name in ("m.bestline", "m.moments"):
        copied = changed(folder / name, tmp_path / name, lambda header, tensors: None)
        assert load(copied).design.to_dict() == load(folder / name).design.to_dict()


def set_tensor(name: str, index: tuple[int, ...], value: float) -> Any:
    def change(header: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        tensors[name][index] = value

    return change


def set_row(row: int, column: int, value: object) -> Any:
    def change(header: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        header["facts"]["folds"][row][column] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        set_tensor("0.scatter", (0, 0), -1.0),
        set_tensor("0.scatter", (1, 1), math.nan),
        set_tensor("0.scatter", (0, 1), 1e9),
        set_tensor("0.unit", (0,), 0.0),
        set_tensor("0.unit", (0,), 3.0),
        set_tensor("0.unit", (0,), -2.0),
        set_tensor("0.mean", (0,), math.inf),
        set_tensor("0.shift", (0,), math.nan),
        set_tensor("low", (0,), math.nan),
        set_tensor("low", (0,), 1e9),
        set_row(0, 0, -3),
        set_row(0, 0, 0),
        set_row(0, 0, 2.5),
        set_row(0, 0, True),
        set_row(0, 0, "7"),
        set_row(0, 0, 10**30),
        set_row(0, 1, -1.0),
        set_row(0, 1, 0.0),
        set_row(0, 1, None),
        set_row(0, 3, 0.5),
        lambda header, tensors: header["facts"].update(dropped=-1),
        lambda header, tensors: header["facts"].update(dropped=1.5),
        lambda header, tensors: header["facts"].update(imputed={"x": -1}),
        lambda header, tensors: header["facts"].update(imputed=[1]),
        lambda header, tensors: header["facts"].update(folds=[]),
        lambda header, tensors: header["facts"].update(folds={}),
        lambda header, tensors: header["facts"]["folds"].append([1, 1.0, 0.0, 1.0]),
        lambda header, tensors: header.update(facts=[]),
        lambda header, tensors: header.update(facts=None),
        lambda header, tensors: header.update(version="2"),
        lambda header, tensors: header.update(version=0),
        lambda header, tensors: header.update(kind=["moments"]),
        lambda header, tensors: header["facts"].update(design=7),
        lambda header, tensors: tensors.update(low=tensors["low"][:1]),
        lambda header, tensors: tensors.update(low=tensors["low"].float()),
        lambda header, tensors: tensors.update({"0.scatter": tensors["0.scatter"][:2]}),
        lambda header, tensors: tensors.update({"0.scatter": tensors["0.scatter"].float()}),
        lambda header, tensors: tensors.update({"0.mean": torch.zeros(99, dtype=torch.float64)}),
        lambda header, tensors: tensors.pop("0.unit"),
    ],
)
def test_moments_that_no_rows_could_have_given_are_refused(folder: Path, tmp_path: Path, change: Any) -> None:
    with pytest.raises(ModelFileError):
        bl.Moments.load(changed(folder / "m.moments", tmp_path / "odd.moments", change))


def test_moments_after_a_subtraction_are_sound(folder: Path, tmp_path: Path) -> None:
    """Rounding may break Cauchy-Schwarz then; such a file is ours all the same."""
    both = bl.Moments.load(folder / "by.moments")
    nothing = both - both
    nothing.save(tmp_path / "n.moments")
    assert bl.Moments.load(tmp_path / "n.moments").rows == 0


ODD = (None, -1, 0, 2**70, 1e308, math.pi, "", "\0", "x", [], {}, [[]], True, {"a": 1}, "1e400", ["y"] * 3)


def leaves(facts: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of each value in nested JSON, inner ones included."""
    if path:
        yield path
    for key, value in facts.items() if isinstance(facts, dict) else enumerate(facts) if isinstance(facts, list) else ():
        yield from leaves(value, (*path, key))


def used(path: Path) -> None:
    """Load, and do what people do with it."""
    model = bl.fit(bl.Moments.load(path)) if path.suffix == ".moments" else bl.load(path)
    str(model.summary())
    model.predict({"x": [1.0, 2.0], "g": ["a", "b"], "w": [1.0, 1.0]})
    model.trace.frame()


def crafted(folder: Path, tmp_path: Path, name: str, draw: random.Random, most: int) -> Iterator[Path]:
    """Files in which one value of the header, or one tensor, is another."""
    header, tensors = opened(folder / name)
    places = list(leaves(header))
    for path in draw.sample(places, min(most, len(places))):
        odd, at = copy.deepcopy(header), path[:-1]
        inner = odd
        for key in at:
            inner = inner[key]
        if isinstance(inner, dict) and draw.random() < 0.2:
            del inner[path[-1]]
        else:
            inner[path[-1]] = draw.choice(ODD)
        yield written(tmp_path / name, odd, tensors)
    for tensor in tensors:
        for other in (torch.zeros(0, dtype=torch.float64), torch.full((3, 3), math.nan, dtype=torch.float64), -tensors[tensor]):
            yield written(tmp_path / name, header, tensors | {tensor: other})


def try_all(folder: Path, tmp_path: Path, name: str, seed: int, most: int) -> None:
    refused = 0
    for path in crafted(folder, tmp_path, name, random.Random(seed), most):  # noqa: S311  not a secret
        try:
            used(path)
        except BestlineError:
            refused += 1
    assert refused > most // 8  # the others say something else that could be so


@pytest.mark.parametrize("name", ["m.bestline", "m.moments"])
def test_whatever_a_crafted_file_says_it_loads_or_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    try_all(folder, tmp_path, name, seed=1, most=60)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["m.bestline", "m.moments", "by.moments"])
def test_whatever_many_crafted_files_say_they_load_or_are_refused(folder: Path, tmp_path: Path, name: str, seed: int) -> None:
    try_all(folder, tmp_path, name, seed=10 + seed, most=500)
