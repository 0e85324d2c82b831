"""Gather, for training: the rows of a query, or moments that stand in their place."""

from __future__ import annotations

from dataclasses import replace

from bestline.data import gather as data
from bestline.data.gather import Gathered, Query, of_folds
from bestline.data.moments import Moments, given_moments
from bestline.data.progress import Progress
from bestline.errors import DataError, OptionError
from bestline.training.boxcox import estimated


def gather(query: Query, progress: Progress | None = None) -> Gathered:
    """What one look at the rows of a query leaves; of moments that were collected before, the same without any rows."""
    moments = given_moments(query.data, query.formula, query.weights)
    if moments is not None:
        return _from_moments(moments, query)
    query, said = estimated(query)
    found = data.gather(query, progress)
    return found if said is None else replace(found, notes=(said, *found.notes))


def _from_moments(moments: Moments, query: Query) -> Gathered:
    if query.degree > 1:
        raise OptionError(
            "Moments have their columns already; collect those of a formula with powers, such as y ~ x + I(x**2)."
        )
    if isinstance(query.folds, str) and query.folds != moments.by:
        raise OptionError(
            f"Folds by a column need the rows; these are moments only, whose folds are made. Collect them with folds={query.folds!r}."
        )
    if query.split is not None:
        raise OptionError("A split needs the rows; these are moments only. Leave `split` out: the score is out of fold.")
    # Columns of moments can be left out but not made: what is asked of rows is refused above, what is a selection is done here.
    if query.target is not None or query.features is not None:
        moments = moments.select(query.target, query.features)
    if not moments.rows:
        raise DataError("These moments hold no rows; collect them from some, or take fewer away.")
    notes = () if moments.by is None else of_folds(moments.by, moments.design)
    return Gathered(moments.design, moments.found, by=moments.by, values=moments.values, notes=notes)
