"""The design as people ask for it: learnt once, kept as JSON, and shared by all who collect a part of the moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Self, final

from bestline.calls import answering, data_first, with_hints
from bestline.data import design
from bestline.data.gather import Query
from bestline.data.progress import Progress
from bestline.data.unnamed_columns import Which
from bestline.engines.choose import placed
from bestline.errors import warn


@final
@answering(
    {
        "fit": "bestline.fit(data, 'y ~ x') learns its design by itself",
        "transform encode": "design.features(batch) and design.rows(batch) encode a batch of a Source",
        "save dump": "design.to_json() is a text to keep",
        "load": "bestline.Design.from_json(text) reads what to_json() wrote",
    }
)
@with_hints
class Design(design.Design):
    """What the columns of a line are made of: the terms of a formula, levels, centres, knots and means. See `data.design.Design`.

    It is learnt once, on all rows or on some that are like them, and sent to where the rows are as JSON. Moments of one design add up,
    whatever the rows of each part lack.

    Examples
    --------
    >>> design = bl.Design.learn("sample.parquet", "price ~ area + city", missing="impute", levels={"city": ["Rome"]})
    >>> parts = [bl.Moments.of(frame, design) for frame in frames]      # each where its rows are
    >>> bl.fit(bl.Moments.sum(parts))
    """

    __slots__ = ()

    @classmethod
    @data_first
    def learn(
        cls,
        data: Any,
        formula: Any = None,
        *,
        target: Which | None = None,
        features: Which | None = None,
        weights: str | None = None,
        missing: str = "raise",
        levels: Mapping[str, Sequence[Any]] | None = None,
        engine: Any = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn the design of a formula, or of columns by name, from data; it is read as often as that needs.

        Parameters
        ----------
        data, formula, target, features, weights, missing
            As in `bestline.fit`; weights by the name of their column.
        levels : mapping, optional
            Column -> levels that it has somewhere, though perhaps not in these data; they come after those that are found.
        engine : str or client, optional
            As in `bestline.fit`.
        progress : callable, optional
            Hears (what, fraction).

        Raises
        ------
        FormulaError, ColumnError, MissingValuesError, OptionError, DataError
            For what cannot be a design, and for `levels` of a column that is no category of it.

        Warns
        -----
        BestlineWarning
            Once for everything that people should know of the columns, such as those left out.
        """
        query = Query(placed(data, engine), formula, target, features, weights, missing, levels=design.checked_levels(levels))
        source, by = query.opened()
        learnt = query.design(source, by, progress=progress)
        for note in (*source.said(learnt.reads(), learnt.words), *learnt.notes):
            warn(note)
        return cls(**{f.name: getattr(learnt, f.name) for f in fields(learnt)})
