"""Dialects: the four ways in which lessons write a line. Which of them says what, and what it prints."""

from __future__ import annotations

from bestline.export.script import autograd, byhand
from bestline.export.script.literals import Section, quoted
from bestline.export.script.run import Run
from bestline.export.script.solved import solved
from bestline.export.script.table import Form
from bestline.export.script.units import line_of, prepared, restored

STYLES = ("numpy", "tensors", "linear", "module")


def refuse(run: Run, style: str) -> None:
    """Raise OptionError for a run that a style does not write out."""
    if style == "numpy":
        byhand.refuse(run)


def body(run: Run, form: Form, style: str) -> list[Section]:
    """Everything after the data."""
    layer = "model.linear" if style == "module" else "model"
    sections = prepared(run, form)
    if not run.trains:
        sections += solved(run, form)
        if form.net:
            weights = [f"{layer}.weight = nn.Parameter(w.T)", *([f"{layer}.bias = nn.Parameter(b)"] if run.intercept else [])]
            sections += autograd.model_of(run, style, weights)
        return [*sections, *_printed(run, form, layer)]
    if form.net:
        sections += autograd.model_of(run, style, autograd.start_of(run, layer))
    sections += autograd.trained(run, form, layer) if form.torch else byhand.trained(run, form)
    return [*sections, *restored(run, form, layer), *_printed(run, form, layer)]


def _printed(run: Run, form: Form, layer: str) -> list[Section]:
    lines = _weights(run, form, layer)
    if not form.torch:
        return [Section([*lines, *byhand.loss_of(run, form)])]
    loss = autograd.loss_call(run, form, form.X, "y") if run.trains else _squared(run, form)
    return [Section([*lines, f'print("loss", {loss}.item())'])]


def _squared(run: Run, form: Form) -> str:
    line = f"model({form.X})" if form.net else line_of(run, form)
    weigh = f"{form.weight} * " if run.weighted else ""
    return f"({weigh}({line} - y) ** 2){'.mean(0).sum()' if run.k > 1 else '.mean()'}"


def _weights(run: Run, form: Form, layer: str) -> list[str]:
    w, b = (f"{layer}.weight", f"{layer}.bias") if form.net else ("w", "b")
    if run.k > 1:
        rows = f"{w}.T.tolist()" if form.net else f"{w}.tolist()"
        lines = [
            f"for name, row in zip(columns, {rows}):"
            if run.p > 1
            else f"for name, row in zip([{quoted(run.features[0])}], {rows}):",
            "    for target, value in zip(targets, row):",
            '        print(f"{name}:{target}", value)',
        ]
        more = [f"for target, value in zip(targets, {b}.tolist()):", '    print(f"Intercept:{target}", value)']
        return [*lines, *(more if run.intercept else [])]
    item = ".item()" if form.torch else ""
    if run.p == 1:
        lines = [f"print({quoted(run.features[0])}, {w}{item})"]
    else:
        values = f"{w}[0].tolist()" if form.net else f"{w}.tolist()" if form.torch else w
        lines = [f"for name, value in zip(columns, {values}):", "    print(name, value)"]
    return [*lines, *([f'print("Intercept", {b}{item})'] if run.intercept else [])]
