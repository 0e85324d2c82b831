"""What every answer must be: status 0, 1 or 2, one line for an error, nothing left behind, no fault of ours, the right weights."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from bestline.cli import main
from fuzz.cases import Case

_LIMIT = 30  # seconds for one command on a table of a few hundred rows
_RIGHT = 1e-6  # relative; the reference is plain least squares in float64 on centred columns


class TooLongError(BaseException):
    """A command did not end; no `except Exception` on the way may take it for an error."""


def verdict(case: Case, folder: Path, *, loud: bool) -> str | None:
    """What is wrong with the answers to a case; None when nothing is."""
    before = {path.name for path in folder.iterdir()}
    for command in case.commands:
        try:
            with _within(folder):
                status, out, err = _run(command)
        except TooLongError:
            return f"no end after {_LIMIT} s"
        except Exception:
            return traceback.format_exc(limit=-3)
        if loud:
            print(f"$ bestline {' '.join(command)}\nstatus {status}\n{out}{err}")
        fault = _fault(status, out, err) or _left(
            folder, before, case.outputs if status == 0 else case.outputs & {"m.bestline"}
        )
        if fault:
            return f"status {status}: {fault}"
        if status:
            return None
    return _wrong(case, json.loads(out)["coef"]) if case.weights else None


@contextlib.contextmanager
def _within(folder: Path) -> Iterator[None]:
    """In a folder, and for so many seconds."""

    def stop(*_: object) -> None:
        raise TooLongError

    home, handler = Path.cwd(), signal.signal(signal.SIGALRM, stop)
    os.chdir(folder)
    signal.alarm(_LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        os.chdir(home)


def _run(command: list[str]) -> tuple[int, str, str]:
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["bestline", *command]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
                status = 0
            except SystemExit as end:
                status = int(end.code or 0)
    finally:
        sys.argv = before
    return status, out.getvalue(), err.getvalue()


def _fault(status: int, out: str, err: str) -> str | None:
    if status not in (0, 1, 2):
        return f"no status of ours; {err[-300:]}"
    if "fault of bestline" in err or "Traceback" in err:
        return err.strip()[-400:]
    if status == 0:
        return None
    errors = [line for line in err.splitlines() if line.startswith("bestline: ")]
    if len(errors) != 1 and "Usage:" not in err:
        return f"an error of {len(errors)} lines: {err[-300:]!r}"
    return "an error with a result" if out.strip().startswith("{") else None


def _left(folder: Path, before: set[str], allowed: set[str]) -> str | None:
    left = {path.name for path in folder.iterdir()} - before - allowed
    return f"left behind: {sorted(left)}" if left else None


def _wrong(case: Case, found: dict[str, float | None]) -> str | None:
    assert case.weights is not None
    for name, right in case.weights.items():
        value = found.get(name)
        if value is None or not math.isclose(value, right, rel_tol=_RIGHT, abs_tol=1e-300):
            return f"the weight of {name!r} is {value}, and {right} is right"
    return None
