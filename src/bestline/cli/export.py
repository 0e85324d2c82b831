"""The command that hands a model to other systems: as SQL, as an ONNX graph, as JSON, or as plain code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

import bestline as bl
from bestline import api
from bestline.cli.options import Force, ModelFile, QuietButResult, examples, refuse_existing, unless_stdout
from bestline.cli.streams import onto_stdout
from bestline.cli.terminal import Terminal
from bestline.cli.words import model_first, one
from bestline.errors import DataError, clean
from bestline.wording import tame_json

EPILOG = examples(
    "bestline export cars.bestline --to sql --table cars",
    "bestline export cars.bestline --to onnx -o cars.onnx",
    "bestline export cars.bestline --to json -o cars.json",
    "bestline export cars.bestline cars.csv --to script --style numpy",
)
_TARGETS = ("script", "onnx", "sql", "json")


def export(
    model: ModelFile,
    data: Annotated[
        list[str] | None, typer.Argument(metavar="DATA...", help="The data, for a script: a model file has no rows.")
    ] = None,
    to: Annotated[str, typer.Option(metavar="KIND", help="script, onnx, sql or json.")] = "",
    style: Annotated[str | None, typer.Option(help="Of a script: numpy, tensors, linear or module. [default: linear]")] = None,
    table: Annotated[
        str | None, typer.Option(help="Of SQL: the table's name in the database, or SCHEMA.TABLE. [default: data]")
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(help="Of SQL: ansi (PostgreSQL, DuckDB and others) or sqlite. [default: ansi]")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write here. [default: stdout]")] = None,
    force: Force = False,
    quiet: QuietButResult = False,
) -> None:
    """Write a model as what other systems run: SQL, ONNX, JSON, or plain code that fits it again."""
    if to not in _TARGETS:
        raise typer.BadParameter(f"--to needs one of {', '.join(_TARGETS)}{f'; got {to!r}' if to else ''}")
    model, rows = model_first(model, data)
    if (to == "script") != bool(rows):
        raise typer.BadParameter(
            "--to script needs the data, for a model file has no rows: bestline export MODEL DATA --to script"
            if to == "script"
            else f"--to {to} needs no data; give the model alone"
        )
    for option, given, kind in (("style", style, "script"), ("table", table, "sql"), ("dialect", dialect, "sql")):
        if given is not None and to != kind:
            raise typer.BadParameter(f"--{option} is for --to {kind}; leave it out with --to {to}")
    out = unless_stdout(out)
    if to == "onnx" and out is None:
        raise typer.BadParameter("--to onnx writes a file that is no text; say where with -o FILE.onnx")
    refuse_existing(out, force, model, *rows)
    terminal = Terminal(quiet=quiet)
    with terminal.listening():
        text = _exported(model, rows, to, style or "linear", table or "data", dialect or "ansi", out, force)
    if text is not None and out is None:
        _print(text)
    terminal.answer("")
    terminal.wrote(out)


def _exported(
    path: Path, data: list[str], to: str, style: str, table: str, dialect: str, out: Path | None, force: bool
) -> str | None:
    """The text, which is in `out` already if that is given; None for what is no text."""
    model = bl.load(path)
    if to == "onnx":
        assert out is not None  # noqa: S101  the caller has looked
        model.to_onnx(out, overwrite=force)
        return None
    if to == "sql":
        text = model.to_sql(_table(table), dialect=dialect)
    elif to == "json":
        text = tame_json(json.dumps(model.to_dict(), indent=2, ensure_ascii=False))
    else:
        text = model.script(style, data=one(data))
    text = text.rstrip("\n") + "\n"
    if out is not None:
        with api.fresh(out, overwrite=force) as temporary:
            temporary.write_bytes(text.encode())
    return text


def _table(text: str) -> str | tuple[str, ...]:
    """`schema.table` as its parts; a name that holds a dot itself, such as a file's, stands in double quotes."""
    # SQL's own quotes: a doubled one inside stands for one.
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"')
    return tuple(text.split("."))


def _print(text: str) -> None:
    """To stdout in UTF-8, whatever the terminal speaks: a name with a letter replaced would be another name."""
    # A name in SQL is what the database calls the column, letter by letter; a file keeps it, and a terminal would act on it.
    if sys.stdout is not None and sys.stdout.isatty() and clean(text, keep="\n\t") != text:
        raise DataError("A column's name or level has control characters, which a terminal would act on; write with -o FILE.")
    with onto_stdout():
        stream = getattr(sys.stdout, "buffer", None)
        if stream is None:
            sys.stdout.write(text)
            return
        stream.write(text.encode())
        stream.flush()
