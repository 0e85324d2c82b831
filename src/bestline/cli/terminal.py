"""What the commands say on a terminal: progress on stderr, one JSON object on stdout, errors in one line."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bestline.data.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from bestline.training.solvers.base import Step

_EVERY = 64  # steps between two looks at a training bar: looking costs more than a step


@dataclass(slots=True)
class Terminal:
    """Where a command's output goes.

    Attributes
    ----------
    json, quiet, progress
        The options of the same names.
    said : list of str
        Warnings heard while the command ran.
    """

    json: bool = False
    quiet: bool = False
    progress: bool | None = None
    said: list[str] = field(default_factory=list)

    def result(self, text: str, facts: dict[str, Any] | None = None) -> None:
        """The command's answer: text for people, or one JSON object."""
        if self.json:
            # No NaN: JSON has none, and a reader that takes it would be the exception.
            print(json.dumps(facts, ensure_ascii=False, allow_nan=False))
        elif text and not self.quiet:
            print(_encodable(text))

    def answer(self, text: str, facts: dict[str, Any] | None = None, *, known: tuple[str, ...] = ()) -> None:
        """The same, and the warnings heard so far; those that are known the answer itself holds."""
        self.result(text, facts)
        for warning in self.said:
            if warning not in known:
                self.note(f"warning: {warning}")

    def wrote(self, *paths: Path | None, what: str = "") -> None:
        """Which files there are now, of those that were asked for."""
        for path in paths:
            if path is not None:
                self.note(f"wrote {what}{path}")

    def note(self, text: str) -> None:
        """Something beside the answer, for people."""
        if not (self.json or self.quiet):
            print(_encodable(text), file=sys.stderr)

    def fail(self, text: str) -> None:
        """Why the command could not give what was asked for, in one line on stderr."""
        print(f"bestline: {' '.join(text.split())}", file=sys.stderr)

    @contextmanager
    def listening(self) -> Iterator[Bars]:
        """Hear warnings, and show progress when stderr is a terminal or it is asked for."""
        # Bars are for people who watch: not in a log, and not beside JSON, unless they are asked for.
        show = (sys.stderr.isatty() and not (self.json or self.quiet)) if self.progress is None else self.progress
        with warnings.catch_warnings(record=True) as heard:
            # Every warning is heard, whatever filters there are, and said once at the end in the order it came.
            warnings.simplefilter("always")
            bars = Bars(show)
            try:
                yield bars
            finally:
                bars.close()
                for warning in heard:
                    if str(warning.message) not in self.said:
                        self.said.append(str(warning.message))


class Bars:
    """Progress bars with the time that remains, made when they are first needed."""

    def __init__(self, show: bool) -> None:
        self.show = show
        self._progress: RichProgress | None = None
        self._tasks: dict[str, TaskID] = {}

    def passes(self) -> Progress | None:
        """What hears of passes over the data."""
        return self._pass if self.show else None

    def steps(self, total: int) -> Callable[[Step], None] | None:
        """What hears of training steps."""
        if not self.show:
            return None

        def hear(step: Step) -> None:
            # The last step is always shown: it is the one that stays on the terminal.
            if step.index % _EVERY and step.index < total:
                return
            held_out = f", held out {step.held_out:.6g}" if step.held_out is not None else ""
            gap = f", {step.gap:.2g} above exact" if step.gap is not None else ""
            rate = f", lr {step.rate:.4g}" if step.rate is not None else ""
            self._update("training", step.index, total, f"step {step.index:,}, loss {step.loss:.6g}{held_out}{gap}{rate}")

        return hear

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._progress is not None:
            for task in self._progress.tasks:  # what has ended is complete, however many steps it took
                self._progress.update(task.id, total=task.completed or 1, completed=task.completed or 1)
            self._progress.stop()
            self._progress = None

    def _pass(self, what: str, fraction: float) -> None:
        self._update(what, fraction, 1.0, "")

    def _update(self, what: str, done: float, total: float, detail: str) -> None:
        if self._progress is None:
            self._progress = _bars()
            self._progress.start()
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total, detail=detail)
        self._progress.update(self._tasks[what], completed=done, detail=detail)


def _bars() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}"),
        console=Console(stderr=True, force_terminal=True),  # asked for, wherever stderr goes
    )


def _encodable(text: str) -> str:
    """Text that stdout can take, whatever its encoding."""
    # What cannot be written is replaced: numbers and words get through on any terminal.
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
