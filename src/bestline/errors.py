"""Every deliberate error and warning, in one tree, so that callers can catch as much or as little as they mean to.

BestlineError
├── OptionError            an argument or option that makes no sense (the command line exits with 2)
├── DataError              the data would not allow it (the command line exits with 1)
│   ├── FileError          a file that cannot be read as what it claims to be
│   ├── ColumnError        a column that is missing, duplicated or of the wrong type
│   ├── FormulaError       a formula that cannot be understood or is not allowed
│   ├── MissingValuesError missing values where they are refused
│   ├── NotFiniteError     a value that is infinite, or an expression that is no number
│   ├── UnseenLevelError   a category met at prediction that training never saw
│   └── ShapeError         arrays whose shapes do not fit together
├── NumericalError         the numbers would not allow it: an answer was promised and cannot be given
└── ModelFileError         a model or moments file that is not one, is damaged, or is of a newer version

BestlineWarning            something the user should know; the result is still right as described
├── DivergedWarning        training diverged; the weights are the last finite ones
└── BestlineDeprecationWarning  an old spelling that goes on working for one version

Every message is one sentence that says what was wrong, where, and what to do.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from keyword import iskeyword
from typing import Any

__all__ = [
    "BestlineDeprecationWarning",
    "BestlineError",
    "BestlineWarning",
    "ColumnError",
    "DataError",
    "DivergedWarning",
    "FileError",
    "FormulaError",
    "MissingValuesError",
    "ModelFileError",
    "NotFiniteError",
    "NumericalError",
    "OptionError",
    "ShapeError",
    "UnseenLevelError",
    "clean",
    "listed",
    "near_names",
    "one_line",
    "readable",
    "warn",
]
# Code between a user's line and ours that is nobody's cause: decorators and cached properties of Python itself, and scikit-learn's
# around every method of an estimator.
_NOT_THE_CALLER = frozenset({"bestline", "functools", "contextlib", "sklearn", "joblib", "torch"})


class BestlineError(Exception):
    """Base of every error that bestline raises on purpose."""


class OptionError(BestlineError, ValueError):
    """An argument or option that makes no sense."""


class DataError(BestlineError, ValueError):
    """The data would not allow what was asked."""


class FileError(DataError):
    """A file that cannot be read as what it claims to be."""


class ColumnError(DataError):
    """A column that is missing, duplicated or of the wrong type."""

    @classmethod
    def missing(cls, name: str, available: Iterable[str], where: str = "the data", *, what: str = "column") -> ColumnError:
        """The error for a column, or for `what` else is named, that is not there, with the nearest names that are."""
        available = list(available)
        near = near_names(name, available)
        known = f"the {what}s are {listed(available, most=12)}." if available else f"it has no {what}s."
        hint = f"did you mean {listed(near, joined='or')}?" if near else known
        return cls(f"There is no {what} {readable(name)} in {where}; {hint}")


class FormulaError(DataError):
    """A formula that cannot be understood or is not allowed."""


class MissingValuesError(DataError):
    """Missing values where they are refused."""


class NotFiniteError(DataError):
    """A value that is infinite, or an expression that is no number."""


class UnseenLevelError(DataError):
    """A category met at prediction that training never saw.

    Attributes
    ----------
    level, column : str
        The unknown level, and the column it stands in.
    row : str
        Where: the row's number, with file and line when it came from a file.
    """

    def __init__(self, level: str, column: str, row: str, known: Iterable[str]) -> None:
        self.level, self.column, self.row = level, column, row
        super().__init__(
            f"Column {readable(column)} has the level {readable(level)} at {row}, which training never saw; "
            f"the levels it knows are {listed(known, most=8)}. Correct the value, or leave the row out."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Python would make it of its message alone, when it comes back from another process.
        return _again, (type(self), str(self), self.__dict__)


def _again(kind: type[Exception], message: str, facts: dict[str, Any]) -> Exception:
    """An exception as it was in another process."""
    error = kind.__new__(kind, message)
    error.__dict__.update(facts)
    return error


class ShapeError(DataError):
    """Arrays whose shapes do not fit together."""


class NumericalError(BestlineError, ArithmeticError):
    """The numbers would not allow it: an answer was promised and cannot be given."""


class ModelFileError(BestlineError, ValueError):
    """A model or moments file that is not one, is damaged, or is of a newer version."""


class BestlineWarning(UserWarning):
    """Something the user should know; the result is still right as described."""


class DivergedWarning(BestlineWarning):
    """Training diverged; the weights are the last finite ones."""


class BestlineDeprecationWarning(BestlineWarning, FutureWarning):
    """An old spelling that goes on working for one version; the message names the new one."""


def warn(message: str, kind: type[Warning] = BestlineWarning) -> None:
    """Warn, and point at the line of the caller's own code that led here, however deep in bestline the reason was seen."""
    # `warnings.warn` has `skip_file_prefixes` from Python 3.12 on; until then frames are counted.
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _NOT_THE_CALLER:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, kind, stacklevel=level)


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Up to three known names that look like this one, whatever their case; the most alike first."""
    folded = {other.casefold(): other for other in known}
    return [folded[other] for other in get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)]


def clean(text: object, keep: str = "") -> str:
    """Text that shows itself and does nothing else: what moves a cursor, colours, hides or turns letters round is escaped."""
    # Not printable are the control characters, also those of direction (bidi), separators but the space, and lone surrogates.
    return "".join(c if c.isprintable() or c in keep else f"\\u{ord(c):04x}" for c in str(text))


def one_line(text: object, longest: int, *, head: int, tail: int) -> str:
    """Text on one line, control characters escaped; what is longer than `longest` keeps so many letters of its head and tail."""
    line = clean(text)
    return line if len(line) <= longest else f"{line[:head]}…{line[-tail:]}"


def first_line(error: BaseException) -> str:
    """What another library's error says, as the beginning of a sentence: its first line that is not blank, or else its type."""
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return readable(said.rstrip("."))


def readable(name: str, longest: int = 100) -> str:
    """A name as messages show it: quoted, on one line, control characters escaped, shortened in the middle where it is very long."""
    return f"`{one_line(name, longest, head=longest * 2 // 3, tail=longest // 4)}`"


def as_written(column: str) -> str:
    """A column as a formula has it: in backticks where its name is no plain word."""
    return column if column.isidentifier() and not iskeyword(column) else readable(column)


def listed(names: Iterable[str], most: int = 5, *, joined: str = "and") -> str:
    """Names as a sentence lists them: `a`, `b` and 3 more; `joined` by "or" where one of them is meant."""
    names = list(names)
    short = [readable(n) for n in names]
    # No two names become the same text: a message must say which columns it speaks of.
    names = short if len(set(short)) == len(set(names)) else [readable(n, 1_000) for n in names]
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return in_a_row(names, joined)


def in_a_row(words: Sequence[str], joined: str = "and") -> str:
    """Words as a sentence lists them, as they stand: a, b and c."""
    return ", ".join(words[:-1]) + f" {joined} {words[-1]}" if len(words) > 1 else "".join(words)
