"""Side by side: several models as one table, a column a model: estimates with their errors beneath, and how well each fits.

What tells the models apart is said: which standard errors each has, other rows, other targets, another loss, a penalty.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bestline.calls import checked
from bestline.data.design import offset_terms
from bestline.errors import OptionError, clean, listed
from bestline.files import as_path, fresh
from bestline.inference.classical import Coefficient
from bestline.inference.fitted import FittedLine
from bestline.inference.uncertainty import errors_name, errors_of, glances, tables_by
from bestline.pictures.render.html import models_page
from bestline.pictures.weights.coefficients import Estimates, coefficients_beside
from bestline.training import Stop
from bestline.wording import (
    RAISED,
    aligned,
    apart,
    as_cell,
    evenly,
    fixed,
    in_digits,
    ordered,
    places,
    plain,
    significant,
    typeset,
    without,
)

if TYPE_CHECKING:
    from pandas import DataFrame

    from bestline.pictures.render.mpl import Drawing

STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))  # Stata's esttab and R's modelsummary
_DIGITS = 4
_ERROR_DIGITS = 3
_MOST_DIGITS = 8  # of an estimate whose error is next to nothing
_LONGEST = 60  # letters of a term
_NARROW = 20  # letters of a column; words alone, such as what errors are clustered by, take more lines and not more room
_PICTURES = (".png", ".svg", ".pdf")
_LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    **{c: f"${c}$" for c in "<>|"},  # other letters in the oldest fonts
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


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

    def heads(self) -> Iterator[tuple[str, list[str]]]:
        """Rows above the numbers: what each model is called, and its target."""
        yield "", [c.label for c in self.columns]
        yield "target", [plain(c.target) for c in self.columns]

    def cells(self) -> Iterator[tuple[str, list[str]]]:
        """Rows as they are printed: the name, empty for errors beneath, and a cell a model."""
        for term, name in zip(self.terms, apart(self.terms, _LONGEST), strict=True):
            found = [c.coefficients.get(term) for c in self.columns]
            pairs = [("", "") if c is None else _estimate_and_error(c.estimate, c.std_error) for c in found]
            yield (
                name,
                [text if c is None else text + self._mark(c) for c, (text, _) in zip(found, pairs, strict=True)],
            )
            if any(error for _, error in pairs):
                yield "", [error and f"({error})" for _, error in pairs]

    def fits(self) -> Iterator[tuple[str, list[str]]]:
        """The rows below: figures of each fit."""
        for name in self._figures:
            yield name, [_shown(name, c.figures.get(name)) for c in self.columns]

    def _mark(self, c: Coefficient) -> str:
        return next((mark for level, mark in STARS if self.stars and c.p_value < level), "")

    @property
    def _legend(self) -> list[str]:
        marks = [", ".join(f"{mark} p < {level:g}" for level, mark in reversed(STARS))] if self.stars else []
        return [
            "Standard errors in parentheses.",
            *(f"{mark}." for mark in marks),
            *filter(None, [without(self.terms, _LONGEST)]),
            *self.notes,
        ]

    def __str__(self) -> str:
        # Brackets and stars hang out on the right, so that digits stand below each other.
        hang = len(STARS[0][1]) if self.stars else 1
        parts = [[line for row in rows for line in _lines(*row, hang)] for rows in (self.heads(), self.cells(), self.fits())]
        lines = aligned([row for part in parts for row in part], numbers=True)
        rule, top, below = "-" * max(map(len, lines)), len(parts[0]), len(parts[0]) + len(parts[1])
        return "\n".join([*lines[:top], rule, *lines[top:below], rule, *lines[below:], "", *self._legend])

    __repr__ = __str__

    def to_markdown(self) -> str:
        """As a table of Markdown."""

        def row(cells: Sequence[str]) -> str:
            return f"| {' | '.join(cell.replace('|', chr(92) + '|').replace('*', chr(92) + '*') for cell in cells)} |"

        head, *rest = [row([name, *cells]) for name, cells in (*self.heads(), *self.cells(), *self.fits())]
        legend = " ".join(self._legend).replace("*", "\\*")
        return "\n".join([head, f"|---|{'---:|' * len(self.columns)}", *rest, "", legend, ""])

    def to_html(self) -> str:
        """As a table of HTML, without styles of its own."""

        def row(name: str, cells: Sequence[str], cell: str = "td") -> str:
            found = "".join(f'<{cell} style="text-align: right">{escape(ordered(text))}</{cell}>' for text in cells)
            return f'<tr><th scope="row" style="text-align: left; font-weight: normal">{escape(ordered(name))}</th>{found}</tr>'

        body = "\n".join(row(*line) for line in self.cells())
        foot = "\n".join(row(*line) for line in self.fits())
        head = "\n".join(row(*line, "th") for line in self.heads())
        legend = escape(" ".join(self._legend))
        return (
            f'<table class="bestline-models">\n<thead>\n{head}\n</thead>\n<tbody>\n{body}\n</tbody>\n<tbody style="border-top: 1px solid">\n'
            f"{foot}\n</tbody>\n</table>\n<p>{legend}</p>\n"
        )

    _repr_html_ = to_html

    def to_page(self) -> str:
        """The same as a page of its own, in the screen's colours, wide tables in a box that scrolls."""
        return models_page(
            "Models side by side", list(self.heads()), [_typeset(self.cells()), _typeset(self.fits())], self._legend
        )

    def to_latex(self) -> str:
        """As a tabular of LaTeX with the rules of booktabs."""

        def told(text: str) -> str:
            return _in_mathematics("".join(_LATEX.get(letter, letter) for letter in text))

        def row(name: str, cells: Sequence[str]) -> str:
            return f"{' & '.join(map(told, [name, *cells]))} \\\\"

        head, body, foot = ([row(*line) for line in part] for part in (self.heads(), self.cells(), self.fits()))
        begin = f"\\begin{{tabular}}{{l{'r' * len(self.columns)}}}"
        ruled = [begin, r"\toprule", *head, r"\midrule", *body, r"\midrule", *foot, r"\bottomrule", r"\end{tabular}"]
        return "\n".join([*ruled, "", told(" ".join(self._legend)), ""])

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write it by the name's ending: .md, .tex, .txt, .html as a page, or .csv with the numbers unrounded; .png, .svg or .pdf is its picture.

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
    ".html": ModelTable.to_page,
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
    lossy = not all(line.plan.cost.squared for line in lines)  # squares alone are what is expected
    columns = tuple(c for name, line in zip(names, lines, strict=True) for c in _columns(line, name, level, lossy=lossy))
    terms = list(dict.fromkeys(term for c in columns for term in c.coefficients))
    terms = [t for t in terms if t != "Intercept"] + [t for t in terms if t == "Intercept"]
    return ModelTable(columns, tuple(terms), bool(stars), tuple(_notes(lines, names)), level)


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


