"""Plot data: the rows as they are, before any line is fitted to them."""

from __future__ import annotations

from typing import Any

from bestline.calls import data_first
from bestline.data.gather import Query
from bestline.data.runner import calmly
from bestline.data.unnamed_columns import Which
from bestline.engines.choose import placed
from bestline.errors import OptionError, warn
from bestline.pictures import figures
from bestline.pictures.before_fit import rows_before
from bestline.pictures.palette import themed
from bestline.pictures.render.mpl import Drawing, draw
from bestline.training.gather import gather


@data_first
@calmly
def plot_data(
    data: Any,
    formula: Any = None,
    *,
    target: Which | None = None,
    features: Which | None = None,
    weights: Any = None,
    missing: str = "raise",
    truth: figures.Truth | None = None,
    theme: str = "light",
) -> Drawing:
    """The rows before any fit: the target against each variable of the formula, four at the most.

    Of more than 5,000 rows none is a point: all are counted, in hexagons; rows of weight 0 are absent. A few far rows do not stretch
    the axes; the edges say how many lie beyond. A category has its levels side by side on its axis, the reference level first.

    Parameters
    ----------
    data, formula, target, features, weights, missing
        As in `bestline.fit`, in either order, or X and y. Of several targets the first is drawn.
    truth : (slope, intercept), mapping or path, optional
        The line that the data were made from, where there is one feature.
    theme : {"light", "dark"}

    Returns
    -------
    Drawing
        A matplotlib Figure: `savefig("data.png")` writes it, and notebooks show it.

    Raises
    ------
    DataError, OptionError
        And their subclasses, as `fit` does; OptionError for moments, which hold no rows.

    Warns
    -----
    BestlineWarning
        For rows that were left out or filled in, and for columns that cannot serve.
    """
    themed(theme)
    gathered = gather(Query(placed(data), formula, target, features, weights, missing))
    if gathered.source is None:
        raise OptionError("Moments hold no rows to draw; give the data that they were collected from.")
    notes, dropped = list(gathered.notes), gathered.found.dropped
    if dropped:
        notes.append(f"{dropped:,} of {dropped + gathered.rows:,} rows were left out because a value was missing.")
    for note in dict.fromkeys(notes):
        warn(note)
    sample = rows_before(gathered.source, gathered.design)
    if truth is not None and (len(sample.features) != 1 or any(sample.levels)):
        raise OptionError(f"`truth` is a line over one feature of numbers; {gathered.design.formula} has others.")
    return draw(figures.data(sample, truth=truth), theme=theme)
