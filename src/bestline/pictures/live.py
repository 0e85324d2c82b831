"""Live: training as it happens, from the same Steps that everything else reads. In a notebook a figure that grows, else a line
of text on stderr when that is a terminal.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

import bestline.pictures.data_space as dataspace
from bestline.pictures.marks import Line, Mark, Panel, Picture, numbers
from bestline.pictures.sample import Sample
from bestline.training import Prepared, Step, Watch
from bestline.wording import said

_MOST = 400  # points of a growing curve
_PAUSE = 0.4  # seconds between two pictures, at the least
_SHARE = 5  # and this many times as long as one takes to draw


@contextmanager
def watching(watch: Watch | bool | None, sample: Sample | None = None) -> Iterator[Watch | None]:
    """What hears of every step: `watch` itself when it is a function, and when it is true the live picture."""
    if watch is True:
        live = Live(_notebook() or _Line() if sys.stderr.isatty() else _notebook(), sample)
        try:
            yield live.hear
        finally:
            live.close()
    else:
        yield watch or None


def few_rows(prepared: Prepared) -> Sample | None:
    """Rows of the first batch, for a line to be drawn over; None where there are none, or there is no one feature to draw it over."""
    source, design = prepared.gathered.source, prepared.gathered.design
    if source is None or design.p != 1 or prepared.plan.forward is not None:
        return None
    rows = next((design.rows(batch).rows for batch in source.batches(design.reads())), None)
    return Sample.draw(rows, design.names, design.targets, most=500) if rows is not None and len(rows) else None


@dataclass(slots=True)
class Live:
    """Hears steps, and shows them now and then: never so often that drawing would slow training down.

    Attributes
    ----------
    screen
        Has `show(picture, text)`; None shows nothing.
    sample : Sample or None
        Rows to draw the line over, when there is one feature.
    """

    screen: Any
    sample: Sample | None = None
    steps: list[tuple[int, float, float]] = field(default_factory=list)
    every: int = 1
    last: Step | None = None
    wait: float = 0.0
    shown: Step | None = None

    def hear(self, step: Step) -> None:
        """One step of training, in the data's units."""
        self.last = step
        if step.index % self.every == 0:
            self.steps.append((step.index, step.loss, math.nan if step.held_out is None else step.held_out))
            if len(self.steps) > _MOST:  # keep every other one, and from now on look half as often
                self.steps, self.every = self.steps[::2], self.every * 2
        if self.screen is not None and time.monotonic() >= self.wait:
            self._show(step)

    def close(self) -> None:
        """Show the last state."""
        if self.screen is not None and self.last is not None and self.shown is not self.last:
            self._show(self.last)
            self.screen.close()

    def _show(self, step: Step) -> None:
        # Drawing may take a sixth of the time at the most, however slow the screen is.
        began = time.monotonic()
        self.shown = step
        self.screen.show(self.picture(), told(step))
        took = time.monotonic() - began
        self.wait = time.monotonic() + max(_PAUSE, _SHARE * took)

    def picture(self) -> Picture:
        """Loss after every update so far; and for one feature the rows with the line as it is now."""
        step = self.last
        assert step is not None  # noqa: S101  a step has been heard
        points = [*self.steps, *([(step.index, step.loss, math.nan)] if self.steps[-1][0] != step.index else [])]
        columns = [numbers(column) for column in zip(*points, strict=True)]
        marks: list[Mark] = [Line(columns[0], columns[1], "path", "training loss")]
        held = [(x, z) for x, _, z in self.steps if math.isfinite(z)]
        if held:
            marks.append(Line(numbers(x for x, _ in held), numbers(z for _, z in held), "held_out", "held-out loss"))
        # Beyond two decades a plain axis shows only the first steps.
        losses = [y for _, y, _ in points if y > 0 and math.isfinite(y)]
        log = bool(losses) and max(losses) > 100 * min(losses)
        curve = Panel("", "updates made", "loss", tuple(marks), log_y=log)
        rows = self._rows(step)
        return Picture((*([rows] if rows else []), curve), told(step), "", told(step))

    def _rows(self, step: Step) -> Panel | None:
        sample = self.sample
        if sample is None or len(sample.features) != 1 or len(step.weights) > 2:
            return None
        x = sample.rows.X[:, 0]
        ends = torch.stack([x.min(), x.max()])
        line = step.weights[0, 0] * ends + (step.weights[1, 0] if len(step.weights) == 2 else 0.0)
        now = Line(numbers(ends.tolist()), numbers(line.tolist()), "fitted", "the line now")
        return Panel("", sample.features[0], sample.targets[0], (dataspace.points(sample, 0), now))


def told(step: Step) -> str:
    """A step as one line of text."""
    pieces = [f"step {step.index:,}", f"loss {said(step.loss)}"]
    if step.held_out is not None:
        pieces.append(f"held out {said(step.held_out)}")
    if step.gap is not None:
        pieces.append(f"{said(step.gap, 3)} above the exact solution")
    if step.rate is not None:
        pieces.append(f"lr {said(step.rate)}")
    return ", ".join(pieces)


class _Line:
    """One line of a terminal, written over and over."""

    def show(self, picture: Picture, text: str) -> None:
        del picture
        sys.stderr.write(f"\r\x1b[2K{text}")
        sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write("\n")


class _Cell:
    """The output of a notebook's cell: one figure, replaced by the next."""

    def __init__(self, display: Any) -> None:
        self.display: Any = display
        self.handle: Any = None

    def show(self, picture: Picture, text: str) -> None:
        from bestline.pictures.render.mpl import draw  # matplotlib, which a terminal does not need

        del text
        figure = draw(picture)
        if self.handle is None:
            self.handle = self.display(figure, display_id=True)
        else:
            self.handle.update(figure)

    def close(self) -> None:
        """The last figure stays."""


def _notebook() -> _Cell | None:
    """The cell that is running, if there is one."""
    if "IPython" not in sys.modules:  # a notebook has imported it long ago
        return None
    from IPython import get_ipython
    from IPython.display import display

    shell = get_ipython()
    return None if shell is None or getattr(shell, "kernel", None) is None else _Cell(display)
