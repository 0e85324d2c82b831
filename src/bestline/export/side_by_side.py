"""Side by side: several models as one table, a column a model: estimates with their errors beneath, and how well each fits.

What tells the models apart is said: which standard errors each has, other rows, other targets, a penalty.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bestline.calls import checked
from bestline.errors import OptionError, clean, listed
from bestline.files import as_path, fresh
from bestline.inference.classical import Coefficient
from bestline.inference.fitted import FittedLine
from bestline.inference.uncertainty import glances, tables
from bestline.pictures.weights.coefficients import Estimates, coefficients_beside
from bestline.wording import aligned, as_cell, fixed, plain, significant

if TYPE_CHECKING:
    from pandas import DataFrame

    from bestline.pictures.render.mpl import Drawing

STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))  # Stata's esttab and R's modelsummary
_DIGITS = 4
_PICTURES = (".png", ".svg", ".pdf")
_LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


@dataclass(frozen=True, slots=True, eq=False)
class ModelColumn:
    """One model's target, or one of several: a column of the table."""

    label: str
    target: str
    coefficients: Mapping[str, Coefficient]
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class ModelTable:
    """Models side by side; `print` it, or take it as a frame, Markdown, HTML or LaTeX.

    Attributes
    ----------
    columns : tuple of ModelColumn
    terms : tuple of str
        Rows, in the order in which the models have them, the intercept last.
    stars : bool
        Whether small p-values are marked.
    notes : tuple of str
        What people should know to compare them.
    level : float
        Of the intervals.
    """

    columns: tuple[ModelColumn, ...]
    terms: tuple[str, ...]
    stars: bool
    notes: tuple[str, ...]
    level: float = 0.95

    def plot(self, *, intercept: bool = False, order: str = "formula", theme: str = "light") -> Drawing:
        """The estimates of all models with their intervals, one below the other at each name; the legend names the standard errors.

        `order` is that of the table ("formula"), or "size": the largest first. Raises OptionError for more than seven models.
        """
        models = {
            c.label: Estimates(
                [own for own in c.coefficients.values() if intercept or own.term != "Intercept"],
                c.target,
                str(c.figures["std errors"]),
            )
            for c in self.columns
        }
        return _mpl().draw(coefficients_beside(models, level=self.level, order=order), theme=theme)

    def frame(self) -> DataFrame:
        """The numbers, unrounded: a column a model; a row a term, one below it for its standard error, then the figures of the fit."""
        import pandas as pd

        rows: dict[str, list[Any]] = {"target": [c.target for c in self.columns]}
        for term in self.terms:
            found = [c.coefficients.get(term) for c in self.columns]
            rows[term] = [math.nan if c is None else c.estimate for c in found]
            rows[f"{term} (std error)"] = [math.nan if c is None else c.std_error for c in found]
        rows |= {name: [c.figures.get(name) for c in self.columns] for name in self._figures}
        return pd.DataFrame.from_dict(rows, orient="index", columns=[c.label for c in self.columns])

    @property
    def _figures(self) -> list[str]:
        """Figures that at least one model has."""
        names = dict.fromkeys(name for c in self.columns for name in c.figures)
        return [name for name in names if any(c.figures.get(name) is not None for c in self.columns)]

    def cells(self) -> Iterator[tuple[str, list[str]]]:
        """Rows as they are printed: the name, empty for errors beneath, and a cell a model."""
        if len({c.target for c in self.columns}) > 1:
            yield "target", [plain(c.target) for c in self.columns]
        for term in self.terms:
            found = [c.coefficients.get(term) for c in self.columns]
            yield plain(term, 60), ["" if c is None else significant(c.estimate, _DIGITS) + self._mark(c) for c in found]
            if any(c is not None and math.isfinite(c.std_error) for c in found):
                yield (
                    "",
                    ["" if c is None or math.isnan(c.std_error) else f"({significant(c.std_error, _DIGITS)})" for c in found],
                )

    def fits(self) -> Iterator[tuple[str, list[str]]]:
        """The rows below: figures of each fit."""
        for name in self._figures:
            yield name, [_shown(name, c.figures.get(name)) for c in self.columns]

    def _mark(self, c: Coefficient) -> str:
        return next((mark for level, mark in STARS if self.stars and c.p_value < level), "")

    @property
    def _legend(self) -> list[str]:
        marks = [", ".join(f"{mark} p < {level:g}" for level, mark in reversed(STARS))] if self.stars else []
        return ["Standard errors in parentheses.", *(f"{mark}." for mark in marks), *self.notes]

    def __str__(self) -> str:
        head = ("", [c.label for c in self.columns])
        rows = [[name, *cells] for name, cells in (head, *self.cells(), *self.fits())]
        lines = aligned(rows, numbers=True)
        below = 1 + sum(1 for _ in self.cells())
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:below], rule, *lines[below:], "", *self._legend])

    __repr__ = __str__

    def to_markdown(self) -> str:
        """As a table of Markdown."""

        def row(cells: Sequence[str]) -> str:
            return f"| {' | '.join(cell.replace('|', chr(92) + '|').replace('*', chr(92) + '*') for cell in cells)} |"

        head = [row(["", *(c.label for c in self.columns)]), f"|---|{'---:|' * len(self.columns)}"]
        body = [row([name, *cells]) for name, cells in (*self.cells(), *self.fits())]
        legend = " ".join(self._legend).replace("*", "\\*")
        return "\n".join([*head, *body, "", legend, ""])

    def to_html(self) -> str:
        """As a table of HTML, without styles of its own."""

        def row(name: str, cells: Sequence[str], cell: str = "td") -> str:
            found = "".join(f'<{cell} style="text-align: right">{escape(text)}</{cell}>' for text in cells)
            return f'<tr><th scope="row" style="text-align: left; font-weight: normal">{escape(name)}</th>{found}</tr>'

        body = "\n".join(row(*line) for line in self.cells())
        foot = "\n".join(row(*line) for line in self.fits())
        head = row("", [c.label for c in self.columns], "th")
        legend = escape(" ".join(self._legend))
        return (
            f'<table class="bestline-models">\n<thead>\n{head}\n</thead>\n<tbody>\n{body}\n</tbody>\n<tbody style="border-top: 1px solid">\n'
            f"{foot}\n</tbody>\n</table>\n<p>{legend}</p>\n"
        )

    _repr_html_ = to_html

    def to_latex(self) -> str:
        """As a tabular of LaTeX with the rules of booktabs."""

        def told(text: str) -> str:
            return "".join(_LATEX.get(letter, letter) for letter in text)

        def row(name: str, cells: Sequence[str]) -> str:
            return f"{' & '.join(map(told, [name, *cells]))} \\\\"

        head = row("", [c.label for c in self.columns])
        body, foot = [row(*line) for line in self.cells()], [row(*line) for line in self.fits()]
        begin = f"\\begin{{tabular}}{{l{'r' * len(self.columns)}}}"
        ruled = [begin, r"\toprule", head, r"\midrule", *body, r"\midrule", *foot, r"\bottomrule", r"\end{tabular}"]
        return "\n".join([*ruled, "", told(" ".join(self._legend)), ""])

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write it by the name's ending: .md, .html, .tex, .txt, or .csv with the numbers unrounded; .png, .svg or .pdf is its picture.

        Raises OptionError for another ending.
        """
        target = as_path(path)
        ending = target.suffix.lower()
        if ending in _PICTURES:
            drawing = self.plot()
            with fresh(target, overwrite=overwrite) as temporary:
                _mpl().write_drawing(drawing, temporary, ending[1:])
            return
        if ending not in WRITTEN:
            raise OptionError(
                f"A table of models is written to a file that ends in {', '.join(WRITTEN)}, its picture to {', '.join(_PICTURES)}; "
                f"got {target.name!r}."
            )
        text = WRITTEN[ending](self)
        with fresh(target, overwrite=overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8")


WRITTEN: dict[str, Callable[[ModelTable], str]] = {
    ".md": ModelTable.to_markdown,
    ".html": ModelTable.to_html,
    ".tex": ModelTable.to_latex,
    ".txt": str,
    ".csv": lambda table: table.frame().rename(as_cell).rename(columns=as_cell).to_csv(index_label="term", lineterminator="\n"),
}


@checked
def table(
    models: Sequence[FittedLine] | Mapping[str, FittedLine] | FittedLine,
    *,
    labels: Sequence[str] | None = None,
    stars: bool = False,
    level: float = 0.95,
) -> ModelTable:
    """Several models side by side: R's modelsummary and fixest's etable, statsmodels' summary_col.

    Parameters
    ----------
    models : sequence of models, or mapping of label to model
    labels : sequence of str, optional
        One a model; by default (1), (2), ...
    stars : bool
        Whether p-values below 0.05, 0.01 and 0.001 are marked; off by default, for an estimate with its error says more.
    level : float
        Of the intervals in the coefficients of `columns`.

    Raises
    ------
    OptionError
        For what are no models, and for labels of another number or alike.
    """
    lines, names = _asked(models, labels)
    columns = tuple(c for name, line in zip(names, lines, strict=True) for c in _columns(line, name, level))
    terms = list(dict.fromkeys(term for c in columns for term in c.coefficients))
    terms = [t for t in terms if t != "Intercept"] + [t for t in terms if t == "Intercept"]
    return ModelTable(columns, tuple(terms), bool(stars), tuple(_notes(lines)), level)


def _asked(models: Any, labels: Sequence[str] | None) -> tuple[list[FittedLine], list[str]]:
    if isinstance(models, Mapping):
        if labels is not None:
            raise OptionError("The models have labels already, as keys; leave `labels` out.")
        models, labels = list(models.values()), list(map(str, models))
    lines = [models] if isinstance(models, FittedLine) else list(models) if isinstance(models, Sequence) else []
    odd = [type(line).__name__ for line in lines if not isinstance(line, FittedLine)]
    if not lines or odd:
        got = f"one of them is of the type {odd[0]}" if odd else f"got {type(models).__name__}"
        raise OptionError(f"`table` takes models of bestline.fit, [a, b] or {{'first': a, 'second': b}}; {got}.")
    if not isinstance(labels, Sequence | None):
        raise OptionError(f"`labels` are {len(lines)} different texts, one a model; got {labels!r:.60}.")
    names = [f"({i + 1})" for i in range(len(lines))] if labels is None else [clean(str(name)) for name in labels]
    if isinstance(labels, str) or len(names) != len(lines) or len(set(names)) < len(names):
        raise OptionError(f"`labels` are {len(lines)} different texts, one a model; got {labels!r}.")
    return lines, names


def _columns(line: FittedLine, label: str, level: float) -> Iterator[ModelColumn]:
    several = len(line.targets) > 1
    whole = glances(line, line.inference, line.robust) if line.inference is not None and line.settled else None
    for i, (target, found) in enumerate(zip(line.targets, tables(line, level), strict=True)):
        g, held = None if whole is None else whole[i], line.held_out
        figures = {
            "N": line.training.count,
            "absorbed": None if line.design.absorbed is None else ", ".join(map(plain, line.design.absorbed.names)),
            "R2": line.fitted_scores.r2[i],
            "within R2": None if line.fitted_scores.r2_within is None else line.fitted_scores.r2_within[i],
            "adjusted R2": None if g is None else g.adj_r_squared,
            "residual sd": None if g is None else g.sigma,
            "AIC": None if g is None else g.aic,
            "BIC": None if g is None else g.bic,
            "held-out RMSE": None if held is None else held.rmse[i],
            "held-out R2": None if held is None else held.r2[i],
            "held out": None if held is None else held.kind,
            "std errors": line.errors_title or ("none" if line.inference is None else "classical"),
            "penalty": ", ".join(f"{n}={getattr(line.plan, n):.3g}" for n in ("l1", "l2") if getattr(line.plan, n)) or None,
        }
        name = f"{label} {plain(target)}" if several else label
        yield ModelColumn(name, target, {c.term: c for c in found}, figures)


def _notes(lines: Sequence[FittedLine]) -> Iterator[str]:
    """What makes figures of one model no match for those of another."""
    if len({line.training.count for line in lines}) > 1:
        yield "The models have different numbers of rows: R2, AIC and BIC do not compare."
    if len({line.targets for line in lines}) > 1:
        yield "The targets differ: errors, R2, AIC and BIC do not compare."
    elif len({line.training.count for line in lines}) == 1 and len({_of_target(line) for line in lines}) > 1:
        yield "The rows or the weights differ: R2, AIC and BIC do not compare."
    weighted = [line.design.weights for line in lines]
    if len(set(weighted)) > 1:
        yield f"Some are weighted ({listed(dict.fromkeys(w for w in weighted if w is not None))}) and others not, or otherwise."


def _of_target(line: FittedLine) -> tuple[float, ...]:
    """Mean and spread of the targets, to ten digits: rows that are the same have the same."""
    p, absorbed = line.design.p, line.design.absorbed
    if absorbed is not None:  # moments are of rests
        spread = (absorbed.squares / line.training.weight).sqrt()
        return tuple(float(f"{value:.9e}") for value in [*absorbed.center[p:].tolist(), *spread.tolist()])
    own = [*line.training.center[p:].tolist(), *line.training.spread[p:].tolist()]
    return tuple(float(f"{value:.9e}") for value in own)


def _mpl() -> ModuleType:
    from bestline.pictures.render import mpl  # matplotlib

    return mpl


def _shown(name: str, value: Any) -> str:
    if value is None or isinstance(value, str):
        return "" if value is None else value
    if isinstance(value, int):
        return f"{value:,}"
    return (
        fixed(value, 4) if name.endswith("R2") else fixed(value, 1) if name in ("AIC", "BIC") else significant(value, _DIGITS)
    )
