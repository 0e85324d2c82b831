"""Autograd: training with torch, as code. The gradient is `loss.backward()`'s business; the loop is written out."""

from __future__ import annotations

from math import ceil

from bestline.export.script.history import History
from bestline.export.script.literals import Section, array, call
from bestline.export.script.table import Form
from bestline.export.script.units import RESTING, line_of, penalty_sizes, setting_of, trained_on, where_from


def trained(history: History, form: Form, layer: str) -> list[Section]:
    """Sections after which w and b, or the layer's weights, hold the outcome in the units trained in."""
    start = []
    if not form.net:
        forward = [f"def forward({form.X}):", f"    return {line_of(history, form)}"]
        start = [Section(_start(history)), Section(forward, defines=True)]
    *losses, criterion = _criterion(history, form)
    settings = Section(_settings(history, form))
    if criterion.defines:
        losses.append(criterion)
    else:
        settings = Section([*criterion.lines, *settings.lines])
    return [*start, *losses, settings, *_loop(history, form, layer)]


def model_of(history: History, style: str, weights: list[str]) -> list[Section]:
    """The module, and where its weights come from."""
    shape = f"{history.p}, {history.k}"
    bias = "" if history.intercept else ", bias=False"
    if style == "linear":
        return [Section([f"model = nn.Linear({shape}{bias}, dtype=torch.float64)", *weights])]
    which = ": a weight for every feature, and a bias" if history.intercept else " through zero: a weight for every feature"
    own = [
        "class Line(nn.Module):",
        f'    """A straight line{which}."""',
        "",
        "    def __init__(self, features, targets):",
        "        super().__init__()",
        f"        self.linear = nn.Linear(features, targets{bias}, dtype=torch.float64)",
        "",
        "    def forward(self, X):",
        "        return self.linear(X)",
    ]
    return [Section(own, defines=True), Section([f"model = Line({shape})", *weights])]


def start_of(history: History, layer: str) -> list[str]:
    """The layer's weights at the start."""
    after = ", dtype=torch.float64))"
    lines = [
        where_from(history),
        *array(f"{layer}.weight", history.start[: history.p].T, "nn.Parameter(torch.tensor(", after, written=repr),
    ]
    if history.intercept:
        lines += array(f"{layer}.bias", history.start[-1], "nn.Parameter(torch.tensor(", after, written=repr)
    if history.rests:
        lines.append(f"{layer}.bias.requires_grad_(False)  # {RESTING}")
    return lines


def loss_call(history: History, form: Form, X: str, y: str, rows: str = "") -> str:
    """The loss of predictions for some rows."""
    predict = "model" if form.net else "forward"
    arguments = [f"{predict}({X}{rows})", f"{y}{rows}"]
    if history.weighted:
        arguments.append(f"weight{rows}")
    code, ready = history.code, _ready_made(history, form)
    if code.in_units and ready is None:
        arguments.append(f"{code.setting} / y_std" if y == "y_scaled" else code.setting)
    if code.in_units and ready is not None and history.scales and y == "y":  # the criterion itself is in the units trained in
        return f"{ready.format(setting=code.setting)}({', '.join(arguments)})"
    return f"criterion({', '.join(arguments)})"


def _start(history: History) -> list[str]:
    after = ", dtype=torch.float64, requires_grad=True)"
    w, b = history.start[: history.p], history.start[-1]
    if history.k == 1:
        w, b = (w[0, 0] if history.p == 1 else w[:, 0]), b[0]
    lines = [where_from(history), *array("w", w, "torch.tensor(", after, written=repr)]
    if history.rests:
        return [*lines, *array("b", b, "torch.tensor(", f", dtype=torch.float64)  # {RESTING}", written=repr)]
    return [*lines, *(array("b", b, "torch.tensor(", after, written=repr) if history.intercept else [])]


def _ready_made(history: History, form: Form) -> str | None:
    """The loss as a module of torch's, which is a plain mean over the rows of one target."""
    return history.code.ready if form.net and history.k == 1 and not history.weighted else None


