"""By hand: training with NumPy alone, as code. Every gradient and every optimiser is written out.

    dw = 2 mean(error x)      db = 2 mean(error)

Optimisers that remember past gradients treat all weights alike, so there the intercept becomes the weight of a column of ones.
"""

from __future__ import annotations

from torch import Tensor

from bestline.errors import OptionError
from bestline.export.script.history import History, Made
from bestline.export.script.literals import Section, array
from bestline.export.script.table import Form
from bestline.export.script.units import RESTING, line_of, setting_of, trained_on, where_from

_OPTIONS = {
    "SGD": {"momentum", "nesterov", "weight_decay"},
    "Adam": {"betas", "eps", "weight_decay"},
    "AdamW": {"betas", "eps", "weight_decay"},
    "RMSprop": {"alpha", "eps", "weight_decay"},
    "Adagrad": {"eps", "weight_decay"},
}


def refuse(history: History) -> None:
    """Raise OptionError for what would not be plain when written by hand."""
    other = "use style='tensors', 'linear' or 'module'"
    if history.optimizer is None:
        return
    if history.optimizer.name not in _OPTIONS:
        raise OptionError(f"{history.optimizer.name} is too long to write by hand in style 'numpy'; {other}.")
    strange = set(history.optimizer.options) - _OPTIONS[history.optimizer.name]
    if strange:
        raise OptionError(f"Style 'numpy' does not write out {history.optimizer.name} with {min(strange)}; {other}.")
    if history.batch_size is not None:
        raise OptionError(f"Mini-batches were drawn by torch's random numbers, which NumPy does not have; {other}.")
    if history.schedule is not None:
        raise OptionError(f"Style 'numpy' does not write out the schedule {history.schedule.name}; {other}.")


def trained(history: History, form: Form) -> list[Section]:
    """Sections after which w and b hold the outcome in the units trained in."""
    packed = history.intercept and not _plain(history) and not history.rests
    settings, loop = _descent(history, form, packed=packed)
    if packed:
        loop.append("w, b = theta" if form.flat else "w, b = theta[:-1], theta[-1]")
    return [Section([*_start(history, form, packed=packed), *settings]), Section(loop)]


def loss_of(history: History, form: Form) -> list[str]:
    """Lines that print the loss in the data's units."""
    mean = ".mean(0).sum()" if history.k > 1 else ".mean()"
    weigh = f"{form.weight} * " if history.weighted else ""
    *before, each = history.code.numpy
    if "prediction" in each:
        return [f'print("loss", ({weigh}{each.replace("prediction", line_of(history, form))}){mean})']
    lines = [f"error = {line_of(history, form)} - y", *before, f"loss = {each}"]
    return [*lines, f'print("loss", {f"({weigh}loss)" if weigh else "loss"}{mean})']


def _plain(history: History) -> bool:
    """Gradient descent without a memory: w and b are updated apart, line by line."""
    return history.optimizer is not None and history.optimizer.name == "SGD" and not history.optimizer.options


def _start(history: History, form: Form, *, packed: bool) -> list[str]:
    values = history.start[:, 0] if history.k == 1 else history.start
    if packed:
        X, _ = trained_on(history, form)
        return [
            "# The intercept is the weight of a column of ones.",
            f"A = np.column_stack([{X}, np.ones(len(y))])",
            where_from(history),
            *_numbers("theta", values),
        ]
    w, b = values[: history.p], values[-1]
    lines = [where_from(history), *_numbers("w", w[0] if form.flat else w)]
    lines += _numbers("b", b) if history.intercept else []
    return [*lines[:-1], f"{lines[-1]}  # {RESTING}"] if history.rests else lines


def _numbers(name: str, values: Tensor) -> list[str]:
    """A name for one number, or for an array of them."""
    before, after = ("np.array(", ")") if values.ndim else ("", "")
    return array(name, values, before, after, written=repr)


def _gradient(history: History, form: Form, *, packed: bool) -> tuple[list[str], str, str]:
    """Lines up to the error and how hard it pulls, and the gradients by the slopes and by the intercept."""
    X, y = trained_on(history, form)
    line = "A @ theta" if packed else line_of(history, form, X)
    error = f"error = {line} - {y}"
    A = "A" if packed else X
    mean = "mean(0)" if form.tall else "mean()"
    if history.loss.squared and not history.weighted:
        if form.flat and not packed:
            return [error], f"2 * (error * {X}).mean()", "2 * error.mean()"
        return [error], f"2 * {A}.T @ error / len(y)", f"2 * error.{mean}"
    pull = history.code.pull.format(setting=f"{history.code.setting} / y_std" if history.scales else history.code.setting)
    if history.weighted:
        pull = f"{form.weight} * ({pull})" if " - " in pull else f"{form.weight} * {pull}"
    lines = [error, f"pull = {pull}  # each row's loss, differentiated"]
    if form.flat and not packed:
        return lines, f"(pull * {X}).mean()", "pull.mean()"
    return lines, f"{A}.T @ pull / len(y)", f"pull.{mean}"


