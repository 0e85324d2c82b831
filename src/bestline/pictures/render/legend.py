"""Legend: what each look means, below the axes, where it hides nothing; every label once, in as many columns as fit.

Sizes of text, which all parts of a picture share, are here too: how wide a label is decides where it may stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from bestline.pictures.marks import Bins, Contours, Hexagons, Mark, Mesh, Names, Path, Picture
from bestline.pictures.palette import Palette, Style

TITLE, HEAD, BODY, SMALL = 14, 11.5, 10.5, 9.5  # sizes of text, in points

Key: TypeAlias = tuple[Line2D, str]  # an entry of a legend


def legend_below(ax: Any, keys: list[Key], width: float, palette: Palette, *, below: float) -> None:
    """Below the axes, where it can hide nothing, in as many columns as fit."""
    down = ScaledTranslation(0, -below / 72, ax.get_figure().dpi_scale_trans)
    _keys(ax, keys, width - 0.4, palette, loc="upper center", bbox_to_anchor=(0.5, 0.0), bbox_transform=ax.transAxes + down)


def shared_legend(ax: Any, keys: list[Key], width: float, palette: Palette) -> None:
    """One for all panels, on axes of its own: every label once."""
    ax.set_axis_off()
    once = list({label: (handle, label) for handle, label in keys}.values())  # the last, of a path, has line and marker
    _keys(ax, once, width, palette, loc="center", borderpad=0.0)


def rows_of_labels(labels: Sequence[str], width: float) -> list[Sequence[str]]:
    """Labels cut into rows of as many as fit beside each other."""
    columns = len(labels)
    while columns > 1 and sum(max(map(len, labels[i::columns])) + 8 for i in range(columns)) > (width - 0.6) * 12.9:
        columns -= 1
    return [labels[i : i + columns] for i in range(0, len(labels), columns or 1)]


def _keys(ax: Any, keys: list[Key], width: float, palette: Palette, **place: Any) -> None:
    columns = len(rows_of_labels([label for _, label in keys], width)[0])
    ordered = [key for i in range(columns) for key in keys[i::columns]]  # by row: matplotlib fills column by column
    legend = ax.legend(
        [handle for handle, _ in ordered],
        [str(i) for i in range(len(ordered))],
        ncols=columns,
        frameon=False,
        fontsize=SMALL,
        labelcolor=palette.ink,
        handlelength=2.4,
        columnspacing=1.6,
        borderaxespad=0.0,
        **place,
    )
    for text, (_, label) in zip(legend.get_texts(), ordered, strict=True):
        text.set_parse_math(False)
        text.set_text(label)  # set late: a label that begins with "_" would be left out


def key(style: Style, label: str, *, line: bool, marker: bool, edge: str | None = None) -> list[Key]:
    """The entry of a legend for a style, as a line, a marker or both; none where there is nothing to say."""
    if not label:
        return []
    handle = Line2D(
        [],
        [],
        color=style.colour,
        linestyle=style.dash if line else "none",
        linewidth=style.width,
        marker=style.marker if marker else "",
        markersize=min(style.size, 8),
        markeredgecolor=edge or style.colour,
        alpha=max(style.alpha, 0.5),
    )
    return [(handle, label)]


def labels_of(marks: Iterable[Mark]) -> list[str]:
    """What the marks ask a legend to say; heights and counts have a scale of their own, and some curves a name at their end."""
    marks = list(marks)
    said: list[str] = []
    for mark in marks:
        if isinstance(mark, Contours | Mesh | Bins | Hexagons):
            continue
        said += [mark.start, mark.label, mark.end] if isinstance(mark, Path) else [getattr(mark, "label", "")]
    named = named_at_their_ends(marks)
    return [label for label in said if label and label not in named]


def named_at_their_ends(marks: Iterable[Mark]) -> set[str]:
    """Labels of the curves that have their name beside them."""
    return {name for mark in marks if isinstance(mark, Names) for name in mark.names}


def shared_rows(picture: Picture, width: float) -> int:
    """Rows of a legend for all panels, every label once."""
    kept = labels_of(m for p in picture.panels if p.legend for m in p.marks)
    return len(rows_of_labels(list(dict.fromkeys(kept)), width))
