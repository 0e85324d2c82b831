"""The command that shows training: one run or several side by side, as a page, a film or a picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

import bestline as bl
from bestline import api
from bestline.cli.fit import Training, training_options
from bestline.cli.options import Force, files_of, grouped, names_of, rate_of, refuse_existing, saying, start_of
from bestline.cli.terminal import Bars, Terminal
from bestline.wording import significant


@grouped(training=training_options, terminal=saying)
def watch(
    training: Training,
    *,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="RUN", help="Write here: .html (plays by itself), .gif, .mp4, .png, .svg or .pdf."),
    ],
    compare: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OPTION=VALUE,...", help="One run more, with these options changed: lr=0.2 or solver=adam,lr=0.1."
        ),
    ] = None,
    weights_shown: Annotated[
        str | None,
        typer.Option(
            "--show",
            metavar="A,B",
            help="The two weights of the loss surface, or: path, for its main directions. [default: the first and the last]",
        ),
    ] = None,
    frames: Annotated[
        int | None, typer.Option(help="Frames of a GIF or MP4. [default: 100, or fewer where a GIF would exceed 300 kB]")
    ] = None,
    theme: Annotated[
        str | None,
        typer.Option(help="Of a GIF, MP4 or still picture: light or dark. A page follows its reader. [default: light]"),
    ] = None,
    units: Annotated[
        str | None,
        typer.Option(
            help="Of a GIF, MP4 or still picture: weights in units of the data, or trained: as standardised. A page has a switch. [default: data]"
        ),
    ] = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live/--still",
            help="A page that trains by itself, where the start is dragged and the rate turned; or one that shows what was recorded.",
        ),
    ] = True,
    force: Force = False,
    terminal: Terminal,
) -> None:
    """Train, and show how: data, loss surface and loss curve step by step, of one run or of several."""
    api.refuse_format(out)
    refuse_existing(out, force, *files_of(training.asked.data))
    if frames is not None and out.suffix.lower() not in (".gif", ".mp4"):
        raise typer.BadParameter(f"--frames are of a .gif or .mp4; leave it out for {out.name!r}")
    if theme is not None and out.suffix.lower() == ".html":
        raise typer.BadParameter("--theme is of a film or picture: a page follows the theme of whoever reads it")
    if units is not None and out.suffix.lower() == ".html":
        raise typer.BadParameter("--units is of a film or picture: a page has the switch 'as trained', the key u")
    if not live and out.suffix.lower() != ".html":
        raise typer.BadParameter(f"--still is of a page; {out.name!r} shows what was recorded in any case")
    theme, units = theme or "light", units or "data"
    api.refuse_look(out, theme=theme, frames=frames, units=units)
    changes = [{}, *(_changed(text) for text in compare or [])]
    with terminal.listening() as bars:
        models = []
        for change in changes:
            models.append(_trained(training, bars, change))
            if models[-1].stop is bl.Stop.INTERRUPTED:  # shown as far as it came, and the others not begun
                break
    asked = ["", *(compare or [])][: len(models)]
    labels = [_named(api.label(model), text) for model, text in zip(models, asked, strict=True)]

    def draw(path: Path) -> None:
        api.watch_runs(
            dict(zip(labels, models, strict=True)),
            path,
            pair="path" if weights_shown == "path" else names_of(weights_shown),
            units=units,
            frames=frames,
            theme=theme,
            live=live,
            overwrite=force,
        )

    facts: list[dict[str, Any]] = [
        {
            "label": name,
            "solver": model.solver,
            "lr": model.rate,
            "lr_limit": model.rate_limit,
            "steps": int(model.trace.step[-1]),
            "loss": float(model.trace.loss[int((model.trace.step - model.step).abs().argmin())]),
            "stop": model.advice,
        }
        for name, model in zip(labels, models, strict=True)
    ]
    chosen = [note for model in models for note in model.notes if note.startswith("To be watched")]
    # Of a rate that was taken so that its steps are seen, advice to take another one would only confuse.
    told = [
        f"{fact['label']}: loss {significant(fact['loss'])} after {fact['steps']:,} updates. {'' if set(model.notes) & set(chosen) else fact['stop']}".rstrip()
        for fact, model in zip(facts, models, strict=True)
    ]
    known = tuple(model.advice for model in models)
    with terminal.saving((out, draw)):
        terminal.answer(
            "\n".join([*told, *dict.fromkeys(chosen)]),
            {"out": str(out), "runs": facts, "chosen": chosen, "warnings": terminal.said},
            known=known,
        )
    if models[-1].stop is bl.Stop.INTERRUPTED:
        raise typer.Exit(130)


_SAID = ("lr", "rate", "power", "average", "batch_size", "patience", "tol", "forward")  # then descent is what was asked for


def _trained(training: Training, bars: Bars, change: dict[str, Any]) -> bl.Model:
    """One run: as it was asked for, or where nobody said how, a descent that can be watched."""
    asked = {**training.arguments, **change}
    plain = asked["solver"] in (None, "exact", "sgd") and asked["loss"] == "squared"
    if plain and all(asked[name] is None for name in _SAID):
        line = training.fit(bars, **{**change, "solver": None, "steps": None})
        return api.worth_watching(line, asked["steps"], always=True)
    # The exact solution has no steps to watch; where it is named all the same, with a setting of steps, the fit says what is wrong.
    descends = {"solver": "sgd"} if asked["solver"] is None and not asked["l1"] else {}
    return training.fit(bars, **{**change, **descends})


def _named(label: str, asked: str) -> str:
    """A run by how it was trained, and by what was asked to be changed where the label does not say it."""
    # Two runs that differ by what their labels do not say, such as the seed, are told apart by what was asked.
    pieces = [re.sub(r"\s*=\s*", "=", piece.strip()) for piece in re.split(_PIECES, asked)]
    left = [piece for piece in pieces if piece and piece.partition("=")[2] not in label]
    return f"{label} ({', '.join(left)})" if left else label


_CHANGES: dict[str, Callable[[str], Any]] = {
    "solver": str,
    "lr": rate_of,
    "steps": int,
    "batch-size": int,
    "patience": int,
    "tol": float,
    "start": start_of,
    "l1": float,
    "l2": float,
    "loss": str,
    "standardize": lambda text: {"true": True, "yes": True, "false": False, "no": False}[text.lower()],
    "seed": int,
}


_WRITTEN = dict.fromkeys(("steps", "batch-size", "patience", "seed"), "a whole number") | {"standardize": "yes or no"}

# Values may hold commas (start=-1,2): only one before another option ends a piece.
_PIECES = rf",(?=\s*(?:{'|'.join(_CHANGES)})\s*=)"  # a comma before another option


def _changed(text: str) -> dict[str, Any]:
    """What one --compare changes: `lr=0.2`, `solver=adam,lr=0.1`, `start=-1,2`."""
    changes: dict[str, Any] = {}
    for piece in re.split(_PIECES, text.replace("batch_size", "batch-size")):
        name, equals, value = piece.partition("=")
        name = name.strip()
        if not equals or name not in _CHANGES:
            raise typer.BadParameter(f"--compare changes one of {', '.join(_CHANGES)}, as in lr=0.2; got {text!r}")
        try:
            changes[name.replace("-", "_")] = _CHANGES[name](value.strip())
        except (ValueError, KeyError) as error:
            raise typer.BadParameter(
                f"--compare cannot read {piece!r}; write {name}={_WRITTEN.get(name, 'a number')}"
            ) from error
    return changes
