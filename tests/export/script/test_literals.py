"""Whatever columns, levels and paths are called, and whatever numbers hold, the program is the same."""

from __future__ import annotations

import ast
import contextlib
import io
import math
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import bestline as bl
from bestline.api.model import Model
from bestline.errors import BestlineWarning, OptionError
from bestline.export.script import STYLES, script
from bestline.export.script.literals import WIDTH, are_single, array, comment, number, quoted, single, value
from export.script.examples import agrees
from searches import long

pytestmark = pytest.mark.usefixtures("quiet")


# --- nothing that a name says gets out ----------------------------------------------------------------------------------------

HOSTILE = [
    'a"b',
    "a'b",
    "a\"'b",
    "a\\",
    "a\nimport os",
    '"""',
    "'''",
    "\\N{DASH}",
    "a\r\nb",
    "x\u2028y",
    "\u202egnp",
    "größe µ 体重",
    "{x}",
    "%s",
    "# comment",
    "coding: utf-7",
    "frame",
    "numbers[0]",
    "a\x0cb",
    "]); print('out')",
    "loss",
    "Intercept",
    " ",
    "\t",
    "x" * 200,
]


class _Neutral(ast.NodeTransformer):
    """All texts alike: what is left is the program."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node


def program(text: str) -> str:
    """The program without its texts. Read from bytes, as a file is, so that comments could name an encoding."""
    return ast.dump(_Neutral().visit(ast.parse(text.encode())))


def named(first: str, second: str, target: str) -> Model:
    x = np.arange(7.0)
    table = {first: x, second: np.cos(x), target: x + np.sin(x)}
    return bl.fit(table, target=target, features=[first, second], solver="sgd", steps=3)


@pytest.mark.parametrize("name", long(HOSTILE, quick=HOSTILE[::4]))
def test_hostile_names_change_no_program(name: str) -> None:
    for style in STYLES:
        plain = script(named("p", "q", "r"), style)
        for columns in ((name, "q", "r"), ("p", name, "r"), ("p", "q", name)):
            text = script(named(*columns), style)
            assert program(text) == program(plain)
            numbers = io.StringIO()
            with contextlib.redirect_stdout(numbers), torch.random.fork_rng():
                exec(compile(text.encode(), "script", "exec"), {})  # noqa: S102  it is the same program
            lines = numbers.getvalue()
            for column in columns[:2]:
                assert lines.startswith(f"{column} ")
                lines = lines[len(column) :].split("\n", 1)[1]


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=40)
def test_any_names_change_no_program(first: str, second: str) -> None:
    assume(len({first, second, "y"}) == 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        text = script(named(first, second, "y"), "numpy")
        assert program(text) == program(script(named("p", "q", "y"), "numpy"))
    texts = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    assert {first, second} <= texts


def test_hostile_levels_and_paths(tmp_path: Path) -> None:
    path = tmp_path / 'it\'s "a" (path) # 1.csv'
    levels = ['a"b', "a'b", "]); x", "plain"]
    table = pd.DataFrame({"x y": np.arange(12.0), "g": levels * 3})
    table["y"] = table["x y"] + np.sin(table["x y"])
    table.to_csv(path, index=False)
    model = bl.fit(path, "y ~ `x y` + C(g)")
    for rows in ("inline", "path"):
        for style in STYLES:
            agrees(model, script(model, style, rows=rows))


def test_names_that_are_equal_are_refused() -> None:
    x = np.arange(7.0)
    table = {"g": list("aababba"), "C(g)[T.b]": x, "y": np.sin(x)}
    model = bl.fit(table, "y ~ C(g) + `C(g)[T.b]`")
    with pytest.raises(OptionError, match=r"Two columns are called `C\(g\)\[T\.b\]`"):
        script(model)


# --- text ---------------------------------------------------------------------------------------------------------------------


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(-0.0)
@example(1e22)
@example(5e-324)
def test_numbers_read_back_the_same(x: float) -> None:
    back = float(ast.literal_eval(number(x)))
    assert (back, math.copysign(1, back)) == (x, math.copysign(1, x))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_numbers_of_float32_read_back_the_same(values: list[float]) -> None:
    tensor = torch.tensor(values, dtype=torch.float64)
    text = f"[{', '.join(map(single, values))}]"
    same = torch.equal(torch.tensor(ast.literal_eval(text), dtype=torch.float32).double(), tensor)
    assert same or not are_single(tensor)


def test_which_numbers_are_of_float32() -> None:
    """Those whose digits there are fewer and read back the same."""
    for values, short in (([0.1, 2.5], True), ([1.0, -3.0], False), ([1e-3, 7.0], True)):
        assert are_single(torch.tensor(values, dtype=torch.float32).double()) == short
    assert not are_single(torch.tensor([0.1, 2.5], dtype=torch.float64))


@given(st.text())
def test_texts_stay_in_their_quotes_and_comments_on_their_line(text: str) -> None:
    assert ast.literal_eval(quoted(text)) == text
    assert ast.literal_eval(value((text, 1))) == (text, 1)
    assert len(f"# {comment(text)}".splitlines()) == 1


@pytest.mark.parametrize("shape", [(), (3,), (90,), (2, 2), (40, 3), (4, 60), (1, 90), (2, 3, 30)])
def test_an_array_of_any_shape_reads_back_row_by_row_in_lines_that_fit(shape: tuple[int, ...]) -> None:
    values = torch.tensor(np.random.default_rng(0).normal(size=shape))
    lines = array("w", values, "array(", ")")
    scope = {"array": np.array}
    exec("\n".join(lines), scope)  # noqa: S102  what a script does
    assert np.array_equal(scope["w"], values.numpy())
    assert max(map(len, lines)) <= WIDTH + len("  # fmt: skip")


@pytest.mark.parametrize("shape", [(40, 3), (4, 60), (1, 90)])
def test_a_row_of_numbers_begins_on_a_line_of_its_own(shape: tuple[int, int]) -> None:
    lines = array("w", torch.tensor(np.random.default_rng(0).normal(size=shape)), "array(", ")")
    assert sum(line.strip().startswith("[") for line in lines[1:-1]) == shape[0]


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (3.0, "3"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (1e15 - 1, "999999999999999"),
        (1e15, "1000000000000000.0"),
        (2.0**60, "1.152921504606847e+18"),
    ],
)
def test_a_whole_number_has_no_more_digits_than_a_float(given: float, written: str) -> None:
    assert number(given) == written
    assert math.copysign(1, float(written)) == math.copysign(1, given)
    assert float(written) == given
