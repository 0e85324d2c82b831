"""Gallery: the pictures of one model, each a call away and ready as a matplotlib figure: `model.plot.loss()`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from bestline.pictures import figures
from bestline.pictures.marks import Picture
from bestline.pictures.mpl import draw
from bestline.pictures.sample import Sample

if TYPE_CHECKING:
    from bestline.model import Model


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """The pictures of a model.

    Each is a matplotlib Figure; `figure.savefig("name.png")` writes it. Pictures of data read the rows again; a loaded model has
    none: then give the data, in any form that `fit` takes.

    Attributes
    ----------
    model : Model
    theme : {"light", "dark"}
    """

    model: Model
    theme: str = "light"

    @property
    def dark(self) -> Gallery:
        """The same pictures on a dark background: `model.plot.dark.loss()`."""
        return Gallery(self.model, "dark")

    def sample(self, data: Any = None, part: str = "training") -> Sample:
        """The rows to show: of `data`, or else of the model's own "training" or "test" part."""
        return Sample.draw(self.model.rows(part, data), self.model.features, self.model.targets)

    def _drawn(self, picture: Picture) -> Figure:
        return draw(picture, theme=self.theme)

    def data(self, data: Any = None, *, truth: figures.Truth | None = None, target: int = 0) -> Figure:
        """The rows with the fitted line; with several features, predicted against actual. `truth` is (slope, intercept)."""
        return self._drawn(figures.data(self.sample(data), target=target, truth=truth, fit=self.model.trained))

    def before_after(self, data: Any = None, *, target: int = 0) -> Figure:
        """The line where training started, and where it ended."""
        return self._drawn(figures.before_after(self.sample(data), self.model.trained, target=target))

    def train_test(self, train: Any = None, test: Any = None, *, target: int = 0) -> Figure:
        """The line on the rows it was trained on, and on rows it never saw."""
        pair = self.sample(train), self.sample(test, "test")
        return self._drawn(figures.train_test(*pair, self.model.trained, target=target))

    def frame(self, step: int, data: Any = None, *, target: int = 0, pair: Sequence[str] | None = None) -> Figure:
        """Data space and weight space after `step` updates, side by side."""
        return self._drawn(figures.frame(self.sample(data), self.model.trained, step, target=target, pair=pair))

    def loss(self, others: Mapping[str, Model] | None = None, *, label: str = "this model", log: bool | None = None) -> Figure:
        """Loss after every number of updates; with `others`, of several models on one plot."""
        runs = {label: self.model.trained, **{name: other.trained for name, other in others.items()}} if others else None
        return self._drawn(figures.loss(runs or self.model.trained, log=log))

    def surface(self, pair: Sequence[str] | None = None, *, target: int = 0, kind: str = "slice") -> Figure:
        """The loss as a surface over two weights, the path of training on it."""
        return self._drawn(figures.surface(self.model.trained, pair, target=target, kind=kind))

    def contour(self, pair: Sequence[str] | None = None, *, target: int = 0, kind: str = "slice") -> Figure:
        """The loss over two weights from above, with the path of training."""
        return self._drawn(figures.contour(self.model.trained, pair, target=target, kind=kind))

    def weight(self, name: str | None = None, *, target: int = 0) -> Figure:
        """The loss against one weight."""
        return self._drawn(figures.weight(self.model.trained, name, target=target))

    def coefficients(self, level: float = 0.95, *, target: int = 0, intercept: bool = False) -> Figure:
        """Slopes, and if wanted the intercept, as dots with their intervals."""
        rows = [c for c in self.model.coefficients(level, target) if intercept or c.term != "Intercept"]
        columns = [[c.estimate for c in rows], [c.conf_low for c in rows], [c.conf_high for c in rows]]
        return self._drawn(figures.coefficients([c.term for c in rows], *columns, level=level))