def _criterion(history: History, form: Form) -> list[Section]:
    code, ready = history.code, _ready_made(history, form)
    setting = setting_of(history, "torch.tensor(", ", dtype=torch.float64)")
    if ready is not None:
        own = f"{code.setting}{' / y_std.item()' if history.scales else ''}"
        return [Section([*setting, f"criterion = {ready.format(setting=own)}"])]
    mean = ".mean(0).sum()" if history.k > 1 else ".mean()"
    arguments = ["prediction", "y", *(["weight"] if history.weighted else []), *([code.setting] if code.in_units else [])]
    lines = [f"def criterion({', '.join(arguments)}):"]
    weigh = f"{form.weight} * " if history.weighted else ""
    *before, each = code.torch
    if "prediction" in each:
        bare = each.endswith(")") and not weigh  # a call, of whose value a method may be called as it stands
        lines.append(f"    return {each if bare else f'({weigh}{each})'}{mean}")
    else:
        lines += [f"    {line}" for line in ("error = prediction - y", *before, f"loss = {each}")]
        lines.append(f"    return ({weigh}loss){mean}" if weigh else f"    return loss{mean}")
    return [*([Section(setting)] if setting else []), Section(lines, defines=True)]


def _by_hand(history: History, form: Form) -> bool:
    """Plain gradient descent on tensors needs no optimiser."""
    return not form.net and history.optimizer.name == "SGD" and not history.optimizer.options and history.schedule is None


def _settings(history: History, form: Form) -> list[str]:
    lines = []
    if _by_hand(history, form):
        lines.append(f"lr = {history.rate!r}")
    else:
        parameters = "model.parameters()" if form.net else "[w, b]" if history.intercept and not history.rests else "[w]"
        made = history.optimizer
        lines += call("optimizer", f"torch.optim.{made.name}", parameters, lr=history.rate, **made.options)
    if history.schedule is not None:
        lines += call("scheduler", f"torch.optim.lr_scheduler.{history.schedule.name}", "optimizer", **history.schedule.options)
    lines += penalty_sizes(history)
    if history.batch_size is not None:
        lines += _batches(history)
    return lines


def _batches(history: History) -> list[str]:
    """The rows of every update: each epoch a new order, cut into slices."""
    # The last epoch may be cut short: batches are drawn for whole epochs, and as many are used as there were updates.
    size = min(history.batch_size or history.rows, history.rows)
    epochs = ceil(history.updates / ceil(history.rows / size))
    return [
        "",
        "# Every epoch has a new order of the rows, and cuts it into batches.",
        f"generator = torch.Generator().manual_seed({history.seed})",
        f"epochs = [torch.randperm(len(y), generator=generator) for epoch in range({epochs})]",
        f"batches = [rows for order in epochs for rows in order.split({history.batch_size})]",
    ]


def _loop(history: History, form: Form, layer: str) -> list[Section]:
    X, y = trained_on(history, form)
    head = f"for step in range({history.updates}):"
    rows = ""
    if history.batch_size is not None:
        head, rows = f"for rows in batches[:{history.updates}]:", "[rows]"
    if history.early:
        head += "  # up to the least held-out loss"
    loss = [f"loss = {loss_call(history, form, X, y, rows)}", *_penalties(history, "w" if not form.net else f"{layer}.weight")]
    scheduled = []
    if history.schedule is not None:
        scheduled = [f"scheduler.step({'loss.item()' if history.schedule.name == 'ReduceLROnPlateau' else ''})"]
    if history.optimizer.name == "LBFGS":
        closure = ["def closure():", *_indented(["optimizer.zero_grad()", *loss, "loss.backward()", "return loss"])]
        return [Section(closure, defines=True), Section([head, *_indented(["optimizer.step(closure)", *scheduled])])]
    # Gradients are put away by hand, as a lesson would: backward() adds to what is there.
    if _by_hand(history, form):
        weights = ["w", "b"] if history.intercept else ["w"]
        update = ["with torch.no_grad():", *(f"    {name} -= lr * {name}.grad" for name in weights)]
        cleared = [f"{name}.grad = None" for name in weights]
        return [Section([head, *_indented([*loss, "loss.backward()", *update, *cleared])])]
    return [Section([head, *_indented(["optimizer.zero_grad()", *loss, "loss.backward()", "optimizer.step()", *scheduled])])]


def _penalties(history: History, w: str) -> list[str]:
    terms = [f"l1 * {w}.abs().sum()"] if history.l1 else []
    terms += [f"l2 * ({w}**2).sum()"] if history.l2 else []
    return [f"loss = loss + {' + '.join(terms)}"] if terms else []


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
