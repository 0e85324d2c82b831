"""The command for single pictures: of a model, or of the data before any fit."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

import bestline as bl
from bestline import api
from bestline.calls import is_formula, no_such
from bestline.cli.options import (
    At,
    By,
    Force,
    Missing,
    Weights,
    briefly,
    examples,
    grouped,
    names_of,
    numbers_of,
    one_or_names,
    refuse_existing,
    refuse_unless_picture,
    values_by_column,
)
from bestline.cli.terminal import Terminal
from bestline.cli.words import model_first, one, split_formula
from bestline.errors import readable

PLOT_EXAMPLES = examples(
    "bestline plot line.csv 'y ~ x' -o data.png",
    "bestline plot line.bestline line.csv --picture data -o line.png",
    "bestline plot line.bestline --picture contour --units trained --theme dark -o contour.svg",
    "bestline plot line.bestline line.csv --picture component --show x -o bend.png",
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a picture shows.

    Attributes
    ----------
    rows : str
        What the gallery calls the data that stand behind the model; empty where none do.
    without : bool
        Whether it can be drawn without them.
    one : str
        Of a picture of one column or term, which --show names, what the gallery calls it.
    """

    rows: str = ""
    without: bool = False
    one: str = ""


# What the gallery of a model calls its pictures, with - for _ on the command line.
PICTURES = {
    "data": Subject("data"),
    "before_after": Subject("data"),
    "train_test": Subject("train"),
    "frame": Subject("data"),
    "overview": Subject("data", without=True),
    "steps": Subject(),
    "loss": Subject(),
    "surface": Subject(),
    "contour": Subject(),
    "main_directions": Subject(),
    "weight": Subject(one="name"),
    "coefficients": Subject(),
    "predicted": Subject("data"),
    "residuals": Subject("data"),
    "diagnostics": Subject("data"),
    "added": Subject("data", one="column"),
    "component": Subject("data", one="column"),
    "means": Subject(one="term"),
    "contrasts": Subject(one="term"),
    "slopes": Subject(one="column"),
}
_OPTION = {"pair": "show"}  # where it is called otherwise than the argument


def _said(name: str) -> str:
    return name.replace("_", "-")


@grouped(terminal=briefly)
def plot(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL [DATA]... | DATA... FORMULA",
            help="A .bestline file, for pictures of rows also its data; or data and a formula: the data before any fit.",
        ),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="PICTURE", help="Write here: .png, .svg or .pdf.")],
    picture: Annotated[
        str | None,
        typer.Option(help=f"Of a model: {', '.join(map(_said, PICTURES))}. [default: data with DATA, else overview]"),
    ] = None,
    theme: Annotated[str, typer.Option(help="light or dark.")] = "light",
    units: Annotated[
        str | None, typer.Option(help="Units of weights on axes: data, or trained: as standardised. [default: data]")
    ] = None,
    weights_shown: Annotated[
        str | None,
        typer.Option(
            "--show",
            metavar="A,B",
            help="The weights of the loss surface, or: path, for its main directions; of weight, added, component, means, contrasts and "
            "slopes one column.",
        ),
    ] = None,
    by: By = None,
    at: At = None,
    level: Annotated[float | None, typer.Option(help="Level of the intervals. [default: 0.95]")] = None,
    step: Annotated[int | None, typer.Option(help="After so many updates. [default: after all]")] = None,
    log: Annotated[
        bool | None, typer.Option("--log/--no-log", help="Loss on a scale of factors. [default: as it fits]")
    ] = None,
    truth: Annotated[
        str | None, typer.Option(help="The line the data were made from: slope,intercept, or generate's .json file.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The target to draw; before a fit in place of a formula.")] = None,
    features: Annotated[str | None, typer.Option(help="Before a fit, in place of a formula: a,b,c.")] = None,
    weights: Weights = None,
    missing: Missing = "raise",
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Draw one picture: of a model, or of the data before any fit."""
    refuse_unless_picture(out)
    refuse_existing(out, force)
    options = {"step": step, "log": log, "units": units, "pair": weights_shown, "truth": _truth(truth)}
    options |= {"by": one_or_names(by), "at": at or None, "level": level}
    given = {name: value for name, value in options.items() if value is not None}
    if any(word.lower().endswith(".bestline") for word in words):
        before = {"--features": features, "--weights": weights, "--missing": None if missing == "raise" else missing}
        for option, value in before.items():
            if value is not None:
                raise typer.BadParameter(f"{option} is of data before a fit; the model knows its columns: leave it out")
        model, rest = model_first(Path(words[0]), words[1:])
        if formulas := [word for word in rest if is_formula(word)]:
            raise typer.BadParameter(f"the model has its formula; leave out {readable(formulas[0])}")
        name = _named(picture, has_data=bool(rest))
        with terminal.listening():
            drawn = _of_model(model, rest, name, theme, given | ({} if target is None else {"target": target}))
    else:
        name = "data"
        _refuse_of_models(picture, given)
        files, formula = split_formula(words)
        columns: dict[str, Any] = {
            "target": one_or_names(target),
            "features": names_of(features),
            "weights": weights,
            "missing": missing,
        }
        with terminal.listening():
            drawn = bl.plot_data(files, formula, **columns, truth=given.get("truth"), theme=theme)
    with terminal.listening(), api.fresh(out, overwrite=force) as temporary:
        api.write_drawing(drawn, temporary, out.suffix.lower().lstrip("."))
    terminal.answer("", {"out": str(out), "picture": _said(name), "alt": drawn.alt, "warnings": terminal.said})
    terminal.wrote(out)


def _named(picture: str | None, *, has_data: bool) -> str:
    """The picture's name in the gallery."""
    if picture is None:
        return "data" if has_data else "overview"
    name = picture.strip().lower().replace("-", "_").replace(" ", "_")
    if name not in PICTURES:
        raise no_such("picture", picture, map(_said, PICTURES))
    return name


