"""What the commands say on a terminal: progress on stderr, one JSON object on stdout, errors in one line."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import get_terminal_size
from time import perf_counter
from typing import TYPE_CHECKING, Any

from bestline.cli.layout import laid_out
from bestline.cli.streams import as_json, say, say_error
from bestline.data.progress import Progress
from bestline.errors import DataError, clean
from bestline.wording import printed, significant

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from bestline.training.solvers.base import Step

_MOMENT = 0.1  # seconds
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
            say(as_json(facts))
        elif text and not self.quiet:
            say(_shown(text, sys.stdout))

    def answer(self, text: str, facts: dict[str, Any] | None = None, *, known: tuple[str, ...] = ()) -> None:
        """The same, and the warnings heard so far; those that are known the answer itself holds."""
        self.result(text, facts)
        for warning in self.said:
            if warning not in known:
                self.note(f"warning: {warning}")

    def told(self, facts: Mapping[str, Any], out: Path | None) -> dict[str, Any]:
        """The facts, the file that the answer goes to as well, and the warnings heard so far."""
        return {**facts, "out": None if out is None else str(out), "warnings": self.said}

    def wrote(self, *paths: Path | None, what: str = "") -> None:
        """Which files there are now, of those that were asked for."""
        for path in paths:
            if path is not None:
                self.note(f"wrote {what}{path}")

    def note(self, text: str) -> None:
        """Something beside the answer, for people."""
        if not (self.json or self.quiet):
            say_error(_shown(text, sys.stderr))

    def fail(self, text: str) -> None:
        """Why the command could not give what was asked for, in one line on stderr."""
        say_error(f"bestline: {clean(' '.join(text.split()))}")

    @contextmanager
    def saving(self, *files: tuple[Path | None, Callable[[Path], object]]) -> Iterator[None]:
        """Print in the block; then save what was asked for.

        So a failed save loses nothing that is printed, and neither a failed print nor another file's failure loses a file.
        The failures are told once all has been tried: the last is raised, those before it are a line each.
        """
        faults: list[Exception] = []
        try:
            yield
        except DataError as error:
            faults.append(error)
        told = len(self.said)
        for path, save in files:
            if path is None:
                continue
            try:
                with self.listening():
                    save(path)
            except Exception as error:
                faults.append(error)
            else:
                self.wrote(path)
        for warning in self.said[told:]:
            self.note(f"warning: {warning}")
        for fault in faults[:-1]:
            self.fail(str(fault))
        if faults:
            raise faults[-1]

    @contextmanager
    def listening(self) -> Iterator[Bars]:
        """Hear warnings, and show progress when stderr is a terminal or it is asked for."""
        # Bars are for people who watch: not in a log, and not beside JSON, unless they are asked for.
        show = _is_terminal(sys.stderr) and not (self.json or self.quiet) if self.progress is None else self.progress
        with warnings.catch_warnings(record=True) as heard:
            # Every warning is heard, whatever filters there are, and said once at the end in the order it came.
            warnings.simplefilter("always")
            bars, ended = Bars(show), False
            try:
                yield bars
                ended = True
            finally:
                bars.close(ended=ended)
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
        return _Passes(self._update) if self.show else None

    def steps(self, total: int) -> Callable[[Step], None] | None:
        """What hears of training steps."""
        if not self.show:
            return None

        def hear(step: Step) -> None:
            # The last step is always shown: it is the one that stays on the terminal.
            if step.index % _EVERY and step.index < total:
                return
            held_out = f", held out {significant(step.held_out)}" if step.held_out is not None else ""
            gap = f", {significant(step.gap, 2)} above exact" if step.gap is not None else ""
            rate = f", lr {significant(step.rate, 4)}" if step.rate is not None else ""
            self._update(
                "training", step.index, total, f"step {step.index:,}, loss {significant(step.loss)}{held_out}{gap}{rate}"
            )

        return hear

    def close(self, *, ended: bool = True) -> None:
        """Leave the terminal as it was, and bars of work that was cut short where they stood."""
        if self._progress is not None:
            for task in self._progress.tasks if ended else ():  # what has ended is complete, however many steps it took
                self._progress.update(task.id, total=task.completed or 1, completed=task.completed or 1)
            with suppress(OSError, SystemExit):
                self._progress.stop()
            self._progress = None

    def _update(self, what: str, done: float, total: float, detail: str) -> None:
        if not self.show:
            return
        try:
            if self._progress is None:
                self._progress = _bars()
                self._progress.start()
            if what not in self._tasks:
                self._tasks[what] = self._progress.add_task(clean(what), total=total, detail=detail)
            self._progress.update(self._tasks[what], completed=done, detail=detail)
        except (OSError, SystemExit):  # nobody looks any more, which is no reason to stop working; rich would end the program
            self.show, self._progress = False, None


@dataclass(slots=True)
class _Passes:
    """Hears how far passes are, and of rows, of which it tells how many are read in a second."""

    update: Callable[[str, float, float, str], None]
    read: dict[str, int] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)

    def __call__(self, what: str, share: float) -> None:
        now = perf_counter()
        took = now - self.begun.setdefault(what, now)
        rows = self.read.get(what, 0)
        # Of the first moment nobody knows how quick it will be.
        quick = f"{significant(rows / took, 3)} rows a second" if rows and took > _MOMENT else ""
        self.update(what, share, 1.0, quick)

    def rows(self, what: str, number: int) -> None:
        """So many more have been read."""
        self.begun.setdefault(what, perf_counter())
        self.read[what] = self.read.get(what, 0) + number


def _bars() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
        console=Console(stderr=True, force_terminal=True),  # asked for, wherever stderr goes
    )


def _shown(text: str, stream: Any) -> str:
    """Text as it is printed: what could move a cursor escaped, in the width of the terminal if it is one."""
    text = printed(text)
    # Into a file or pipe lines stay whole: whoever reads them there has a width of his own.
    return laid_out(text, get_terminal_size((100, 24)).columns) if _is_terminal(stream) else text


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False
