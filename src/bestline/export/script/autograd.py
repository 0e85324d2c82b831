"""Autograd: training with torch, as code. The gradient is `loss.backward()`'s business; the loop is written out."""

from __future__ import annotations

from math import ceil

from bestline.export.script.literals import Section, array, call
from bestline.export.script.run import Run
from bestline.export.script.table import Form
from bestline.export.script.units import RESTING, line_of, setting_of, trained_on, where_from


def trained(run: Run, form: Form, layer: str) -> list[Section]:
    """Sections after which w and b, or the layer's weights, hold the outcome in the units trained in."""
    start = []
    if not form.net:
        start = [Section(_start(run)), Section([f"def forward({form.X}):", f"    return {line_of(run, form)}"], defines=True)]
    *losses, criterion = _criterion(run, form)
    settings = _settings(run, form)
    if not criterion.defines:
        return [*start, *losses, Section([*criterion.lines, *settings]), *_loop(run, form, layer)]
    return [*start, *losses, criterion, Section(settings), *_loop(run, form, layer)]


def model_of(run: Run, style: str, weights: list[str]) -> list[Section]:
    """The module, and where its weights come from."""
    shape = f"{run.p}, {run.k}"
    bias = "" if run.intercept else ", bias=False"
    if style == "linear":
        return [Section([f"model = nn.Linear({shape}{bias}, dtype=torch.float64)", *weights])]
    own = [
        "class Line(nn.Module):",
        '    """A straight line: a weight for every feature, and a bias."""'
        if run.intercept
        else '    """A straight line through zero: a weight for every feature."""',
        "",
        "    def __init__(self, features, targets):",
        "        super().__init__()",
        f"        self.linear = nn.Linear(features, targets{bias}, dtype=torch.float64)",
        "",
        "    def forward(self, X):",
        "        return self.linear(X)",
    ]
    return [Section(own, defines=True), Section([f"model = Line({shape})", *weights])]


def start_of(run: Run, layer: str) -> list[str]:
    """The layer's weights at the start."""
    after = ", dtype=torch.float64))"
    lines = [
        where_from(run),
        *array(f"{layer}.weight", run.start[: run.p].T, "nn.Parameter(torch.tensor(", after, written=repr),
    ]
    if run.intercept:
        lines += array(f"{layer}.bias", run.start[-1], "nn.Parameter(torch.tensor(", after, written=repr)
    if run.rests:
        lines.append(f"{layer}.bias.requires_grad_(False)  # {RESTING}")
    return lines


def loss_call(run: Run, form: Form, X: str, y: str, rows: str = "") -> str:
    """The loss of predictions for some rows."""
    predict = "model" if form.net else "forward"
    arguments = [f"{predict}({X}{rows})", f"{y}{rows}"]
    if run.weighted:
        arguments.append(f"weight{rows}")
    code, ready = run.code, _ready_made(run, form)
    if code.in_units and ready is None:
        arguments.append(f"{code.setting} / y_std" if y == "y_scaled" else code.setting)
    if code.in_units and ready is not None and run.scales and y == "y":  # the criterion itself is in the units trained in
        return f"{ready.format(setting=code.setting)}({', '.join(arguments)})"
    return f"criterion({', '.join(arguments)})"


def _start(run: Run) -> list[str]:
    after = ", dtype=torch.float64, requires_grad=True)"
    w, b = run.start[: run.p], run.start[-1]
    if run.k == 1:
        w, b = (w[0, 0] if run.p == 1 else w[:, 0]), b[0]
    lines = [where_from(run), *array("w", w, "torch.tensor(", after, written=repr)]
    if run.rests:
        return [*lines, *array("b", b, "torch.tensor(", f", dtype=torch.float64)  # {RESTING}", written=repr)]
    return [*lines, *(array("b", b, "torch.tensor(", after, written=repr) if run.intercept else [])]


def _ready_made(run: Run, form: Form) -> str | None:
    """The loss as a module of torch's, which is a plain mean over the rows of one target."""
    return run.code.ready if form.net and run.k == 1 and not run.weighted else None


