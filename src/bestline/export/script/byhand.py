"""By hand: training with NumPy alone, as code. Every gradient and every optimiser is written out.

    dw = 2 mean(error x)      db = 2 mean(error)

Optimisers that remember past gradients treat all weights alike, so there the intercept becomes the weight of a column of ones.
"""

from __future__ import annotations

from torch import Tensor

from bestline.errors import OptionError
from bestline.export.script.literals import Section, array
from bestline.export.script.run import Made, Run
from bestline.export.script.table import Form
from bestline.export.script.units import RESTING, line_of, setting_of, trained_on, where_from

_OPTIONS = {
    "SGD": {"momentum", "nesterov", "weight_decay"},
    "Adam": {"betas", "eps", "weight_decay"},
    "AdamW": {"betas", "eps", "weight_decay"},
    "RMSprop": {"alpha", "eps", "weight_decay"},
    "Adagrad": {"eps", "weight_decay"},
}


def refuse(run: Run) -> None:
    """Raise OptionError for what would not be plain when written by hand."""
    other = "use style='tensors', 'linear' or 'module'"
    if run.optimizer is None:
        return
    if run.optimizer.name not in _OPTIONS:
        raise OptionError(f"{run.optimizer.name} is too long to write by hand in style 'numpy'; {other}.")
    strange = set(run.optimizer.options) - _OPTIONS[run.optimizer.name]
    if strange:
        raise OptionError(f"Style 'numpy' does not write out {run.optimizer.name} with {min(strange)}; {other}.")
    if run.batch_size is not None:
        raise OptionError(f"Mini-batches were drawn by torch's random numbers, which NumPy does not have; {other}.")
    if run.schedule is not None:
        raise OptionError(f"Style 'numpy' does not write out the schedule {run.schedule.name}; {other}.")


def trained(run: Run, form: Form) -> list[Section]:
    """Sections after which w and b hold the outcome in the units trained in."""
    packed = run.intercept and not _plain(run) and not run.rests
    settings, loop = _descent(run, form, packed=packed)
    if packed:
        loop.append("w, b = theta" if form.flat else "w, b = theta[:-1], theta[-1]")
    return [Section([*_start(run, form, packed=packed), *settings]), Section(loop)]


def loss_of(run: Run, form: Form) -> list[str]:
    """Lines that print the loss in the data's units."""
    mean = ".mean(0).sum()" if run.k > 1 else ".mean()"
    weigh = f"{form.weight} * " if run.weighted else ""
    *before, each = run.code.numpy
    if "prediction" in each:
        return [f'print("loss", ({weigh}{each.replace("prediction", line_of(run, form))}){mean})']
    lines = [f"error = {line_of(run, form)} - y", *before, f"loss = {each}"]
    return [*lines, f'print("loss", {f"({weigh}loss)" if weigh else "loss"}{mean})']


def _plain(run: Run) -> bool:
    """Gradient descent without a memory: w and b are updated apart, line by line."""
    return run.optimizer is not None and run.optimizer.name == "SGD" and not run.optimizer.options


def _start(run: Run, form: Form, *, packed: bool) -> list[str]:
    values = run.start[:, 0] if run.k == 1 else run.start
    if packed:
        X, _ = trained_on(run, form)
        return [
            "# The intercept is the weight of a column of ones.",
            f"A = np.column_stack([{X}, np.ones(len(y))])",
            where_from(run),
            *_numbers("theta", values),
        ]
    w, b = values[: run.p], values[-1]
    lines = [where_from(run), *_numbers("w", w[0] if form.flat else w)]
    lines += _numbers("b", b) if run.intercept else []
    return [*lines[:-1], f"{lines[-1]}  # {RESTING}"] if run.rests else lines


def _numbers(name: str, values: Tensor) -> list[str]:
    """A name for one number, or for an array of them."""
    before, after = ("np.array(", ")") if values.ndim else ("", "")
    return array(name, values, before, after, written=repr)


def _gradient(run: Run, form: Form, *, packed: bool) -> tuple[list[str], str, str]:
    """Lines up to the error and how hard it pulls, and the gradients by the slopes and by the intercept."""
    X, y = trained_on(run, form)
    line = "A @ theta" if packed else line_of(run, form, X)
    error = f"error = {line} - {y}"
    A = "A" if packed else X
    mean = "mean(0)" if form.tall else "mean()"
    if run.loss.squared and not run.weighted:
        if form.flat and not packed:
            return [error], f"2 * (error * {X}).mean()", "2 * error.mean()"
        return [error], f"2 * {A}.T @ error / len(y)", f"2 * error.{mean}"
    pull = run.code.pull.format(setting=f"{run.code.setting} / y_std" if run.scales else run.code.setting)
    if run.weighted:
        pull = f"{form.weight} * ({pull})" if " - " in pull else f"{form.weight} * {pull}"
    lines = [error, f"pull = {pull}  # each row's loss, differentiated"]
    if form.flat and not packed:
        return lines, f"(pull * {X}).mean()", "pull.mean()"
    return lines, f"{A}.T @ pull / len(y)", f"pull.{mean}"


def _descent(run: Run, form: Form, *, packed: bool) -> tuple[list[str], list[str]]:
    """The settings, and the loop."""
    assert run.optimizer is not None  # noqa: S101  this is descent
    made, rate = run.optimizer, run.rate
    lines, dw, db = _gradient(run, form, packed=packed)
    w, g = ("theta", "gradient") if packed else ("w", "dw")
    lines.append(f"{g} = {dw}")
    if run.intercept and not packed and not run.rests:
        lines.append(f"db = {db}")
    lines += _penalties(run, w, g, packed=packed)
    counted = f"1, {run.updates + 1}" if made.name in ("Adam", "AdamW") else str(run.updates)
    head = f"for step in range({counted}):"
    if run.early:
        head += "  # up to the least held-out loss"
    settings: list[str] = []
    if _plain(run):
        lines.append("w = w - lr * dw")
        update = ["b = b - lr * db"] if run.intercept else []
    else:
        settings, update = _RULES[made.name](made, w, g)
    settings = [f"lr = {rate!r}", *settings]
    settings += [f"{name} = {size!r}" for name, size in (("l1", run.l1), ("l2", run.l2)) if size]
    settings += setting_of(run, "np.array(", ")", written=repr)
    return settings, [head, *(f"    {line}" for line in (*lines, *update))]


def _penalties(run: Run, w: str, g: str, *, packed: bool) -> list[str]:
    own = "[:-1]" if packed else ""
    terms = [f"l1 * np.sign({w}{own})"] if run.l1 else []
    terms += [f"2 * l2 * {w}{own}"] if run.l2 else []
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
