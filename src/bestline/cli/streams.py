"""Standard output and error as they are: closed, full, a pipe whose reader has gone, or of an encoding that knows few letters.

What cannot be printed is an error, but for a reader that has gone; what cannot be said on stderr is said to nobody.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from bestline.errors import DataError
from bestline.wording import finite, tame_json


@contextmanager
def streams_ready() -> Iterator[None]:
    """Streams that any text can go to, and no file of ours in the place of one that is closed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The next file that is opened would get this number, and be written to by whoever prints.
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):
            # Escaped and not replaced: two names that an encoding does not know stay two names.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    yield


class Ended(SystemExit):
    """Unwinds the program that a signal, `args[0]`, ended."""


@contextmanager
def signals_heeded() -> Iterator[None]:
    """Whoever ends the program lets it tidy up: SIGTERM and SIGHUP unwind as Ctrl-C does, so that no half-written file stays."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # One that is ignored stays so, as under nohup.
    mine = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]

    def leave(number: int, frame: object) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)  # once is enough: what is being tidied up is not to be broken off
        raise Ended(signal.Signals(number))

    try:
        for number in mine:
            signal.signal(number, leave)
    except ValueError:  # not in the main thread, which alone may hear them
        mine = []
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


def say(text: str) -> None:
    """A text onto stdout, at once: what cannot be written is known now, and not when all is over."""
    with onto_stdout():
        print(text, flush=True)


def say_error(text: str) -> None:
    """A text onto stderr, if anybody hears it."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(text, file=sys.stderr, flush=True)


@contextmanager
def onto_stdout() -> Iterator[None]:
    """Something is printed in the block; raises DataError when it cannot be, and nothing when its reader has gone."""
    if sys.stdout is None:
        raise DataError("Standard output is closed, so the answer cannot be printed; open it, or use --quiet.")
    try:
        yield
    except BrokenPipeError:
        to_nobody()
    except OSError as error:
        to_nobody()
        raise DataError(f"The answer cannot be printed: {error.strerror or error}.") from error


def to_nobody() -> None:
    """From now on nothing is printed: neither what is left in a buffer nor what comes."""
    with suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def as_json(facts: Any) -> str:
    """Facts as one line of JSON, in letters that stdout can take and that do nothing to a terminal; what is no number is null."""
    text = json.dumps(_plain(facts), ensure_ascii=False, allow_nan=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeError:
        return json.dumps(_plain(facts), allow_nan=False)
    return tame_json(text)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else finite(value)
