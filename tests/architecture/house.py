"""The whole tree of sources, parsed once: what the rules of the house are held against."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "bestline"


@dataclass(frozen=True)
class Import:
    """One import statement: what it names, on which line, and when it is done."""

    module: str  # as written, made absolute
    names: tuple[str, ...]  # what is taken from it; empty for `import module`
    line: int
    inside: bool  # in a function: at work, and not when the module is loaded
    typed: bool  # under TYPE_CHECKING: for the reader and the type checker alone


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    name: str  # "bestline.numerics.rows"
    path: Path

    @cached_property
    def lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse("\n".join(self.lines))

    @property
    def place(self) -> str:
        """`numerics/rows.py`."""
        return self.path.relative_to(SRC).as_posix()

    @property
    def package(self) -> str:
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    @cached_property
    def imports(self) -> list[Import]:
        return list(self._imports(self.tree, inside=False, typed=False))

    def _imports(self, node: ast.AST, *, inside: bool, typed: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, (), child.lineno, inside, typed) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                above = (
                    ".".join(self.package.split(".")[: len(self.package.split(".")) - child.level + 1]) if child.level else ""
                )
                module = ".".join(part for part in (above, child.module) if part)
                yield Import(module, tuple(alias.name for alias in child.names), child.lineno, inside, typed)
            else:
                function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
                for_types = isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")
                yield from self._imports(child, inside=inside or function, typed=typed or for_types)


@cache
def modules() -> dict[str, Module]:
    """Every module of the package, by its name."""
    found = {}
    for path in sorted(SRC.rglob("*.py")):
        name = ".".join(("bestline", *path.relative_to(SRC).with_suffix("").parts)).removesuffix(".__init__")
        found[name] = Module(name, path)
    return found


def own(imported: Import) -> set[str]:
    """The modules of the package that an import statement loads by name: `from room import door` may name either or both."""
    candidates = {imported.module, *(f"{imported.module}.{name}" for name in imported.names)}
    return candidates & modules().keys()


def classes() -> Iterator[tuple[Module, ast.ClassDef]]:
    """Every class, wherever it is defined."""
    for module in modules().values():
        yield from ((module, node) for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef))
