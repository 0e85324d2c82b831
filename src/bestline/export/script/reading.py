"""Reading: code that reads the rows of a run with pandas from the file that they came from.

A file is named only when pandas reads it to the same numbers and levels that bestline read.
"""

from __future__ import annotations

import ast
import math
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import islice
from typing import Any

import numpy as np
import torch

from bestline.data.design import Column, Design, Factor
from bestline.data.design.bases.splines import SPLINES
from bestline.data.design.expressions import column_of, syntax_tree
from bestline.data.tables import Batch, Source, open_source
from bestline.data.tables.columnar import ParquetFile
from bestline.data.tables.delimited import DelimitedFile
from bestline.data.tables.open import Files
from bestline.data.tables.places import STANDARD_INPUT
from bestline.export.script.history import History, remembered
from bestline.export.script.literals import call, names, quoted, value
from bestline.export.script.table import Form, TableCode, check_rows
from bestline.inference.fitted import FittedLine

_CHECKED = 16  # batches of a file that pandas has to read alike: a million rows
_BATCH = 65_536
# What pandas says of a file that it does not read as we do: a column that is not there, words in place of numbers, ...
_NOT_ALIKE = (ValueError, LookupError, TypeError, OSError, AttributeError, ArithmeticError, ImportError, NotImplementedError)
_SAME = 1e-14  # relative: readers of decimal digits differ in the last bit


def from_file(model: FittedLine, history: History, form: Form, data: Any) -> TableCode | None:
    """Code that reads the rows with pandas; None where that would not give the same rows."""
    source = open_source(data, text=model.design.texts) if isinstance(data, str | os.PathLike) else data
    source = model.source if source is None else source
    design = model.design
    descent = remembered(model)
    held_out = data is None and model.labels is None and descent is not None and descent.patience is not None
    levels_filled = not set(model.collected.imputed) <= set(design.means)
    if not isinstance(source, Files) or len(source.parts) != 1 or held_out or levels_filled or find_spec("pandas") is None:
        return None
    if source.shifts(design.reads()):
        return None
    split = data is None and model.labels is not None
    chosen = _training_rows(model) if split else []
    read = _reading(source, design)
    if chosen is None or read is None or not _reads_alike(source, design, *read):
        return None
    columns = [_column(design, column) for column in design.columns]
    targets = [_factor(design, response, 0) for response in design.trained]
    told = tuple(map(str, columns)), tuple(map(str, targets))
    if None in (*columns, *targets):
        return None
    if data is not None:
        check_rows(model, data)
    lines = _call_of(*read) + chosen + _filled(model) + _weighing(design)
    one = history.k == 1
    lines += _block(form.X, "columns", history.features, told[0], form, vector=form.flat, listed=True)
    lines += _block("y", "targets", history.targets, told[1], form, vector=one and not form.tall, listed=not one)
    if design.weights is not None:
        lines.append(f"weight = {_numbers(form, f'frame[{quoted(design.weights)}]')}")
    numpy = ("numpy as np",) if any("np." in text for text in (*told[0], *told[1])) else ()
    return TableCode(lines, (*numpy, "pandas as pd", *(("torch",) if split else ())))


def _reading(source: Files, design: Design) -> tuple[str, str, dict[str, Any]] | None:
    """The function of pandas, the path, and the options that read the file alike."""
    part = source.parts[0]
    place = part.place
    # What was piped in is gone when the script runs.
    if place.system is not None or place.shown == STANDARD_INPUT:
        return None
    if isinstance(part, ParquetFile):
        return "pd.read_parquet", place.path, {"columns": design.reads()}
    if not isinstance(part, DelimitedFile):
        return None
    # What is computed with is to be floats, whose powers and products do not overflow as those of integers do.
    computed = [f for f in (*design.factors, *design.trained) if f.kind == "expression"]
    kinds = {**dict.fromkeys((c for f in computed for c in f.numbers), float), **dict.fromkeys(design.texts, str)}
    dialect = part.dialect
    asked: tuple[tuple[str, Any, Any], ...] = (
        ("sep", dialect.delimiter, ","),
        ("decimal", dialect.decimal, "."),
        ("encoding", dialect.encoding, "utf-8"),
        ("compression", "gzip" if dialect.packed else None, None),
        ("skiprows", max(dialect.lines - 1, 0), 0),
        ("dtype", kinds, {}),
    )
    return "pd.read_csv", place.path, {name: given for name, given, usual in asked if given != usual}


