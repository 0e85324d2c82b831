"""One name, one thing; faces that only delegate; and solvers and penalties that nobody tells apart from outside."""

from __future__ import annotations

import ast
from collections import defaultdict

import pytest

from architecture.house import Module, classes, modules

MOST_STATEMENTS = 3  # of a face's method: numbers happen in the rooms below
# Two classes of one name, each with its reason. None is the aim.
SAME_NAME = {"Design": "api/design.py is the face of the one in data: the same value, which can be learnt from data"}
# Methods that nobody can come to, each with its reason. None is the aim.
NEVER_CALLED: dict[str, str] = {}


def test_a_class_name_means_one_thing():
    places = defaultdict(list)
    for module, node in classes():
        places[node.name].append(f"{module.place}:{node.lineno}")
    twice = {name: where for name, where in places.items() if len(where) > 1 and name not in SAME_NAME}
    assert not twice
    assert all(len(places[name]) > 1 for name in SAME_NAME), "a name that is one again needs no exemption"


def body_of(function: ast.FunctionDef) -> list[ast.stmt]:
    """Its statements, without the docstring and the imports of heavy rooms."""
    return [
        statement
        for statement in function.body
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        and not isinstance(statement, ast.Import | ast.ImportFrom)
    ]


def defined(module: str, name: str) -> ast.ClassDef:
    return next(node for m, node in classes() if m.name == f"bestline.{module}" and node.name == name)


def test_the_face_has_no_fields_and_only_delegates():
    face = defined("api.model", "Model")
    for statement in face.body:
        if isinstance(statement, ast.FunctionDef):
            statements = sum(isinstance(node, ast.stmt) for part in body_of(statement) for node in ast.walk(part))
            assert statements <= MOST_STATEMENTS, f"Model.{statement.name} has {statements} statements"
        else:
            assert not isinstance(statement, ast.Assign | ast.AnnAssign), f"a field: {ast.unparse(statement)}"


def test_the_face_overrides_nothing():
    from bestline.api.model import Model
    from bestline.inference.fitted import FittedLine

    assert issubclass(Model, FittedLine)
    inherited = {name for base in FittedLine.__mro__[:-1] for name in vars(base)}
    # Names with two underscores are what Python and `dataclass` write into every class.
    assert not {name for name in vars(Model).keys() & inherited if not name.startswith("__")}


def told_apart(module: Module) -> list[tuple[int, str]]:
    """Classes that a module asks `isinstance` or `issubclass` about."""
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"isinstance", "issubclass"}:
            found += [(node.lineno, n.id) for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)]
            found += [(node.lineno, n.attr) for n in ast.walk(node.args[1]) if isinstance(n, ast.Attribute)]
        if isinstance(node, ast.MatchClass):
            found.append((node.lineno, ast.unparse(node.cls).rpartition(".")[2]))
    return found


def family(contract: str, method: str) -> dict[str, str]:
    """The kinds of a contract, and the module of each: what derives from it, however far, and what does the same thing in training."""
    bases = {node.name: ({ast.unparse(base).rpartition(".")[2] for base in node.bases}, m.name) for m, node in classes()}
    found = {
        node.name
        for m, node in classes()
        if m.place.startswith("training/")
        and any(isinstance(part, ast.FunctionDef) and part.name == method for part in node.body)
    }
    while more := {name for name, (above, _) in bases.items() if above & (found | {contract})} - found:
        found |= more
    return {name: bases[name][1] for name in found - {contract}}


@pytest.mark.parametrize(("contract", "method"), [("Solver", "run"), ("Penalty", "prox")])
def test_nobody_tells_its_kinds_apart_from_outside(contract, method):
    kinds = family(contract, method)
    assert kinds, f"there is no {contract} but the contract"
    told = [
        f"{module.place}:{line} asks whether it is a {name}"
        for module in modules().values()
        for line, name in told_apart(module)
        if name in kinds and kinds[name] != module.name
    ]
    assert not told, told


def test_what_each_kind_must_have_is_abstract_and_no_error_at_work():
    stubs = [
        f"{m.place}:{node.lineno}"
        for m in modules().values()
        for node in ast.walk(m.tree)
        if isinstance(node, ast.Raise) and node.exc is not None and "NotImplementedError" in ast.unparse(node.exc)
    ]
    assert {place.partition(":")[0] for place in stubs} == set(NEVER_CALLED)
