"""Write: a run as one script. A heading, the data, the training in one of the dialects, and the weights printed at the end."""

from __future__ import annotations

from typing import Any

from bestline.calls import no_such
from bestline.errors import OptionError
from bestline.export.script.dialects import STYLES, body, refuse
from bestline.export.script.history import History, history_of
from bestline.export.script.literals import Section, comment
from bestline.export.script.reading import from_file
from bestline.export.script.table import Form, TableCode, inline, rows_of
from bestline.inference.fitted import FittedLine
from bestline.inference.why_not import refuse_absorbed

FEW = 400  # numbers that a page still shows
MOST = 20_000  # numbers that a script may hold
ROWS = ("auto", "inline", "path")
_SHOWN = 12  # weights in the heading

_TITLES = {
    "numpy": "A line from scratch: NumPy, and gradients worked out by hand.",
    "tensors": "A line with torch's tensors, whose gradients autograd finds.",
    "linear": "A line with nn.Linear, and a loss and an optimiser from torch.",
    "module": "A line as an nn.Module of its own, in a training loop.",
}
_SOLVED = {
    "numpy": "with NumPy",
    "tensors": "with torch's tensors",
    "linear": "and put into an nn.Linear",
    "module": "and put into an nn.Module of its own",
}


def script(model: FittedLine, style: str = "linear", *, data: Any = None, rows: str = "auto") -> str:
    """The run of a model as plain code, without bestline, that prints the same weights and the same loss.

    Parameters
    ----------
    model : FittedLine
    style : {"numpy", "tensors", "linear", "module"}
        NumPy with gradients written out; tensors with `requires_grad`; `nn.Linear` with a loss and an optimiser from torch; an
        `nn.Module` class of its own with a training loop.
    data
        The training rows, for a model that was loaded and has none.
    rows : {"auto", "inline", "path"}
        Whether the script holds the numbers, or reads them with pandas from the file that they came from: by default, numbers
        where they are few or there is no file to read.

    Returns
    -------
    str
        A script in float64. Its weights are those of the model to rounding, which long runs of some optimisers magnify. It
        makes no secret of what it does: seeds, start, standardising and every step stand in it.

    Raises
    ------
    OptionError
        For an unknown style, for what the style does not write out, for code of the user, and for too many rows.
    DataError
        When `data` are not the rows that the model was trained on.
    """
    if style not in STYLES:
        raise no_such("style", style, STYLES)
    if rows not in ROWS:
        raise OptionError(f"`rows` must be one of {', '.join(ROWS)}; got {rows!r}.")
    refuse_absorbed(model, "A script takes no effects out")
    if model.source is None and data is None:
        raise OptionError(
            "A loaded model, or one made from moments, has no rows to write a script about; give them: script(style, data=...)."
        )
    # Numbers of the table: features, targets and weights.
    numbers = model.training.count * (model.design.p + len(model.targets) + (model.design.weights is not None))
    gathered = rows_of(model, data) if numbers <= MOST or _needs_rows(model) else None
    history = history_of(model, gathered)
    refuse(history, style)
    form = Form.of(history, style)
    # Few numbers are shown as they are, so that a script can be read and passed on without its data.
    wanted = rows == "path" or (rows == "auto" and numbers > FEW)
    code = from_file(model, history, form, data) if wanted else None
    if code is None and rows == "path":
        raise OptionError(
            "These rows cannot be read again by one line of pandas: that needs one local CSV or Parquet file, and columns that "
            "pandas understands as bestline does; use rows='inline'."
        )
    if code is None:
        if gathered is None or numbers > MOST:
            raise OptionError(
                f"{model.training.count:,} rows are too many to write into a script, and there is no file that it could read them "
                f"from; save the columns of the formula as one CSV or Parquet file, and fit that."
            )
        code = inline(history, form, gathered)
    return _joined([_heading(history, style), Section(_imports(style, code)), Section(code.lines), *body(history, form, style)])


def _needs_rows(model: FittedLine) -> bool:
    """Whether the loss has a number that only the rows tell."""
    code = model.plan.cost.code
    return code is not None and code.in_units


def _heading(history: History, style: str) -> Section:
    """Two lines that hold no word of the user's, for there Python looks for an encoding, and then what was fitted."""
    title = _TITLES[style] if history.trains else f"The line of {_kind(history)}, solved for {_SOLVED[style]}."
    found = list(zip(history.labels, history.weights.flatten().tolist(), strict=True))
    lines = [
        f"# {title}",
        "# What bestline found on the same rows, to compare:",
        f"#     {comment(history.formula)}, {history.rows:,} rows{_how(history)}",
        *(f"#     {comment(label, 60)} {value!r}" for label, value in found[:_SHOWN]),
    ]
    if len(found) > _SHOWN:
        lines.append(f"#     ... and {len(found) - _SHOWN} more")
    return Section([*lines, *([] if history.final is None else [f"#     loss {history.final!r}"])])


def _kind(history: History) -> str:
    if history.l1:
        return "the elastic net" if history.l2 else "the lasso"
    return "ridge regression" if history.l2 else "least squares"


def _how(history: History) -> str:
    steps = f", {history.updates:,} step{'s' * (history.updates != 1)}" if history.trains else ""
    return steps + (", diverging" if history.diverged else "")


def _imports(style: str, code: TableCode) -> list[str]:
    own = ["numpy as np"] if style == "numpy" else ["torch"]
    # Modules before names, as formatters sort them.
    lines = [f"import {module}" for module in sorted({*own, *code.modules})]
    return [*lines, *(["from torch import nn"] if style in ("linear", "module") else [])]


def _joined(sections: list[Section]) -> str:
    """Sections with a blank line between them, two around definitions."""
    text = ""
    for before, section in zip([None, *sections], sections, strict=False):
        if before is not None:
            text += "\n\n" if before.defines or section.defines else "\n"
        text += "\n".join(section.lines) + "\n"
    return text
