"""Work: everything that people ask of the lab, behind one door. Loading it loads torch, so the server does that once it answers."""

from __future__ import annotations

import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from bestline.api.model import Model
from bestline.calls import no_such
from bestline.errors import BestlineError, clean
from bestline.lab import analysis, exports, session, tables
from bestline.lab.question import Question
from bestline.lab.refused import Cancelled, Refused
from bestline.lab.session import Gate
from bestline.lab.store import Store, new_key
from bestline.lab.tables import Dataset

__all__ = ["Run", "Work", "sentence"]

MOST_RUNS, MOST_FILES = 200, 40
MOST_BYTES = 2_000_000_000  # of rows that are held, and of files that were sent
_SECONDS = 4 * 3_600.0
_AT_ONCE = 4  # runs that train at the same time


@dataclass(slots=True, eq=False)
class Run:
    """One run: what was asked, how far it is, and what became of it.

    Attributes
    ----------
    told : dict or None
        The player's session, once it is trained.
    problem : tuple of int and str, or None
        The status and the sentence of why there is none.
    """

    asked: Question
    table: Dataset
    gate: Gate = field(default_factory=Gate)
    done: threading.Event = field(default_factory=threading.Event)
    model: Model | None = None
    solved: Model | None = None
    told: dict[str, Any] | None = None
    problem: tuple[int, str] | None = None

    @property
    def line(self) -> Model:
        """The line. Raises Refused while there is none."""
        if self.model is None:
            raise Refused(409, self.problem[1] if self.problem else "This run has not ended yet.")
        return self.model