def _call_of(function: str, path: str, options: dict[str, Any]) -> list[str]:
    words = [quoted(path)]
    for name, given in options.items():
        if isinstance(given, dict):
            inner = ", ".join(f"{quoted(column)}: {kind.__name__}" for column, kind in given.items())
            words.append(f"{name}={{{inner}}}")
        elif isinstance(given, list):
            words.append(f"{name}=[{', '.join(map(quoted, given))}]")
        else:
            words.append(f"{name}={value(given)}")
    return call("frame", function, *words)


def _training_rows(model: FittedLine) -> list[str] | None:
    """Lines that choose the training rows of a split; None where the seed did not draw them in one order."""
    assert model.labels is not None  # noqa: S101  the caller has looked
    # The split draws one permutation; its first rows are those of training, so the script needs the seed alone.
    n, training = len(model.labels), torch.nonzero(model.labels == 0)[:, 0]
    order = torch.randperm(n, generator=torch.Generator().manual_seed(model.plan.seed))[: len(training)]
    if not torch.equal(order.sort().values, training):
        return None
    return [
        "# The training rows of the split, as the seed drew them.",
        f"order = torch.randperm({n}, generator=torch.Generator().manual_seed({model.plan.seed}))",
        f"frame = frame.iloc[order[:{len(training)}].sort().values.numpy()]",
    ]


def _filled(model: FittedLine) -> list[str]:
    """What is done about missing values, where there were any."""
    lines = []
    if model.collected.imputed:
        means = ", ".join(f"{quoted(name)}: {model.design.means[name]!r}" for name in model.collected.imputed)
        lines += call("frame", "frame.fillna", f"{{{means}}}")
    if model.collected.dropped:
        lines += call("frame", "frame.dropna", f"subset=[{', '.join(map(quoted, model.design.reads()))}]")
    return lines


def _weighing(design: Design) -> list[str]:
    if design.weights is None:
        return []
    return [f"frame = frame[frame[{quoted(design.weights)}] > 0]  # rows of no weight do not count"]


def _block(
    name: str, listing: str, given: Sequence[str], texts: tuple[str, ...], form: Form, *, vector: bool, listed: bool
) -> list[str]:
    """The lines of `name = ...` for columns that are told by texts; `given` names are listed where that is simpler."""
    if vector:
        return [f"{name} = {_numbers(form, texts[0])}"]
    if texts != tuple(f"frame[{quoted(column)}]" for column in given):
        lines = [f"    {quoted(column)}: {text}," for column, text in zip(given, texts, strict=True)]
        return [f"{listing} = {{", *lines, "}", f"{name} = {_numbers(form, f'pd.DataFrame({listing})')}"]
    if not listed:
        return [f"{name} = {_numbers(form, f'frame[[{quoted(given[0])}]]')}"]
    return [*names(listing, given), f"{name} = {_numbers(form, f'frame[{listing}]')}"]


def _numbers(form: Form, frame: str) -> str:
    text = f"({frame})" if re.search(r" [-+*/=]", frame) else frame
    return f"torch.tensor({text}.to_numpy(float))" if form.torch else f"{text}.to_numpy(float)"


def _column(design: Design, column: Column) -> str | None:
    """A column of X as an expression of the frame, or None."""
    parts = [_factor(design, design.factors[i], component) for i, component in column.parts]
    if any(part is None for part in parts):
        return None
    if len(parts) == 1:
        return parts[0]
    return " * ".join(f"({part})" if " " in str(part) else str(part) for part in parts)