def _columns(line: FittedLine, label: str, level: float, *, lossy: bool) -> Iterator[ModelColumn]:
    several = len(line.targets) > 1
    whole, errors = glances(line, line.robust), errors_of(line)
    for i, (target, found) in enumerate(zip(line.targets, tables_by(line, errors, level), strict=True)):
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
            "std errors": errors_name(errors),
            "loss": line.plan.loss_name if lossy else None,
            "penalty": ", ".join(f"{n}={getattr(line.plan, n):.3g}" for n in ("l1", "l2") if getattr(line.plan, n)) or None,
        }
        name = f"{label} {plain(target)}" if several else label
        yield ModelColumn(name, target, {c.term: c for c in found}, figures)


def _notes(lines: Sequence[FittedLine], names: Sequence[str]) -> Iterator[str]:
    """What makes figures of one model no match for those of another."""
    if len({line.training.count for line in lines}) > 1:
        yield "The models have different numbers of rows: R2, AIC and BIC do not compare."
    if len({line.targets for line in lines}) > 1:
        yield "The targets differ: errors, R2, AIC and BIC do not compare."
    elif len({tuple(offset_terms(line.design.offsets)) for line in lines}) > 1:
        yield "The known parts (offset) differ: R2 is of what these leave, and does not compare."
    elif len({line.training.count for line in lines}) == 1 and len({_of_target(line) for line in lines}) > 1:
        yield "The rows or the weights differ: R2, AIC and BIC do not compare."
    if len({line.plan.cost.estimates or line.plan.loss_name for line in lines}) > 1:
        yield _of_losses(lines, names)
    zero = [name for name, line in zip(names, lines, strict=True) if line.fitted_scores.r2_about_mean is not None]
    if zero:
        others = ", and do not compare with those of the others" if len(zero) < len(lines) else ""
        yield (
            f"R2 and adjusted R2 of {', '.join(zero)} are about zero, for want of an intercept{others}; held-out R2 is about the mean."
        )
    for name, line in zip(names, lines, strict=True):
        if line.diverged:
            yield f"Training of {name} diverged: its estimates say nothing of the data."
        elif line.short:
            yield f"Training of {name} stopped before the least loss: its figures are of the line as it is, without standard errors."
        elif line.stop is Stop.STEPS and line.trace.gap is None:
            yield f"Training of {name} made all its steps; nothing says whether it reached the least loss."
    weighted = [line.design.weights for line in lines]
    if len(set(weighted)) > 1:
        yield f"Some are weighted ({listed(dict.fromkeys(w for w in weighted if w is not None))}) and others not, or otherwise."


