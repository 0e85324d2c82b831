"""Who may import whom: no circle of any kind, nothing private, nothing late without a reason, and libraries only in their rooms."""

from __future__ import annotations

import sys

from architecture.house import Import, Module, modules, own

MOST_LATE = 15  # imports of own modules inside functions, in the whole tree

# A library may be imported only in the places named here, in functions too. What is in no row may be imported nowhere.
EVERYWHERE = {"torch", "numpy", "pandas"}  # numbers; pandas only in functions, below, for it is no dependency
LIBRARIES: dict[str, tuple[str, ...]] = {
    "pyarrow": ("data/tables/", "engines/"),
    "narwhals": ("data/tables/", "engines/"),
    "fsspec": ("data/tables/",),
    "formulaic": ("data/design/",),
    "scipy": ("inference/", "estimators/"),
    "sklearn": ("estimators/", "inference/peers.py"),
    "statsmodels": ("inference/peers.py",),
    "matplotlib": ("pictures/render/",),
    "mpl_toolkits": ("pictures/render/",),
    "PIL": ("pictures/render/",),
    "jinja2": ("pictures/render/", "export/report", "lab/"),
    "safetensors": ("files.py", "export/"),
    "onnx": ("export/",),
    "dask": ("engines/",),
    "distributed": ("engines/",),
    "pyspark": ("engines/",),
    "duckdb": ("engines/",),
    "ibis": ("engines/",),
    "starlette": ("lab/",),
    "uvicorn": ("lab/",),
    "anywidget": ("pictures/player/",),
    "traitlets": ("pictures/player/",),
    "IPython": ("pictures/player/", "pictures/live.py"),
    "typer": ("cli/",),
    "rich": ("cli/",),
}


def imports() -> list[tuple[Module, Import]]:
    return [(module, imported) for module in modules().values() for imported in module.imports]


def test_libraries_stay_in_their_rooms():
    astray = []
    for module, imported in imports():
        library = imported.module.partition(".")[0]
        if library in sys.stdlib_module_names or library == "bestline" or library in EVERYWHERE:
            continue
        if not module.place.startswith(LIBRARIES.get(library, ())):
            astray.append(f"{module.place}:{imported.line} imports {library}")
    assert not astray


def test_what_is_no_dependency_and_what_is_heavy_is_loaded_at_work():
    named = [(module, imported, imported.module.partition(".")[0]) for module, imported in imports()]
    late = [
        (module.place, imported)
        for module, imported, library in named
        if library in {"pandas", "polars"} or (library == "torch" and module.place.startswith("cli/"))
    ]
    assert late
    assert not [
        f"{place}:{imported.line} {imported.module}" for place, imported in late if not (imported.inside or imported.typed)
    ]


def test_pyplot_is_nowhere():
    for module, imported in imports():
        assert not {imported.module, *imported.names} & {"matplotlib.pyplot", "pyplot"}, f"{module.place}:{imported.line}"


def test_own_modules_are_imported_at_the_top():
    late = [f"{m.place}:{i.line}" for m, i in imports() if i.inside and own(i)]
    assert len(late) <= MOST_LATE, late


def test_an_import_at_work_says_why():
    silent = [f"{m.place}:{i.line}" for m, i in imports() if i.inside and own(i) and "  # " not in m.lines[i.line - 1]]
    assert not silent


def test_nothing_private_crosses_modules():
    private = [
        f"{m.place}:{i.line} takes {name} from {i.module}"
        for m, i in imports()
        if i.module.partition(".")[0] == "bestline"
        for name in (*i.module.split("."), *i.names)
        if name.startswith("_") and not name.endswith("__")
    ]
    assert not private


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The circles of a graph: its strongly connected parts of two and more (Tarjan 1972)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for neighbour in sorted(edges[node]):
            if neighbour not in number:
                visit(neighbour)
                lowest[node] = min(lowest[node], lowest[neighbour])
            elif neighbour in stack:
                lowest[node] = min(lowest[node], number[neighbour])
        if lowest[node] == number[node]:  # all above it on the stack reach it, and it reaches them
            at = stack.index(node)
            part, stack[at:] = stack[at:], []
            if len(part) > 1:
                found.append(sorted(part))

    for node in edges:
        if node not in number:
            visit(node)
    return found


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [["a", "b", "c"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_circle_at_import_in_functions_or_for_types():
    edges = {name: set().union(*map(own, module.imports)) - {name} for name, module in modules().items()}
    assert not circles(edges)