def _of_model(path: Path, data: list[str], name: str, theme: str, given: dict[str, Any]) -> Any:
    line = bl.load(path)
    gallery = replace(line.plot, theme=theme)
    draw, takes = getattr(gallery, name), _takes(gallery, name)
    if name == "frame":
        given.setdefault("step", line.step)
    for option in given:
        if option not in takes:
            those = [other for other in PICTURES if option in _takes(gallery, other)]
            raise typer.BadParameter(
                f"--{_OPTION.get(option, option)} is of the pictures {', '.join(map(_said, those))}; {_said(name)} has none: leave it out"
            )
    if PICTURES[name].one:
        given |= _one_shown(name, given.pop("pair", None))
    elif "pair" in given:
        given["pair"] = _pair(given["pair"])
    if "at" in given:
        given["at"] = values_by_column(given["at"], line.design.needs)
    rows = PICTURES[name].rows
    if not rows and data:
        raise typer.BadParameter(f"{_said(name)} is drawn from the model alone; leave out {readable(data[0])}")
    if rows and not data and not PICTURES[name].without:
        raise typer.BadParameter(f"{_said(name)} shows rows, which a model file does not hold; write its data behind {path}")
    if name == "train_test":
        if len(data) != 2:
            raise typer.BadParameter("train-test takes two files behind the model: the training rows, then the test rows")
        return draw(*data, **given)
    return draw(**given, **({rows: one(data)} if rows and data else {}))


def _takes(gallery: Any, name: str) -> set[str]:
    """What a picture of the gallery takes, by our names for it."""
    takes = set(inspect.signature(getattr(gallery, name)).parameters)
    one = PICTURES[name].one
    # The units of means are those of the target, and --units are of weights on axes.
    return (takes | ({"pair"} if one else set())) - ({"units"} if one == "term" else set())


def _one_shown(name: str, text: str | None) -> dict[str, Any]:
    """The one column or term that a picture shows; of a weight it may be left out."""
    shown = one_or_names(text)
    if shown is None and name == "weight":
        return {}
    if not shown or (isinstance(shown, list) and name not in ("means", "contrasts")):
        raise typer.BadParameter(
            f"the picture {name} shows one column; name it with --show COLUMN" + (f"; got {text!r}" if text else "")
        )
    return {PICTURES[name].one: shown}


def _pair(text: str | None) -> Any:
    return "path" if text == "path" else names_of(text)


def _truth(text: str | None) -> Any:
    return text if text is None or text.lower().endswith(".json") else numbers_of(text, "--truth")


def _refuse_of_models(picture: str | None, given: dict[str, Any]) -> None:
    if picture is not None and _named(picture, has_data=True) != "data":
        raise typer.BadParameter(
            f"{picture} is a picture of a model; fit one first: bestline fit DATA FORMULA -o MODEL.bestline, then bestline plot MODEL.bestline"
        )
    for option in given:
        if option != "truth":
            raise typer.BadParameter(
                f"--{_OPTION.get(option, option)} is of a model; data before a fit have none: leave it out"
            )