def _of_losses(lines: Sequence[FittedLine], names: Sequence[str]) -> str:
    """What lines of different losses estimate."""
    found: dict[str, list[str]] = {}
    for name, line in zip(names, lines, strict=True):
        if line.plan.cost.estimates:
            found.setdefault(line.plan.cost.estimates, []).append(name)
    those = "; ".join(f"the {what}: {', '.join(own)}" for what, own in found.items())
    told = f" ({those})" if those else ""
    return (
        f"The losses differ, and so does what the lines estimate of the target{told}: their weights do not compare, nor do R2 and RMSE, "
        f"which are of squared errors."
    )


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


def _typeset(rows: Iterator[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """Rows as a page has them: numbers with a real minus sign."""
    return [(name, list(map(typeset, cells))) for name, cells in rows]


def _estimate_and_error(estimate: float, error: float) -> tuple[str, str]:
    """An estimate and its error as text, to the same place: where the error has three digits, or at the point; further ones are noise."""
    if not math.isfinite(error):
        return significant(estimate, _DIGITS), ""
    digits = math.floor(math.log10(abs(estimate) / error)) + _ERROR_DIGITS if estimate and error else _MOST_DIGITS
    place = places(error, _ERROR_DIGITS)
    if place is None or digits > _MOST_DIGITS:
        return significant(estimate, max(_DIGITS, min(digits, _MOST_DIGITS))), significant(error, _ERROR_DIGITS)
    return fixed(estimate, place), fixed(error, place)


def _to_digits(value: float) -> str:
    """A size with its zeros: `1.030` beside `1.464`."""
    place = places(value, _DIGITS)
    return significant(value, _DIGITS) if place is None else fixed(value, place)


def _lines(name: str, cells: Sequence[str], hang: int) -> Iterator[list[str]]:
    """A row in as many lines as its widest words need."""
    broken = [evenly(text, _NARROW) if " " in text else [text] for text in cells]
    for i in range(max(1, *map(len, broken))):
        texts = [lines[i] if i < len(lines) else "" for lines in broken]
        yield [name if i == 0 else "", *(text + " " * (hang - len(text) + len(text.rstrip("*)"))) for text in texts)]


def _in_mathematics(text: str) -> str:
    """A text of LaTeX whose minus signs and powers of ten are set as such."""
    powers = re.sub(f"×10([{RAISED}]+)", lambda m: rf"$\times 10^{{{in_digits(m[1])}}}$", text)
    return re.sub(r"^(\(?)-(?=\d)", r"\1$-$", powers)


def _shown(name: str, value: Any) -> str:
    if value is None or isinstance(value, str):
        return "" if value is None else value.replace("`", "")
    if isinstance(value, int):
        return f"{value:,}"
    if name.endswith("R2"):
        return fixed(value, 4)
    return fixed(value, 1) if name in ("AIC", "BIC") else _to_digits(value)