def _descent(history: History, form: Form, *, packed: bool) -> tuple[list[str], list[str]]:
    """The settings, and the loop."""
    assert history.optimizer is not None  # noqa: S101  this is descent
    made, rate = history.optimizer, history.rate
    lines, dw, db = _gradient(history, form, packed=packed)
    w, g = ("theta", "gradient") if packed else ("w", "dw")
    lines.append(f"{g} = {dw}")
    if history.intercept and not packed and not history.rests:
        lines.append(f"db = {db}")
    lines += _penalties(history, w, g, packed=packed)
    counted = f"1, {history.updates + 1}" if made.name in ("Adam", "AdamW") else str(history.updates)
    head = f"for step in range({counted}):"
    if history.early:
        head += "  # up to the least held-out loss"
    settings: list[str] = []
    if _plain(history):
        lines.append("w = w - lr * dw")
        update = ["b = b - lr * db"] if history.intercept else []
    else:
        settings, update = _RULES[made.name](made, w, g)
    settings = [f"lr = {rate!r}", *settings]
    settings += [f"{name} = {size!r}" for name, size in (("l1", history.l1), ("l2", history.l2)) if size]
    settings += setting_of(history, "np.array(", ")", written=repr)
    return settings, [head, *(f"    {line}" for line in (*lines, *update))]


def _penalties(history: History, w: str, g: str, *, packed: bool) -> list[str]:
    own = "[:-1]" if packed else ""
    terms = [f"l1 * np.sign({w}{own})"] if history.l1 else []
    terms += [f"2 * l2 * {w}{own}"] if history.l2 else []
    return [f"{g}{own} += {' + '.join(terms)}  # the penalty"] if terms else []


# --- optimisers: settings besides the rate, and the update of one array of weights ------------------------------


def _decayed(made: Made, w: str, g: str) -> tuple[list[str], list[str]]:
    decay = made.options.get("weight_decay", 0)
    return ([f"weight_decay = {decay!r}"], [f"{g} = {g} + weight_decay * {w}"]) if decay else ([], [])


def _sgd(made: Made, w: str, g: str) -> tuple[list[str], list[str]]:
    settings, update = _decayed(made, w, g)
    momentum = made.options.get("momentum", 0)
    if not momentum:
        return settings, [*update, f"{w} = {w} - lr * {g}"]
    step = f"({g} + momentum * velocity)" if made.options.get("nesterov") else "velocity"
    return (
        [f"momentum = {momentum!r}", *settings, "velocity = 0.0"],
        [*update, f"velocity = momentum * velocity + {g}", f"{w} = {w} - lr * {step}"],
    )


def _adam(made: Made, w: str, g: str) -> tuple[list[str], list[str]]:
    (beta1, beta2), eps = made.options.get("betas", (0.9, 0.999)), made.options.get("eps", 1e-8)
    settings, update = _decayed(made, w, g)
    if made.name == "AdamW":  # the decay is not part of the gradient: Loshchilov & Hutter 2019
        decay = made.options.get("weight_decay", 0.01)
        settings, update = [f"weight_decay = {decay!r}"], [f"{w} = {w} - lr * weight_decay * {w}"]
    return (
        [f"beta1, beta2, eps = {beta1!r}, {beta2!r}, {eps!r}", *settings, "m = v = 0.0  # running means"],
        [
            *update,
            f"m = beta1 * m + (1 - beta1) * {g}",
            f"v = beta2 * v + (1 - beta2) * {g}**2",
            "m_hat, v_hat = m / (1 - beta1**step), v / (1 - beta2**step)",
            f"{w} = {w} - lr * m_hat / (np.sqrt(v_hat) + eps)",
        ],
    )


def _rmsprop(made: Made, w: str, g: str) -> tuple[list[str], list[str]]:
    settings, update = _decayed(made, w, g)
    alpha, eps = made.options.get("alpha", 0.99), made.options.get("eps", 1e-8)
    return (
        [f"alpha, eps = {alpha!r}, {eps!r}", *settings, "v = 0.0  # running mean of squared gradients"],
        [*update, f"v = alpha * v + (1 - alpha) * {g}**2", f"{w} = {w} - lr * {g} / (np.sqrt(v) + eps)"],
    )


def _adagrad(made: Made, w: str, g: str) -> tuple[list[str], list[str]]:
    settings, update = _decayed(made, w, g)
    eps = made.options.get("eps", 1e-10)
    return (
        [f"eps = {eps!r}", *settings, "total = 0.0  # of the squared gradients so far"],
        [*update, f"total = total + {g}**2", f"{w} = {w} - lr * {g} / (np.sqrt(total) + eps)"],
    )


_RULES = {"SGD": _sgd, "Adam": _adam, "AdamW": _adam, "RMSprop": _rmsprop, "Adagrad": _adagrad}
