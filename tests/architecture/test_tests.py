"""What the tests themselves must not do: wait for time, share random numbers, ask a clock, or assert where nobody may come."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from architecture.house import ROOT

TESTS = ROOT / "tests"
CLOCKS = {"sleep", "wait_for_timeout", "perf_counter", "process_time", "monotonic", "getrusage"}
PATIENCE = 60  # seconds: what a test waits for comes at once, but on a machine that is busy with twenty other things
GENERATORS = {"default_rng", "RandomState", "Generator", "manual_seed"}


@cache
def trees() -> dict[str, ast.Module]:
    """Every file of tests, by its place."""
    found = {path.relative_to(TESTS).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.rglob("*.py")}
    assert len(found) > 100
    return found


def calls(node: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the last part of what is called."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            yield ast.unparse(part.func).rpartition(".")[2], part


def test_a_test_waits_for_what_happens_and_not_for_time():
    """A sleep is too short on a busy machine and too long on any other; how long things take is for `benchmarks/` to tell."""
    tests = {place: tree for place, tree in trees().items() if place.rpartition("/")[2].startswith("test_")}
    found = [f"{place}:{call.lineno} {name}" for place, tree in tests.items() for name, call in calls(tree) if name in CLOCKS]
    assert not found


def impatient(tree: ast.Module) -> Iterator[int]:
    """Lines that give up waiting before a busy machine is done; a browser counts in milliseconds."""
    for name, call in calls(tree):
        least = PATIENCE * (1_000 if name.startswith("wait_for") else 1)
        limits = [option.value for option in call.keywords if option.arg == "timeout"]
        if any(isinstance(limit, ast.Constant) and limit.value is not None and limit.value < least for limit in limits):
            yield call.lineno


def test_what_a_test_waits_for_may_take_its_time():
    """A limit is there for what hangs, and not to tell how long something takes."""
    assert not [f"{place}:{line}" for place, tree in trees().items() for line in impatient(tree)]


def shared_generators(tree: ast.Module) -> Iterator[int]:
    """Lines on which a module or a class keeps a generator: what it gives then depends on which tests ran before."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef):
            for statement in node.body:
                made = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
                if isinstance(made, ast.Call) and ast.unparse(made.func).rpartition(".")[2] in GENERATORS:
                    yield statement.lineno


def unseeded(tree: ast.Module) -> Iterator[int]:
    """Lines with random numbers that nobody can draw again."""
    yield from (call.lineno for name, call in calls(tree) if name == "default_rng" and not call.args and not call.keywords)


def test_no_module_keeps_a_generator_and_every_draw_has_a_seed():
    found = [f"{place}:{line}" for place, tree in trees().items() for line in (*shared_generators(tree), *unseeded(tree))]
    assert not found


def asserts(node: ast.AST) -> bool:
    """Whether something is asserted in it."""
    return any(isinstance(part, ast.Assert) for part in ast.walk(node))


def hidden(function: ast.FunctionDef) -> Iterator[int]:
    """Lines of a test on which an assertion stands behind a condition that may never hold, with no other for when it does not.

    What a test is given is what its author wrote down: its arguments, loops over literals, and names in capitals, which do not
    change. A condition on those holds for some of them, as anybody can read.
    """
    loops = [part for part in ast.walk(function) if isinstance(part, ast.For) and isinstance(part.iter, ast.Tuple | ast.List)]
    given = {argument.arg for part in ast.walk(function) if isinstance(part, ast.arguments) for argument in part.args}
    given |= {name.id for loop in loops for name in ast.walk(loop.target) if isinstance(name, ast.Name)}
    for node in ast.walk(function):
        ends = isinstance(node, ast.If) and isinstance(
            node.body[-1], ast.Return | ast.Continue
        )  # then what follows is the other
        if isinstance(node, ast.If) and any(map(asserts, node.body)) and not node.orelse and not ends:
            kinds = {
                ast.dump(kind) for name, call in calls(node.test) if name == "isinstance" for kind in ast.walk(call.args[1])
            }
            names = {part.id for part in ast.walk(node.test) if isinstance(part, ast.Name) and ast.dump(part) not in kinds}
            asked = names - given - {"isinstance"}
            if not all(name.isupper() for name in asked):
                yield node.lineno


def test_no_assertion_stands_where_nobody_may_come():
    found = [
        f"{place}:{line}"
        for place, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        for line in hidden(node)
    ]
    assert not found


def test_no_assertion_depends_on_a_folder_that_may_be_empty():
    """A loop over what a folder holds asserts nothing where it holds nothing: it is listed first, and what is listed is counted."""
    found = [
        f"{place}:{node.lineno}"
        for place, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.For) and asserts(node) and {name for name, _ in calls(node.iter)} & {"glob", "rglob", "iterdir"}
    ]
    assert not found


def test_the_rules_find_what_they_are_for(tmp_path: Path):
    """Each of them in a file that breaks it."""
    broken = ast.parse(
        """
import time
import numpy as np
rng = np.random.default_rng(0)
def test_it(kind):
    time.sleep(0.1)
    np.random.default_rng()
    if kind == "a":
        assert True
    if len(rng.normal(3)) > 2:
        assert True
    for path in folder.glob("*"):
        assert path
    page.wait_for_selector("a", timeout=5_000)
    subprocess.run(["a"], timeout=59)
    subprocess.run(["a"], timeout=60)
"""
    )
    assert [name for name, _ in calls(broken) if name in CLOCKS] == ["sleep"]
    assert list(impatient(broken)) == [14, 15]
    assert list(shared_generators(broken)) == [4]
    assert list(unseeded(broken)) == [7]
    (function,) = (node for node in broken.body if isinstance(node, ast.FunctionDef))
    assert list(hidden(function)) == [10]
