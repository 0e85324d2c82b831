"""Windows: one line for each window of the rows, as it moves over them: `bestline.fit_rolling`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from bestline.calls import answering, data_first, with_hints
from bestline.data.design import Design
from bestline.data.gather import Query
from bestline.data.moments import Moments
from bestline.data.ordered import gather_ordered
from bestline.data.progress import Progress
from bestline.data.runner import calmly
from bestline.data.tables import open_source, write_with
from bestline.data.unnamed_columns import Which
from bestline.engines.choose import brought
from bestline.errors import OptionError, warn
from bestline.files import as_path
from bestline.inference.groups import tables
from bestline.inference.groups.lines import GroupLines
from bestline.inference.groups.summary import summarise
from bestline.inference.groups.windows import Extent, lines_of_windows
from bestline.inference.summary import Summary
from bestline.training.request import check_digits
from bestline.training.solvers.base import is_number, is_whole
from bestline.wording import count, preformatted

if TYPE_CHECKING:
    from pandas import DataFrame

    from bestline.pictures.groups import WindowGallery


@final
@answering(
    {
        "coef params coefficients weights": "windows.tidy() has one row a window and weight",
        "r2 rsquared sigma scores": "windows.glance() has one row a window",
        "predict": "fit the last rows alone to predict with them: bestline.fit(frame.tail(250), ...)",
        "to_csv to_parquet write": "windows.save('windows.parquet') writes tidy()",
    }
)
@with_hints
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Windows:
    """One line for each window of the rows; made by `bestline.fit_rolling`.

    Attributes
    ----------
    lines : GroupLines
        All numbers; `lines.labels` say where each window begins and ends.
    design : Design
        The columns.
    dropped : int
        Rows left out because a value was missing.
    """

    lines: GroupLines
    design: Design
    dropped: int = 0

    def __len__(self) -> int:
        return len(self.lines)

    def __repr__(self) -> str:
        return f"<bestline.Windows {self.design.formula!r}, {len(self):,} windows>"

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return preformatted(str(self))

    def summary(self, level: float = 0.95) -> Summary:
        """The first windows, and how all of them differ: `print` it, or take `.facts`."""
        return summarise(self.lines, level, dropped=self.dropped, what="window")

    def tidy(self, level: float = 0.95) -> DataFrame:
        """One row a window and weight: first, last (of the order's column), term, estimate, std_error, statistic, p_value, conf_low, conf_high."""
        return tables.tidy(self.lines, level)

    def glance(self) -> DataFrame:
        """One row a window: first, last, n, r2, sigma, held_out_rmse, digits, note.

        What is held out are the rows between the end of a window and that of the next: none of them was in it.
        """
        return tables.glance(self.lines)

    @property
    def plot(self) -> WindowGallery:
        """Pictures: `windows.plot.weights("market")`, a weight as the windows move on."""
        from bestline.pictures.groups import WindowGallery  # matplotlib

        return WindowGallery(self.lines)

    def save(self, path: str | os.PathLike[str], *, level: float = 0.95, overwrite: bool = False) -> None:
        """Write `tidy()` to a .csv, .tsv, .parquet, .feather or .arrow file, which appears whole or not at all."""
        write_with(open_source(self.tidy(level)), as_path(path), lambda batch: {}, overwrite=overwrite)


@data_first
@calmly
def fit_rolling(
    data: Any,
    formula: Any = None,
    *,
    order: str | None = None,
    window: int | None = None,
    half_life: float | None = None,
    expanding: int | None = None,
    step: int = 1,
    target: Which | None = None,
    features: Which | None = None,
    weights: Any = None,
    missing: str = "raise",
    digits: int = 8,
    progress: Progress | None = None,
) -> Windows:
    """Fit a least-squares line to each window of the rows as it moves over them.

    Say one of `window`, `half_life` and `expanding`. The rows have to fit into memory.

    Parameters
    ----------
    data, formula, target, features, weights, missing
        As in `bestline.fit`.
    order : str, optional
        A column of numbers or dates that puts the rows in order; by default they stay as they stand. It is no feature unless it is named.
    window : int
        Rows of a window.
    half_life : float
        All rows so far, each with half the weight of one that stands so many rows behind it. Standard errors are those of rows of equal
        variance under these weights (a sandwich), with the weights' effective number of rows.
    expanding : int
        All rows so far; the number is that of the first window's rows.
    step : int
        Rows from the end of one window to that of the next.
    digits : int
        Right digits asked for; windows whose sums leave fewer are solved exactly. 0: none is.
    progress : callable, optional
        Hears of passes over the data: (what, fraction).

    Returns
    -------
    Windows

    Raises
    ------
    DataError, OptionError
        And their subclasses; see `bestline.errors`.

    Warns
    -----
    BestlineWarning
        For rows left out or filled in, and windows that do not determine all weights.
    """
    if not is_whole(step) or step < 1:
        raise OptionError(f"`step` must be a whole number of at least 1; got {step!r}.")
    extent = _extent(window, half_life, expanding, step)
    if isinstance(data, Moments):
        raise OptionError("Windows need the rows, and moments hold none; give the data that they were collected from.")
    if order is not None and not isinstance(order, str):
        raise OptionError(f"`order` is the name of a column; got {order!r}.")
    query = Query(brought(data), formula, target, features, weights, missing)
    _, design, ordered, notes = gather_ordered(query, order, progress)
    check_digits(digits)
    lines = lines_of_windows(design, ordered, extent, digits=digits)
    said = list(notes)
    if ordered.dropped:
        said.append(f"{ordered.dropped:,} of {ordered.read:,} rows were left out because a value was missing.")
    lacking = int(lines.weights.isnan().any((1, 2)).sum())
    if lacking:
        words = "does" if lacking == 1 else "do"
        said.append(
            f"{count(lacking, 'window')} of {len(lines):,} {words} not determine all weights; the column `note` of glance() says why."
        )
    for note in said:
        warn(note)
    return Windows(lines, design, ordered.dropped)


def _extent(window: Any, half_life: Any, expanding: Any, step: Any) -> Extent:
    given = {"window": window, "half_life": half_life, "expanding": expanding}
    if sum(value is not None for value in given.values()) != 1:
        raise OptionError("Say one of `window`, `half_life` and `expanding`: how far a window reaches.")
    for name, value in (("window", window), ("expanding", expanding), ("step", step)):
        if value is not None and (not is_whole(value) or value < 1):
            raise OptionError(f"`{name}` must be a whole number of rows, at least 1; got {value!r}.")
    if half_life is not None and (not is_number(half_life) or not half_life > 0):
        raise OptionError(f"`half_life` must be a number of rows above 0; got {half_life!r}.")
    return Extent(window, None if half_life is None else float(half_life), expanding, step)