class Work:
    """What one server works on.

    Parameters
    ----------
    data, formula
        What the command was given; None: nothing.
    """

    def __init__(self, data: Any = None, formula: str | None = None) -> None:
        self.given, self.formula = data, formula
        self.files: Store[Dataset] = Store("file", MOST_FILES, MOST_BYTES, _SECONDS, _forgotten)
        self.runs: Store[Run] = Store("run", MOST_RUNS, MOST_BYTES, _SECONDS, lambda run: run.gate.tell(cancelled=True))
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._drawing = threading.Lock()
        self._known: dict[str, Dataset] = {}

    def presets(self) -> dict[str, Any]:
        """The data that are here, and those that a page begins with."""
        own = [] if self.given is None else [{"data": "command", "name": self.table("command").name, "about": ""}]
        return {"data": [*own, *tables.offered()], "first": own[0]["data"] if own else tables.DEFAULT}

    def table(self, key: str) -> Dataset:
        """The data of a key, opened. Raises BestlineError, or Refused for a file that is not kept any more."""
        kind, _, name = key.partition(":")
        if kind == "upload":
            return self.files.get(name)
        if key == "command" and self.given is None:
            raise Refused(422, "The command was given no data; choose a lesson, or drop a file.")
        if key not in self._known:
            makers = {"lesson": tables.lesson, "sample": tables.sample}
            found = makers[kind](name) if kind in makers else tables.table(key, self.given, formula=self.formula)
            self._known[key] = found
        return self._known[key]

    def received(self, path: Path, name: str, size: int) -> dict[str, Any]:
        """Take a file that was sent, under the name it had; what it holds. Raises BestlineError where it is no table."""
        key = new_key()
        with _said_of(partial(tables.told, path=path, name=name)):
            found = tables.table(f"upload:{key}", str(path), name, path=path)
            facts = found.facts
        self.files.put(found, size, key)
        return facts

    def begin(self, asked: Question) -> tuple[str, Run]:
        """Start a run in a thread of its own."""
        run = Run(asked, self.table(asked.data))
        key = self.runs.put(run)
        held = [other for other in self.runs.values() if other.gate.waiting]
        for other in held[: max(0, len(held) - _AT_ONCE + 2)]:  # held runs must leave room for this one
            other.gate.tell(ended=True)
        threading.Thread(target=self._train, args=(key, run), name="bestline-lab", daemon=True).start()
        return key, run

    def _train(self, key: str, run: Run) -> None:
        try:
            with self._slots:
                model = session.trained(run.asked, run.table, run.gate)
                run.told = session.session(model, run.asked.surface)
            self.runs.sized(key, session.held_bytes(model))
            run.model = model
        except Cancelled:
            run.problem = (410, "This run was called off.")
        except Exception as error:
            run.problem = sentence(error, run.table.told)
        finally:
            run.done.set()

    def so_far(self, run: Run) -> dict[str, Any] | None:
        """The player's session of a run that waits."""
        with self._quietly():
            return session.so_far(run.gate, run.asked.surface)

    def analysis(self, key: str) -> dict[str, Any]:
        """What an analyst asks of the exact line of a run."""
        run = self.runs.get(key)
        with self._quietly(), _said_of(run.table.told):
            return analysis.analysed(self._solved(key, run))

    def panels(self, key: str, theme: str, picture: str, column: str | None) -> bytes:
        """What is left of the exact line of a run, as PNG: the four panels, or a partial plot of a column."""
        run = self.runs.get(key)
        with self._quietly(), _said_of(run.table.told):
            return analysis.panels(self._solved(key, run), theme, picture, column)

    def export(self, key: str, form: str, changed: Mapping[str, Any], *, exact: bool) -> tuple[bytes, str, str]:
        """A run to take away, or one on the same rows that descends otherwise: bytes, type and name of the file."""
        if form not in exports.FORMS:
            raise no_such("form to take away", form, list(exports.FORMS))
        run, kind = self.runs.get(key), exports.FORMS[form]
        with self._quietly(), _said_of(run.table.told):
            asked = replace(run.asked, **_by_name(changed, run))
            line = self._solved(key, run) if exact else run.line
            if not exact and asked != run.asked:
                line = session.trained(asked, run.table, Gate())
            made = exports.exported(line, form, run.table, asked.surface)
        stem = Path(run.table.name).name.split(".")[0] or "run"
        return made, kind.type, f"{stem}{kind.ending}"

    def _solved(self, key: str, run: Run) -> Model:
        if run.solved is None:
            run.solved = session.exactly(run.asked, run.table, Gate())
            self.runs.sized(key, sum(session.held_bytes(line) for line in (run.model, run.solved) if line is not None))
        return run.solved

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """One at a time, for what is drawn; what would be warned of stands in the notes."""
        with self._drawing, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield

    def close(self) -> None:
        """Call everything off, and forget every file."""
        self.runs.clear()
        self.files.clear()


def _by_name(changed: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """What a page has changed, its start by the names of the weights: a page shows long names shortened, in the same order."""
    start = changed.get("start")
    names = () if start is None else run.line.names
    if start is None or set(start) == set(names) or len(start) != len(names):
        return dict(changed)
    return {**changed, "start": dict(zip(names, start.values(), strict=True))}


def sentence(error: Exception, told: Callable[[str], str] = str) -> tuple[int, str]:
    """The status and the sentence for what went wrong; nothing of another library reaches anybody."""
    if isinstance(error, Refused):
        return error.status, str(error)
    if isinstance(error, BestlineError):
        text = clean(" ".join(str(error).split()))
        return 422, told(text)
    if isinstance(error, MemoryError):
        return 507, "There is not enough memory for this; use fewer columns or fewer rows."
    if isinstance(error, OSError):
        return 507, f"The system refuses: {error.strerror or 'a file cannot be used'}."
    traceback.print_exception(error, file=sys.stderr)
    return 500, f"This is a fault of bestline ({type(error).__name__}); the terminal says more."


@contextmanager
def _said_of(told: Callable[[str], str]) -> Iterator[None]:
    """Errors that call a file by the name it had."""
    try:
        yield
    except BestlineError as error:
        raise Refused(*sentence(error, told)) from error


def _forgotten(table: Dataset) -> None:
    if table.path is not None:
        with suppress(OSError):
            table.path.unlink()
