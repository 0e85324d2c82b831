"""What the commands share: options that mean the same everywhere, and how their text is read.

A group of options is a function: its parameters are the options, and it returns what a command takes in their place.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bestline import api
from bestline.cli.terminal import Terminal
from bestline.cli.words import split_formula
from bestline.errors import readable

if TYPE_CHECKING:
    from pandas import DataFrame

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no more than errors.")]
# Rows and text that go to standard output are what was asked for: nothing that --quiet would be asked to leave out.
QuietButResult = Annotated[
    bool, typer.Option("--quiet", help="Print no more than errors, and the result itself where no --out takes it.")
]
Show = Annotated[
    bool | None, typer.Option("--progress/--no-progress", help="Show progress on stderr. [default: on a terminal]")
]
# Not `readable`: click would call a file that may not be read wrong usage. Whoever opens it says what is wrong with it.
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", readable=False, help="A .bestline file.")]
Cov = Annotated[
    str | None,
    typer.Option(
        help="Standard errors: classical; HC0, HC1, HC2, HC3 (heteroscedasticity-consistent); cluster:A or cluster:A,B (correlated within "
        "groups; cluster:A,type=CR3 for few); hac or hac:TIME,lags=4 (Newey-West); driscoll-kraay:TIME (panels). Median, quantile and Huber lines: robust, iid; also nid, H2, H3."
    ),
]
By = Annotated[str | None, typer.Option(help="Columns whose values stand in groups of rows: a,b.")]
At = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN=VALUES", help="Values to look at: x=1,2 or sex=male; may be given again. [default: means]"),
]
Weights = Annotated[str | None, typer.Option(help="Column of weights.")]
WeightKind = Annotated[
    str,
    typer.Option(
        help="What weights are: analytic (precisions), frequency (a row stands for so many), probability (of a sample; HC1 errors)."
    ),
]
Missing = Annotated[str, typer.Option(help="Missing values: raise, drop or impute.")]
Engine = Annotated[
    str | None,
    typer.Option(help="Who reads the rows: dask (a cluster of this machine), or an address: tcp://HOST:8786. [default: here]"),
]
Ridge = Annotated[float, typer.Option(help="Ridge penalty (weight decay): weight of sum w^2, columns and target standardised.")]
TableOut = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write here: .csv or .parquet. [default: stdout]")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")]
DataPaths = Annotated[
    list[str],
    typer.Argument(
        metavar="DATA... [FORMULA]",
        help="Files (CSV, TSV, .gz, Parquet, Feather, Arrow), globs or URLs; and a formula such as 'y ~ x1 + C(g)'.",
    ),
]


def examples(*commands: str, note: str = "") -> str:
    """What stands at the end of --help: one example a line, as it can be typed."""
    # Click wraps a paragraph, unless it begins with this mark.
    lines = "\n".join(f"  {command}" for command in commands)
    return f"\b\nExample{'s' if len(commands) > 1 else ''}:\n{lines}" + (f"\n\n{note}" if note else "")


def grouped(**groups: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A command whose parameters of these names each stand for a group of options, in the place where it stands."""

    def wrap(command: Callable[..., Any]) -> Callable[..., Any]:
        # Annotations are read now, as objects: typer looks at the new signature, where their names would mean nothing.
        options = {name: inspect.signature(group, eval_str=True).parameters for name, group in groups.items()}
        own = inspect.signature(command, eval_str=True).parameters

        def run(**given: Any) -> Any:
            made = {name: group(**{option: given.pop(option) for option in options[name]}) for name, group in groups.items()}
            return command(**made, **given)

        # In its place, so that --help lists a group where the command's author wrote it. All by name: then order is free.
        flat = [option for name, p in own.items() for option in (options[name].values() if name in options else [p])]
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in flat]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return wrap


def saying(json: Json = False, quiet: Quiet = False, progress: Show = None) -> Terminal:
    """How much a command says, and in which form."""
    return Terminal(json, quiet, progress)


def resulting(json: Json = False, quiet: QuietButResult = False, progress: Show = None) -> Terminal:
    """The same of a command whose result goes to standard output."""
    return Terminal(json, quiet, progress)


