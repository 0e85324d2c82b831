"""The command that says what is installed, what this machine has, and whether the numbers come out right here."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import typer

import bestline as bl
from bestline import api
from bestline.cli.options import briefly, examples, grouped
from bestline.cli.terminal import Terminal

DOCTOR_EXAMPLES = examples("bestline doctor", "bestline doctor --json")
_NEEDED = (
    *("torch", "numpy", "pyarrow", "narwhals", "formulaic", "scipy", "matplotlib", "safetensors", "jinja2"),
    *("typer", "rich", "starlette", "uvicorn"),
)
_WELCOME = (
    "pandas",
    "polars",
    "scikit-learn",
    "statsmodels",
    "duckdb",
    "dask",
    "pyspark",
    "ibis-framework",
    "onnx",
    "anywidget",
)


@grouped(terminal=briefly)
def doctor(*, terminal: Terminal) -> None:
    """Say which versions, threads and devices there are, and solve two problems of NIST whose answers are certified."""
    with terminal.listening():  # 16 rows are few, and the samples are what they are
        tried = api.solve_certified()
    versions = {name: _version(name) for name in (*_NEEDED, *_WELCOME)}
    threads, devices = api.workers()
    facts = {
        "bestline": bl.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "versions": versions,
        "threads": threads,
        "devices": devices,
        "self_test": {one.name: {"weights": one.weights, "std_errors": one.errors} for one in tried},
        "good": all(one.good for one in tried),
    }
    there = ", ".join(f"{name} {found}" for name, found in versions.items() if found)
    absent = ", ".join(name for name, found in versions.items() if not found)
    rows = [
        ("bestline", bl.__version__),
        ("Python", f"{platform.python_version()}, {platform.platform()}"),
        ("Installed", there),
        *([("Not installed", f"{absent} (only needed for what they are for)")] if absent else []),
        ("Threads", f"{threads}"),
        ("Devices", ", ".join(devices)),
    ]
    checks = [
        f"{one.name.capitalize()}, certified by NIST: {one.weights:.1f} digits of every weight, {one.errors:.1f} of every standard error"
        for one in tried
    ]
    terminal.result("\n".join([*(f"{name}: {text}" for name, text in rows), *checks]), facts)
    wrong = [one.name.capitalize() for one in tried if not one.good]
    if wrong:
        terminal.fail(
            f"{' and '.join(wrong)} should come out to {tried[0].needed:.0f} digits: do not rely on numbers here, and report what is printed above."
        )
        raise typer.Exit(1)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