def _criterion(run: Run, form: Form) -> list[Section]:
    code, ready = run.code, _ready_made(run, form)
    setting = setting_of(run, "torch.tensor(", ", dtype=torch.float64)")
    if ready is not None:
        own = f"{code.setting}{' / y_std.item()' if run.scales else ''}"
        return [Section([*setting, f"criterion = {ready.format(setting=own)}"])]
    mean = ".mean(0).sum()" if run.k > 1 else ".mean()"
    arguments = ["prediction", "y", *(["weight"] if run.weighted else []), *([code.setting] if code.in_units else [])]
    lines = [f"def criterion({', '.join(arguments)}):"]
    weigh = f"{form.weight} * " if run.weighted else ""
    *before, each = code.torch
    if "prediction" in each:
        bare = each.endswith(")") and not weigh  # a call, of whose value a method may be called as it stands
        lines.append(f"    return {each if bare else f'({weigh}{each})'}{mean}")
    else:
        lines += [f"    {line}" for line in ("error = prediction - y", *before, f"loss = {each}")]
        lines.append(f"    return ({weigh}loss){mean}" if weigh else f"    return loss{mean}")
    return [*([Section(setting)] if setting else []), Section(lines, defines=True)]


def _by_hand(run: Run, form: Form) -> bool:
    """Plain gradient descent on tensors needs no optimiser."""
    assert run.optimizer is not None  # noqa: S101  this is descent
    return not form.net and run.optimizer.name == "SGD" and not run.optimizer.options and run.schedule is None


def _settings(run: Run, form: Form) -> list[str]:
    assert run.optimizer is not None  # noqa: S101  this is descent
    lines = []
    if _by_hand(run, form):
        lines.append(f"lr = {run.rate!r}")
    else:
        parameters = "model.parameters()" if form.net else "[w, b]" if run.intercept and not run.rests else "[w]"
        lines += call("optimizer", f"torch.optim.{run.optimizer.name}", parameters, lr=run.rate, **run.optimizer.options)
    if run.schedule is not None:
        lines += call("scheduler", f"torch.optim.lr_scheduler.{run.schedule.name}", "optimizer", **run.schedule.options)
    lines += [f"{name} = {size!r}" for name, size in (("l1", run.l1), ("l2", run.l2)) if size]
    if run.batch_size is not None:
        lines += _batches(run)
    return lines


def _batches(run: Run) -> list[str]:
    """The rows of every update: each epoch a new order, cut into slices."""
    size = min(run.batch_size or run.rows, run.rows)
    epochs = ceil(run.updates / ceil(run.rows / size))
    return [
        "",
        "# Every epoch has a new order of the rows, and cuts it into batches.",
        f"generator = torch.Generator().manual_seed({run.seed})",
        f"epochs = [torch.randperm(len(y), generator=generator) for epoch in range({epochs})]",
        f"batches = [rows for order in epochs for rows in order.split({run.batch_size})]",
    ]


def _loop(run: Run, form: Form, layer: str) -> list[Section]:
    assert run.optimizer is not None  # noqa: S101  this is descent
    X, y = trained_on(run, form)
    head = f"for step in range({run.updates}):"
    rows = ""
    if run.batch_size is not None:
        head, rows = f"for rows in batches[:{run.updates}]:", "[rows]"
    if run.early:
        head += "  # up to the least held-out loss"
    loss = [f"loss = {loss_call(run, form, X, y, rows)}", *_penalties(run, "w" if not form.net else f"{layer}.weight")]
    scheduled = []
    if run.schedule is not None:
        scheduled = [f"scheduler.step({'loss.item()' if run.schedule.name == 'ReduceLROnPlateau' else ''})"]
    if run.optimizer.name == "LBFGS":
        closure = ["def closure():", *_indented(["optimizer.zero_grad()", *loss, "loss.backward()", "return loss"])]
        return [Section(closure, defines=True), Section([head, *_indented(["optimizer.step(closure)", *scheduled])])]
    if _by_hand(run, form):
        weights = ["w", "b"] if run.intercept else ["w"]
        update = ["with torch.no_grad():", *(f"    {name} -= lr * {name}.grad" for name in weights)]
        cleared = [f"{name}.grad = None" for name in weights]
        return [Section([head, *_indented([*loss, "loss.backward()", *update, *cleared])])]
    return [Section([head, *_indented(["optimizer.zero_grad()", *loss, "loss.backward()", "optimizer.step()", *scheduled])])]


def _penalties(run: Run, w: str) -> list[str]:
    terms = [f"l1 * {w}.abs().sum()"] if run.l1 else []
    terms += [f"l2 * ({w}**2).sum()"] if run.l2 else []
    return [f"loss = loss + {' + '.join(terms)}"] if terms else []


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
