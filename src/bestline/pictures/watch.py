"""Watch: how models were trained, as something that moves. A page, a notebook widget, a GIF, a film, a still picture.

All of them show the same states of training, side by side: the rows and the line, the loss surface with the path on it, the
loss after every update. Several models on the same rows are shown in the same panels.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias, TypeVar

import torch

from bestline.calls import checked
from bestline.errors import OptionError
from bestline.files import as_path, fresh
from bestline.inference.fitted import FittedLine
from bestline.inference.uncertainty import target_number
from bestline.numerics import Comoments
from bestline.pictures.film_file import Film, somewhere
from bestline.pictures.landscape import Pair, refuse_units
from bestline.pictures.marks import Picture
from bestline.pictures.overview import lines_by_label, overview
from bestline.pictures.palette import themed
from bestline.pictures.player.session import run_label, session
from bestline.pictures.player.trainable import trainable
from bestline.pictures.player.widget import widget
from bestline.pictures.render import film as motion
from bestline.pictures.render import mpl
from bestline.pictures.render.html import Page, page
from bestline.pictures.render.stills import smaller
from bestline.pictures.sample import Sample, rows_shown
from bestline.training import Fit, Part
from bestline.training.planes import PATH
from bestline.training.worth_watching import stands_still, to_watch
from bestline.wording import on_columns

__all__ = [
    "FORMATS",
    "animate",
    "label",
    "page_of",
    "refuse_format",
    "refuse_look",
    "session_of",
    "watch",
    "watch_runs",
    "worth_watching",
]

LineT = TypeVar("LineT", bound=FittedLine)
Models: TypeAlias = FittedLine | Mapping[str, FittedLine]  # one, or several by their labels

FORMATS = ("html", *motion.FORMATS, *mpl.FORMATS)
_PRINTED = (96, 80, 66, 54, 44, 36)  # dots an inch of the picture for paper: as many as the page has room for
_MOST = 250_000  # bytes of a page


def label(model: FittedLine) -> str:
    """A model by how it was trained: `adam, lr 0.1`."""
    return run_label(model.trained)


def beside(line: FittedLine, others: Mapping[str, FittedLine] | None) -> dict[str, FittedLine]:
    """A line and others on the same rows, each by its label."""
    shown_line = line if others else worth_watching(line)
    return {label(shown_line): shown_line, **lines_by_label(others)}


def worth_watching(line: LineT, steps: int | None = None, *, always: bool = False) -> LineT:
    """The line itself; or, where it was solved with nothing to see, one that descended to the same place, and says so in its notes.

    `steps` are the updates to make; with `always` it descends anew whatever it did. An exact line among others stays what it is.
    """
    if not (always or stands_still(line.plan, line.fit)) or not line.plan.squared_line:
        return line
    plan, words = to_watch(line.plan, line.training, steps)
    parts = line.parts
    fit = plan.run(Part(line.training), None if parts is None else parts.held_out)
    return replace(line, plan=plan, fit=fit, solver=repr(plan.solver), notes=(*line.notes, words))


@checked
def watch(models: Models, data: Any = None, *, pair: Pair = None, target: int | str = 0) -> Any:
    """The player: in a notebook with anywidget a widget, else a Page, which notebooks show too; `save` writes either as a page.

    Parameters are those of `session_of`.
    """
    told = session_of(models, data, pair=pair, target=target)
    page = partial(_page, told, models, data, pair, target)
    return widget(told, page) or page()


def page_of(models: Models, data: Any = None, *, pair: Pair = None, target: int | str = 0, live: bool = True) -> Page:
    """The player as a self-contained page; parameters are those of `session_of`."""
    return _page(session_of(models, data, pair=pair, target=target, live=live), models, data, pair, target)


def session_of(
    models: Models, data: Any = None, *, pair: Pair = None, target: int | str = 0, live: bool = True
) -> dict[str, Any]:
    """What a player needs to show how models were trained.

    Parameters
    ----------
    models : FittedLine, or mapping of label to FittedLine
        Trained on the same rows with the same loss.
    data
        The rows to show, for models that have none themselves.
    pair : sequence of str or "path", optional
        One or two weights for the loss surface, or the two main directions of the path; by default the first slope and the
        intercept.
    target : int or str
        Which target, when there are several.
    live : bool
        Whether the page can train the first model by itself, where its loss allows that.

    Raises
    ------
    OptionError
        When the models are not of the same columns, rows and loss: their losses could not be compared.
    """
    runs = _runs(models)
    first = next(iter(runs.values()))
    # The advice stands with each run in the player; here it would be said twice.
    notes = [note for model in runs.values() for note in model.notes if note != model.advice]
    fits, sample, number = _shown(models, data, target)
    return session(
        fits,
        sample,
        _sample(first, None, "test") or _sample(first, None, "validation"),
        title=on_columns(first.design.formula, first.design.p),
        notes=list(dict.fromkeys(notes)),
        pair=pair,
        target=number,
        live=trainable(first, first.trained, path=pair == PATH) if live else None,
    )


@checked
def animate(
    models: Models,
    path: str | os.PathLike[str] | None = None,
    data: Any = None,
    *,
    frames: int | None = None,
    seconds: float = 8.0,
    theme: str = "light",
    pair: Pair = None,
    units: str = "data",
    target: int | str = 0,
    overwrite: bool = False,
) -> Film:
    """Write training as a GIF, or where ffmpeg is installed as an MP4; what it becomes is said by the path's ending.

    Without a path a GIF among the temporary files. What comes back is the path, and notebooks show it playing.
    """
    path = somewhere() if path is None else path
    # Before a minute of drawing, not after it.
    refuse_format(path, motion.FORMATS)
    fits, sample, number = _shown(models, data, target)
    with fresh(path, overwrite=overwrite) as temporary:
        motion.animate(
            fits,
            sample,
            temporary,
            format=_ending(path),
            frames=frames,
            seconds=seconds,
            theme=theme,
            pair=pair,
            units=units,
            target=number,
        )
    return Film(path)


def watch_runs(
    models: Mapping[str, FittedLine],
    path: str | os.PathLike[str],
    *,
    pair: Pair = None,
    units: str = "data",
    frames: int | None = None,
    theme: str = "light",
    live: bool = True,
    overwrite: bool = False,
) -> None:
    """Write runs to a file: a page, a GIF or MP4, or a still picture of the last state, as the path's ending says.

    `live`: whether a page can train by itself, or only shows what was recorded.
    """
    refuse_format(path)
    kind = _ending(path)
    if kind == "html":
        page_of(models, pair=pair, live=live).save(path, overwrite=overwrite)
    elif kind in motion.FORMATS:
        animate(models, path, frames=frames, theme=theme, pair=pair, units=units, overwrite=overwrite)
    else:
        with fresh(path, overwrite=overwrite) as temporary:
            mpl.save(_still(models, None, pair, 0, units), temporary, format=kind, theme=theme)


def refuse_format(path: str | os.PathLike[str], known: Sequence[str] = FORMATS) -> None:
    """Raise OptionError for a path that ends in nothing that can be written."""
    if _ending(path) not in known:
        raise OptionError(f"Training is written as .{', .'.join(known)}; got {os.fspath(path)!r}.")


def refuse_look(path: str | os.PathLike[str], *, theme: str, frames: int | None = None, units: str = "data") -> None:
    """Raise OptionError, before anything is trained, for what a picture or film of training cannot be."""
    themed(theme)
    refuse_units(units)
    if frames is not None and frames < 2:
        raise OptionError(f"An animation needs at least 2 frames; got {frames!r}.")
    if _ending(path) == "mp4" and shutil.which("ffmpeg") is None:
        raise OptionError("An MP4 needs ffmpeg, which is not installed; write a .gif instead.")


def _ending(path: str | os.PathLike[str]) -> str:
    return as_path(path).suffix.lower().lstrip(".")


def _page(told: dict[str, Any], models: Models, data: Any, pair: Pair, target: int | str) -> Page:
    still = _still(models, data, pair, target)
    for dots in _PRINTED:
        made = page(told, smaller(still, dpi=dots))
        if len(made.html.encode()) <= _MOST:
            break
    return made


def _still(models: Models, data: Any, pair: Pair, target: int | str, units: str = "data") -> Picture:
    """The last frame of the film as a picture."""
    fits, sample, number = _shown(models, data, target)
    return overview(fits, sample, pair=pair, target=number, units=units)


def _shown(models: Models, data: Any, target: int | str) -> tuple[dict[str, Fit], Sample | None, int]:
    """What is drawn: how each model was trained, the rows if there are any, and the number of the target."""
    runs = _runs(models)
    first = next(iter(runs.values()))
    return {name: model.trained for name, model in runs.items()}, _sample(first, data), target_number(first, target)


def _runs(models: Models) -> dict[str, FittedLine]:
    runs = {"": models} if isinstance(models, FittedLine) else dict(lines_by_label(models))
    if len(runs) == 1:  # beside others, a line that was solved at once is what they are compared with
        (name, line), *_ = runs.items()
        shown_line = worth_watching(line)
        runs = {name or label(shown_line): shown_line}
    if not runs:
        raise OptionError("There are no models to watch; give at least one.")
    # Everything is compared with the first run, whose surface all the paths are drawn on.
    (first_name, first), *others = runs.items()
    for name, other in others:
        if other.names != first.names or other.targets != first.targets or other.plan.loss != first.plan.loss:
            raise OptionError(
                f"{name!r} and {first_name!r} differ in columns or loss, so one loss surface cannot hold both; watch them apart."
            )
        if not _same_rows(first.training, other.training):
            raise OptionError(
                f"{name!r} and {first_name!r} were trained on different rows, so their losses cannot be compared; watch them apart."
            )
    return runs


def _same_rows(a: Comoments, b: Comoments) -> bool:
    """Whether moments are of the same rows, be they added up in another order."""
    # Moments of the same rows added up in another order differ by rounding alone, far less than a billionth of the spread.
    size = torch.where(a.spread > 0, a.spread, a.center.abs().clamp(min=1e-300))
    near = (a.center - b.center).abs() <= 1e-9 * size + 1e-12 * a.center.abs()
    return a.count == b.count and bool(near.all()) and bool(((a.spread - b.spread).abs() <= 1e-6 * size).all())


def _sample(model: FittedLine, data: Any, part: str = "training") -> Sample | None:
    """The rows of a part, if the model still has any."""
    # A part that the split did not make has no rows; a loaded model has none at all.
    if data is None and (model.source is None or (part != "training" and part not in model.sizes)):
        return None
    return rows_shown(model, data, part)
