"""Dialects: the four ways in which lessons write a line. Which of them says what, and what it prints."""

from __future__ import annotations

from bestline.export.script.autograd import loss_call, model_of, start_of
from bestline.export.script.autograd import trained as trained_by_torch
from bestline.export.script.byhand import loss_of
from bestline.export.script.byhand import refuse as refuse_by_hand
from bestline.export.script.byhand import trained as trained_by_hand
from bestline.export.script.history import History
from bestline.export.script.literals import Section, quoted
from bestline.export.script.solved import solved
from bestline.export.script.table import Form
from bestline.export.script.units import line_of, prepared, restored

STYLES = ("numpy", "tensors", "linear", "module")


def refuse(history: History, style: str) -> None:
    """Raise OptionError for a run that a style does not write out."""
    if style == "numpy":
        refuse_by_hand(history)


def body(history: History, form: Form, style: str) -> list[Section]:
    """Everything after the data."""
    layer = "model.linear" if style == "module" else "model"
    # Data, standardising, solution or training, back to the units, and what came out: the same order in every dialect.
    sections = prepared(history, form)
    if not history.trains:
        sections += solved(history, form)
        if form.net:
            bias = [f"{layer}.bias = nn.Parameter(b)"] if history.intercept else []
            weights = [f"{layer}.weight = nn.Parameter(w.T)", *bias]
            sections += model_of(history, style, weights)
        return [*sections, *_printed(history, form, layer)]
    if form.net:
        sections += model_of(history, style, start_of(history, layer))
    sections += trained_by_torch(history, form, layer) if form.torch else trained_by_hand(history, form)
    return [*sections, *restored(history, form, layer), *_printed(history, form, layer)]


def _printed(history: History, form: Form, layer: str) -> list[Section]:
    lines = _weights(history, form, layer)
    if not form.torch:
        return [Section([*lines, *loss_of(history, form)])]
    loss = loss_call(history, form, form.X, "y") if history.trains else _squared(history, form)
    return [Section([*lines, f'print("loss", {loss}.item())'])]


def _squared(history: History, form: Form) -> str:
    line = f"model({form.X})" if form.net else line_of(history, form)
    weigh = f"{form.weight} * " if history.weighted else ""
    return f"({weigh}({line} - y) ** 2){'.mean(0).sum()' if history.k > 1 else '.mean()'}"


def _weights(history: History, form: Form, layer: str) -> list[str]:
    # nn.Linear has its weights by target and then by feature, the other way round than here.
    w, b = (f"{layer}.weight", f"{layer}.bias") if form.net else ("w", "b")
    if history.k > 1:
        rows = f"{w}.T.tolist()" if form.net else f"{w}.tolist()"
        columns = "columns" if history.p > 1 else f"[{quoted(history.features[0])}]"
        lines = [
            f"for name, row in zip({columns}, {rows}):",
            "    for target, value in zip(targets, row):",
            '        print(f"{name}:{target}", value)',
        ]
        more = [f"for target, value in zip(targets, {b}.tolist()):", '    print(f"Intercept:{target}", value)']
        return [*lines, *(more if history.intercept else [])]
    item = ".item()" if form.torch else ""
    if history.p == 1:
        lines = [f"print({quoted(history.features[0])}, {w}{item})"]
    else:
        values = f"{w}[0].tolist()" if form.net else f"{w}.tolist()" if form.torch else w
        lines = [f"for name, value in zip(columns, {values}):", "    print(name, value)"]
    return [*lines, *([f'print("Intercept", {b}{item})'] if history.intercept else [])]
