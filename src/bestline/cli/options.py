"""What the commands share: options that mean the same everywhere, and how their text is read."""

from __future__ import annotations

import contextlib
import csv
from pathlib import Path
from typing import Annotated

import typer

from bestline.cli import doors

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no more than errors.")]
Show = Annotated[
    bool | None, typer.Option("--progress/--no-progress", help="Show progress on stderr. [default: on a terminal]")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")]
DataPaths = Annotated[
    list[str],
    typer.Argument(
        metavar="DATA... [FORMULA]",
        help="Files (CSV, TSV, .gz, Parquet, Feather, Arrow), globs or URLs; and a formula such as 'y ~ x1 + C(g)'.",
    ),
]


def split_formula(data: list[str]) -> tuple[str | list[str], str | None]:
    """Paths, and the formula when the last argument is one: it has a ~ that does not begin a path, or is empty."""
    last = data[-1].strip()
    is_formula = not last or ("~" in last and not last.startswith("~/") and not _exists(last))
    formula, files = (data[-1], data[:-1]) if is_formula else (None, data)
    if not files:
        raise typer.BadParameter("give the data before the formula: bestline fit table.csv 'y ~ x'")
    return one(files), formula


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # longer than any path, or with characters that no path has
        return False


def one(files: list[str]) -> str | list[str]:
    """One path as it is, several as a list."""
    return files[0] if len(files) == 1 else files


def names_of(text: str | None) -> list[str] | None:
    """Names between commas; a name that holds a comma itself stands in double quotes."""
    if text is None:
        return None
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), []) if name.strip()]


def one_or_names(text: str | None) -> str | list[str] | None:
    """One name as it is, several as a list."""
    names = names_of(text)
    return names[0] if names is not None and len(names) == 1 else names


def numbers_of(text: str | None, option: str) -> list[float] | None:
    """Numbers between commas."""
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"{option} needs numbers separated by commas; got {text!r}") from error


def rate_of(text: str | None) -> float | str | None:
    """A learning rate, or "auto"."""
    if text is None or text == "auto":
        return text
    numbers = numbers_of(text, "--lr")
    return numbers[0] if numbers is not None and len(numbers) == 1 else text


def start_of(text: str | None) -> dict[str, float] | list[float] | None:
    """First weights, in order or by name."""
    return numbers_of(text, "--start") if text is None or "=" not in text else numbers_by_name(text, "--start")


def numbers_by_name(text: str | None, option: str) -> dict[str, float] | None:
    """Numbers by name: `a=1,b=2`; a name may hold an equals sign, and be quoted to hold a comma."""
    if text is None:
        return None
    pairs = [part.rpartition("=") for part in names_of(text) or []]
    if any(not equals for _, equals, _ in pairs):
        raise typer.BadParameter(f"{option} takes numbers by name, such as a=0,b=2; got {text!r}")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise typer.BadParameter(f"{option} names something twice: {text!r}")
    values = numbers_of(",".join(value for _, _, value in pairs), option) or []
    return {name.strip(): value for (name, _, _), value in zip(pairs, values, strict=True)}


def refuse_existing(path: Path | None, force: bool) -> None:
    """Before any work is done: a file that may not be overwritten, or a folder that is not there."""
    if path is None or (path.exists() and force):
        return
    with contextlib.suppress(_Probe), doors.fresh(path):
        raise _Probe


def refuse_unless_html(path: Path | None, option: str) -> None:
    """A page is written to a file that a browser opens."""
    if path is not None and path.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter(f"{option} writes a page, to a file that ends in .html; got {path.name!r}")


class _Probe(Exception):  # noqa: N818
    """Ends a trial of writing before anything is written."""