def _factor(design: Design, factor: Factor, component: int) -> str | None:
    if factor.kind == "number":
        return f"frame[{quoted(factor.column)}]"
    if factor.is_coded:
        values = ", ".join(
            f"{quoted(level)}: {v!r}" for level, v in zip(factor.levels, factor.at_levels(component), strict=True)
        )
        return f"frame[{quoted(factor.column)}].map({{{values}}})"
    if factor.kind == "category":
        return f"frame[{quoted(factor.column)}] == {quoted(factor.levels[component])}"
    try:
        tree = _Translated(design, component).visit(syntax_tree(factor.text))
    except _Untranslatable:
        return None
    return re.sub(r"frame\['(\w+)'\]", r'frame["\1"]', ast.unparse(tree))


class _Untranslatable(Exception):  # noqa: N818  not an error of the user's
    """The expression has a part that plain NumPy does not have."""


class _Translated(ast.NodeTransformer):
    """An expression of a formula, which has been checked, as an expression of the columns of `frame`."""

    def __init__(self, design: Design, component: int) -> None:
        self.design, self.component = design, component

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse(f"frame[{column_of(node.id)!r}]", mode="eval").body

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        state = self.design.states.get(ast.unparse(node), {})
        if name in SPLINES:
            raise _Untranslatable
        inner: ast.expr = self.visit(node.args[0])
        if name == "I":
            return inner
        if name in ("center", "scale", "standardize"):
            less = ast.BinOp(inner, ast.Sub(), ast.Constant(state["mean"]))
            return ast.BinOp(less, ast.Div(), ast.Constant(state["deviation"])) if "deviation" in state else less
        if name == "poly":
            if state:
                raise _Untranslatable
            return ast.BinOp(inner, ast.Pow(), ast.Constant(self.component + 1)) if self.component else inner
        return ast.Call(ast.parse(f"np.{name}", mode="eval").body, [inner], [])


# --- does pandas read the same? ------------------------------------------------------------------------------------------


def _reads_alike(source: Source, design: Design, function: str, path: str, options: dict[str, Any]) -> bool:
    """Whether pandas finds the numbers and levels that bestline found, in the first million rows."""
    wanted, texts = design.reads(), design.texts
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what pandas doubts, the comparison decides
            pairs = zip(source.batches(wanted, size=_BATCH), _frames(function, path, options), strict=True)
            return all(_same(batch, frame, wanted, texts) for batch, frame in islice(pairs, _CHECKED))
    except _NOT_ALIKE:
        return False


def _frames(function: str, path: str, options: dict[str, Any]) -> Iterator[Any]:
    import pandas as pd

    if function == "pd.read_csv":
        yield from pd.read_csv(path, **options, chunksize=_BATCH)
        return
    frame = pd.read_parquet(path, **options)
    yield from (frame.iloc[i : i + _BATCH] for i in range(0, len(frame), _BATCH))


def _same(batch: Batch, frame: Any, wanted: Sequence[str], texts: Sequence[str]) -> bool:
    if len(frame) != len(batch):
        return False
    return all((_same_levels if name in texts else _same_numbers)(batch, frame[name], name) for name in wanted)


def _same_numbers(batch: Batch, values: Any, name: str) -> bool:
    ours, theirs = batch.numbers([name])[:, 0].cpu().numpy(), values.to_numpy(float, na_value=math.nan)
    return bool(np.isclose(theirs, ours, rtol=_SAME, atol=0, equal_nan=True).all())


def _same_levels(batch: Batch, values: Any, name: str) -> bool:
    codes, levels = batch.text(name)
    ours = [None if code < 0 else levels[code] for code in codes.tolist()]
    theirs = [None if missing else level for level, missing in zip(values.tolist(), values.isna().tolist(), strict=True)]
    return ours == theirs