def briefly(json: Json = False, quiet: Quiet = False) -> Terminal:
    """The same of a command that is done at once."""
    return Terminal(json, quiet)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is fitted to what: the data, and the arguments that name its columns, as all functions of bestline take them."""

    data: str | list[str]
    formula: str | None
    columns: dict[str, Any]


def asking(
    data: DataPaths,
    target: Annotated[
        str | None, typer.Option(help="Target (response): the column to predict (several: a,b), in place of a formula.")
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(help="Features (predictors): columns to predict from: a,b,c. [default: all others that can serve]"),
    ] = None,
) -> Asked:
    """Data with a formula, or with its columns by name."""
    files, formula = split_formula(data)
    return Asked(files, formula, {"target": one_or_names(target), "features": names_of(features)})


_QUOTED = re.compile(r'^"((?:[^"]|"")*)"(?=[^"]*$)')  # what stands behind it stays: a number by name, `"a,b"=2`


# A piece between commas. Commas in brackets are a name's own, as in lag(x, order=week) and g[T.a, b]: the brackets of columns of
# formulas go two deep. A bracket without its other half is a sign as any other.
_PIECE = re.compile(r"""\s*("(?:[^"]|"")*"[^,"]*|(?:\((?:[^()]|\([^()]*\))*\)|\[[^\[\]]*\]|[^,])*)\s*(?:,|\Z)""")


def names_of(text: str | None) -> list[str] | None:
    """Names between commas; a name that holds a comma outside of brackets stands in double quotes."""
    if text is None:
        return None
    words = _PIECE.findall(text)
    names = [_QUOTED.sub(lambda q: q[1].replace('""', '"'), word.strip()) for word in words]
    return [name for name in names if name.strip()]


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
    try:
        return float(text)
    except ValueError as error:
        raise typer.BadParameter(f"--lr is one number, or auto; got {text!r}") from error


def folds_of(text: str) -> int | str:
    """A number of folds, or the column whose values they are."""
    return int(text) if text.lstrip("-").isdigit() else text


def start_of(text: str | None) -> dict[str, float] | list[float] | None:
    """First weights, in order or by name."""
    return numbers_of(text, "--start") if text is None or "=" not in text else numbers_by_name(text, "--start")


def numbers_by_name(text: str | None, option: str) -> dict[str, float] | None:
    """Numbers by name: `a=1,b=2`; a name may hold an equals sign, and be quoted to hold a comma."""
    if text is None:
        return None
    # The last equals sign: names such as C(g)[T.a=b] have their own.
    pairs = [part.rpartition("=") for part in names_of(text) or []]
    if any(not equals for _, equals, _ in pairs):
        raise typer.BadParameter(f"{option} takes numbers by name, such as a=0,b=2; got {text!r}")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise typer.BadParameter(f"{option} names something twice: {text!r}")
    values = numbers_of(",".join(value for _, _, value in pairs), option) or []
    return {name.strip(): value for (name, _, _), value in zip(pairs, values, strict=True)}


def values_by_column(texts: list[str] | None, known: Sequence[str]) -> dict[str, list[str]] | None:
    """Values by column: `x=1,2` and `sex=male`, one option each or behind each other."""
    found: dict[str, list[str]] = {}
    for text in texts or []:
        name = ""
        for piece in names_of(text) or []:
            column, value = _split(piece, known)
            name = column or name
            if not name:
                raise typer.BadParameter(f"--at takes values by column, such as --at x=1,2; got {text!r}")
            found.setdefault(name, []).append(value)
    return found or None


def _split(piece: str, known: Sequence[str]) -> tuple[str, str]:
    """A column and its value; no column where the piece is one more value of the column before."""
    # A name may hold an equals sign, and so may a level: the longest known name decides.
    places = [i for i, letter in enumerate(piece) if letter == "="]
    best = next((i for i in reversed(places) if piece[:i].strip() in known), places[0] if places else -1)
    return ("", piece) if best < 0 else (piece[:best].strip(), piece[best + 1 :].strip())


def refuse_existing(path: Path | None, force: bool, *read: str | Path) -> None:
    """Before any work is done: a file that may not be overwritten, as what the command reads, or a folder that is not there."""
    if path is None:
        return
    if str(path) in _STDOUT:
        raise typer.BadParameter(f"{path} is standard output, which takes predictions and exported text alone; name a file")
    if force and path.exists():
        _refuse_read(path, read)
    api.refuse_early(path, overwrite=force)


def _refuse_read(path: Path, read: Iterable[str | Path]) -> None:
    # Not even by force: whoever names the same file twice has lost the rows, and never meant to.
    found = [name for word in read for name in (str(word), *glob(str(word)))]  # noqa: PTH207  full paths too
    if any(Path(name).exists() and path.samefile(name) for name in found):
        raise typer.BadParameter(f"{readable(str(path))} is read by this command and would be lost; write to another file")


def files_of(data: str | list[str]) -> list[str]:
    """The words that name data, as a list."""
    return [data] if isinstance(data, str) else data


TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".feather", ".arrow")


def refuse_unless_table(path: Path | None, what: str = "a table") -> None:
    """A table is written to a file that other programs read."""
    if path is not None and not path.name.lower().endswith(TABLES):
        raise typer.BadParameter(f"--out writes {what}, to .csv or .parquet; got {path.name!r}")


def write_table(frame: DataFrame, path: Path, *, force: bool) -> None:
    """A frame as a file, whole or not at all."""
    api.write_with(api.open_source(frame), path, lambda batch: {}, overwrite=force)


def unless_stdout(path: Path | None) -> Path | None:
    """Where text is written to; None for standard output, by its names too."""
    return None if path is not None and str(path) in _STDOUT else path


STILLS = (".png", ".svg", ".pdf")


def refuse_unless_picture(path: Path | None) -> None:
    """A still picture is written to a file that matplotlib writes."""
    if path is not None and path.suffix.lower() not in STILLS:
        raise typer.BadParameter(f"--out writes a picture, to a file that ends in .png, .svg or .pdf; got {path.name!r}")


def refuse_unless_html(path: Path | None, option: str) -> None:
    """A page is written to a file that a browser opens."""
    if path is not None and path.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter(f"{option} writes a page, to a file that ends in .html; got {path.name!r}")


_STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
