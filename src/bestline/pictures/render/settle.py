"""Settling: once all is drawn, texts get the room that there really is: lines are broken, ticks thinned, legends moved down.

How wide a text is, is known only where it is drawn, and how large a panel, only when texts and legends have taken theirs. So
it is measured and mended, until nothing is cut and nothing lies on anything else.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

from matplotlib.text import Text
from matplotlib.ticker import LogLocator, MaxNLocator
from matplotlib.transforms import Bbox, ScaledTranslation
from mpl_toolkits.mplot3d import Axes3D

from bestline.wording import broken, evenly

_ROUNDS = 4  # of measuring and mending, at the most
_AIR = 0.05  # inches between two texts
_WORD = 16  # letters that a word may have before it is broken within
_FEWEST = 2  # ticks that still make an axis


class Space(Axes3D):  # type: ignore[misc]
    """Axes in space whose labels take room in the layout; those of matplotlib may lie on whatever is beside them."""

    def get_tightbbox(self, renderer: Any = None, **options: Any) -> Bbox | None:
        """The box of all that is drawn, with the labels of the axes."""
        self.place(renderer)
        whole = super().get_tightbbox(renderer, **options)
        labels = [label.get_window_extent(renderer) for label in _names(self) if label.get_text()]
        return Bbox.union([box for box in (whole, *labels) if box is not None])

    def place(self, renderer: Any = None) -> None:
        """Put labels and ticks where they belong as things are now; matplotlib does so only when it draws."""
        self.apply_aspect()
        self.M = self.get_proj()
        for axis in self._axis_map.values():
            axis.draw(renderer or self.get_figure().canvas.get_renderer())


def settle(figure: Any, panels: list[Any]) -> None:
    """Measure the panels of a figure and mend them, until all texts have room."""
    panels = [
        ax for ax in panels if isinstance(ax, Space) or ax.axison
    ]  # a table has no axes; those in space call theirs otherwise
    for ax in panels:  # most is seen before anything is laid out, which takes long
        _break_lines(ax)
        _thin(ax)
    for _ in range(_ROUNDS):
        figure.get_layout_engine().execute(figure)
        for ax in panels:
            if isinstance(ax, Space):
                ax.place()
        mended = [mend(ax) for ax in panels for mend in (_break_lines, _thin, _step_back, _lower)]
        if not any(mended):
            break
    # What was measured is what is drawn: another layout would move things once more.
    figure.set_layout_engine("none")


def _names(ax: Any) -> list[Text]:
    """The labels of the axes."""
    return [axis.label for axis in ax._axis_map.values()]


def _break_lines(ax: Any) -> bool:
    """Break title and labels that are longer than there is room; whether any was."""
    figure, spec = ax.get_figure(), ax.get_subplotspec()
    wide, high = figure.bbox.width / spec.get_gridspec().ncols, figure.bbox.height
    left, middle = spec.colspan.start * wide, (ax.bbox.x0 + ax.bbox.x1) / 2
    across = 2 * min(middle - left, left + wide * len(spec.colspan) - middle)
    middle = (ax.bbox.y0 + ax.bbox.y1) / 2
    upwards = min(ax.bbox.height, 2 * min(middle, high - middle))
    if isinstance(ax, Space):
        rooms = [(ax.title, across), *((label, 0.5 * ax.bbox.width) for label in _names(ax))]
    else:
        rooms = [(ax.title, across), (ax.xaxis.label, across), (ax.yaxis.label, upwards)]
    broke = [_break(text, room - _AIR * figure.dpi) for text, room in rooms]
    return any(broke)


def _break(text: Text, room: float) -> bool:
    said = text.get_text()
    if not said:
        return False
    turned = text.get_rotation()
    text.set_rotation(0)
    wide = text.get_window_extent().width
    text.set_rotation(turned)
    longest = max(map(len, said.split("\n")))
    if wide <= room or longest < 8:
        return False
    # As it was before it was broken: behind these letters and before a level there was no space.
    whole = re.sub(r"(?<=[_…])\n|\n(?=\[T\.)", "", said).replace("\n", " ")
    words = [word for line in broken(whole, 1_000) for word in re.split(r"(?<=[_…])|\s|(?=\[T\.)", line)]
    # A word is left whole, unless it is as long as several.
    many = max(int(longest * room / wide), 8, min(max(map(len, words)), _WORD))
    text.set_text("\n".join(evenly(whole, many)))
    return text.get_text() != said


def _thin(ax: Any) -> bool:
    """Fewer ticks on axes whose labels lie on each other; whether there are any."""
    changed = False
    for axis in ax._axis_map.values():
        locator, labels = axis.get_major_locator(), _labels(axis)
        name = {MaxNLocator: "nbins", LogLocator: "numticks"}.get(type(locator))
        many = len(labels) - 1
        while name and many >= _FEWEST and _crowded(labels, ax.get_figure().dpi):
            # So many ticks at the most; of a plain axis the distances between them are counted.
            locator.set_params(**{name: many if name == "numticks" else many - 1})
            many, labels, changed = many - 1, _labels(axis), True
            if isinstance(ax, Space):  # where its labels lie now is known when they are placed again
                break
    return changed


def _labels(axis: Any) -> list[Bbox]:
    """Boxes of the labels of the ticks that are seen."""
    low, high = sorted(axis.get_view_interval())
    air = 1e-9 * (high - low)
    ticks = [tick for tick in axis.get_major_ticks() if low - air <= tick.get_loc() <= high + air]
    return [tick.label1.get_window_extent() for tick in ticks if tick.label1.get_visible() and tick.label1.get_text()]


def _crowded(boxes: list[Bbox], dpi: float) -> bool:
    return any(a.padded(_AIR * dpi / 2).overlaps(b) for a, b in itertools.combinations(boxes, 2))


def _step_back(ax: Any) -> bool:
    """Labels of axes in space further from their axis where they lie on the labels of ticks; whether any did."""
    changed = False
    if isinstance(ax, Space):
        taken = [box for axis in ax._axis_map.values() for box in _labels(axis)]
        for axis in ax._axis_map.values():
            box = axis.label.get_window_extent()
            if axis.label.get_text() and any(box.overlaps(other) for other in taken) and axis.labelpad < 60:
                axis.labelpad += 6
                changed = True
    return changed


def _lower(ax: Any) -> bool:
    """The legend further down where it lies on labels; whether it did."""
    legend = ax.get_legend()
    if legend is None:
        return False
    texts = [box for axis in ax._axis_map.values() for box in _labels(axis)]
    texts += [label.get_window_extent() for label in _names(ax) if label.get_text()]
    lowest, dpi = min((box.y0 for box in texts), default=ax.bbox.y0), ax.get_figure().dpi
    top = legend.get_window_extent().y1
    if top <= lowest - _AIR * dpi / 2:
        return False
    # From the panel's edge on, for with the panel the labels move too.
    down = ScaledTranslation(0, (lowest - ax.bbox.y0) / dpi - _AIR, ax.get_figure().dpi_scale_trans)
    legend.set_bbox_to_anchor((0.5, 0.0), ax.transAxes + down)
    return True
