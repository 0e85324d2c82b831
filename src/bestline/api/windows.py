"""Windows: one line for each window of the rows, as it moves over them: `bestline.fit_rolling`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from bestline.api.lines import ManyLines, told
from bestline.calls import answering, data_first, is_number, is_whole, with_hints
from bestline.data.design.weight_kinds import ANALYTIC, checked_kind
from bestline.data.gather import Query
from bestline.data.moments import Moments
from bestline.data.ordered import gather_ordered
from bestline.data.progress import Progress
from bestline.data.runner import calmly
from bestline.data.unnamed_columns import Which
from bestline.engines.choose import placed
from bestline.errors import OptionError
from bestline.inference.covariance.base import Classical, Cov
from bestline.inference.covariance.named import parse_cov
from bestline.inference.groups.windows import Extent, lines_of_windows
from bestline.training.request import check_digits

if TYPE_CHECKING:
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
class Windows(ManyLines):
    """One line for each window of the rows; made by `bestline.fit_rolling`. Its labels are `first` and `last`, of the order's column."""

    what: ClassVar[str] = "window"

    @property
    def plot(self) -> WindowGallery:
        """Pictures: `windows.plot.weights("market")`, a weight as the windows move on."""
        from bestline.pictures.groups import WindowGallery  # matplotlib

        return WindowGallery(self.lines)


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
    weight_kind: str = ANALYTIC,
    missing: str = "raise",
    digits: int = 8,
    cov: Cov = "classical",
    progress: Progress | None = None,
) -> Windows:
    """Fit a least-squares line to each window of the rows as it moves over them.

    Say one of `window`, `half_life` and `expanding`. The rows have to fit into memory; those of Dask, Spark or a database are brought here.

    Parameters
    ----------
    data, formula, target, features, weights, missing
        As in `bestline.fit`.
    weight_kind : "analytic"
        Windows have no others; frequency and probability weights are refused.
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
    cov : "classical"
        Windows have no others; a robust covariance is refused.
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
    extent = _extent(window, half_life, expanding, step)
    if isinstance(data, Moments):
        raise OptionError("Windows need the rows, and moments hold none; give the data that they were collected from.")
    if order is not None and not isinstance(order, str):
        raise OptionError(f"`order` is the name of a column; got {order!r}.")
    check_digits(digits)
    if checked_kind(weight_kind, weights) != ANALYTIC:
        raise OptionError(
            f"Windows count rows of the table, so their weights are analytic ones; for {weight_kind!r} repeat the rows, or fit a window by "
            f"itself, with `bestline.fit`."
        )
    if not isinstance(parse_cov(cov), Classical):
        raise OptionError(
            f"Windows have classical standard errors alone; for {cov!r} fit the rows of a window by themselves, with `bestline.fit`."
        )
    query = Query(placed(data), formula, target, features, weights, missing)
    _, design, ordered, notes = gather_ordered(query, order, progress)
    lines = lines_of_windows(design, ordered, extent, digits=digits)
    told(lines, "window", notes, ordered.dropped, ordered.read)
    return Windows(lines, design, ordered.dropped)


def _extent(window: Any, half_life: Any, expanding: Any, step: Any) -> Extent:
    given = {"window": window, "half_life": half_life, "expanding": expanding}
    if sum(value is not None for value in given.values()) != 1:
        raise OptionError("Say one of `window`, `half_life` and `expanding`: how far a window reaches.")
    for name, value in (("window", window), ("expanding", expanding), ("step", step)):
        if (value is not None or name == "step") and (not is_whole(value) or value < 1):
            raise OptionError(f"`{name}` must be a whole number of rows, at least 1; got {value!r}.")
    if half_life is not None and (not is_number(half_life) or not half_life > 0):
        raise OptionError(f"`half_life` must be a number of rows above 0; got {half_life!r}.")
    return Extent(window, None if half_life is None else float(half_life), expanding, step)
