"""Solved: least squares, ridge regression and the lasso without a learning rate, as code.

    least squares    w = argmin |y - X w|^2                    in one line of linear algebra
    ridge            (X'X / n + l2 I) w = X'y / n              in another
    lasso            w_j = shrink(left_j, l1 / 2) / (G_jj + l2)    weight by weight, around and around

Columns and target are centred first, so the intercept follows from the means.
"""

from __future__ import annotations

from bestline.export.script.history import History
from bestline.export.script.literals import Section
from bestline.export.script.table import Form
from bestline.export.script.units import means, moved_back, slopes_back, still, trained_on
from bestline.numerics import rank_tolerance


def solved(history: History, form: Form) -> list[Section]:
    """Lines after which w and b hold the solution in the data's units."""
    centring: list[str] = []
    X, y = trained_on(history, form)
    if not history.scales and history.intercept:
        centring = [means(history, form), f"d{X}, dy = {X} - {X}_mean, y - y_mean"]
        X, y = f"d{X}", "dy"
        centring += still(history, form, X, y)
    if form.flat:
        lines = _one_slope(history, form, X, y)
    elif history.l1:
        lines = _lasso(history, form, X, y)
    elif history.l2:
        lines = _ridge(history, form, X, y)
    else:
        lines = _least_squares(history, form, X, y)
    if history.scales:
        lines.append(slopes_back(history, form))
    if history.intercept:
        lines.append(f"b = y_mean - {moved_back(form)}")
    return [*([Section(centring)] if centring else []), Section(lines)]


def _penalties(history: History) -> list[str]:
    said = {
        "l1": f"l1 = {history.l1!r}  # times the sum of the slopes' sizes",
        "l2": f"l2 = {history.l2!r}  # times the sum of the squared slopes",
    }
    return [said[name] for name in ("l1", "l2") if getattr(history, name)]


def _one_slope(history: History, form: Form, x: str, y: str) -> list[str]:
    """With one feature, every formula is a ratio."""
    if 0 in history.constant:
        return [f"w = 0.0 * {y}.sum()  # x does not vary, so it explains nothing"]
    weight = "weight * " if history.weighted else ""
    if not (history.l1 or history.l2):
        return [f"w = ({weight}{x} * {y}).sum() / ({weight}{x}**2).sum()  # least squares"]
    lines = [*_penalties(history), f"left = ({weight}{x} * {y}).mean()"]
    if history.l1:
        lines.append(f"left = {_shrunk(form)}")
    more = " + l2" if history.l2 else ""
    return [*lines, f"w = left / (({weight}{x}**2).mean(){more})"]


def _least_squares(history: History, form: Form, X: str, y: str) -> list[str]:
    lines = []
    if history.singular:
        lines.append("# Columns say what others say, so many lines fit as well; this is the one with the smallest weights.")
    if history.weighted:
        lines.append("root = weight**0.5  # the squares of the rows then count by their weight")
        X, y = f"root[:, None] * {X}", f"{form.weight.replace('weight', 'root')} * {y}"
    if not form.torch:
        return [
            *lines,
            f"w = np.linalg.lstsq({X}, {y}, rcond={_cut(history) if history.singular and history.scales else None})[0]",
        ]
    if not form.tall:
        y = f"({y})[:, None]" if " " in y else f"{y}[:, None]"
    more = f'{f", rcond={_cut(history)}" if history.scales else ""}, driver="gelsd"' if history.singular else ""
    return [*lines, f"w = torch.linalg.lstsq({X}, {y}{more}).solution{'' if form.tall else '[:, 0]'}"]


def _ridge(history: History, form: Form, X: str, y: str) -> list[str]:
    eye = f"torch.eye({history.p}, dtype=torch.float64)" if form.torch else f"np.eye({history.p})"
    return [*_penalties(history), *_products(history, form, X, y), f"w = {form.lib}.linalg.solve(G + l2 * {eye}, c)"]


def _lasso(history: History, form: Form, X: str, y: str) -> list[str]:
    """Coordinate descent (Fu 1998): exact in each weight, and around until nothing moves."""
    shape = f"{history.p}" if history.k == 1 and not form.tall else f"({history.p}, {history.k})"
    columns = [j for j in range(history.p) if j not in history.constant]
    over = f"range({history.p})" if len(columns) == history.p else f"{columns}"
    zeros = f"torch.zeros({shape}, dtype=torch.float64)" if form.torch else f"np.zeros({shape})"
    return [
        *_penalties(history),
        *_products(history, form, X, y),
        f"w = {zeros}",
        "for sweep in range(10000):",
        f"    before = w.{'clone' if form.torch else 'copy'}()",
        f"    for j in {over}:",
        "        left = c[j] - G[j] @ w + G[j, j] * w[j]  # what the other columns leave to this one",
        f"        w[j] = {_shrunk(form)} / {'(G[j, j] + l2)' if history.l2 else 'G[j, j]'}",
        "    if abs(w - before).max() <= 1e-15 * abs(w).max():",
        "        break",
    ]


def _shrunk(form: Form) -> str:
    """What the l1 penalty leaves of a correlation: closer to 0 by l1 / 2, and not beyond it."""
    if form.torch:
        return "left.sign() * (left.abs() - l1 / 2).clamp(min=0)"
    return "np.sign(left) * np.maximum(np.abs(left) - l1 / 2, 0)"


def _products(history: History, form: Form, X: str, y: str) -> list[str]:
    """All that squared loss needs to know about the rows."""
    left, right = (f"(weight[:, None] * {X})", f"({form.weight} * {y})") if history.weighted else (X, y)
    return [f"G = {X}.T @ {left} / len(y)", f"c = {X}.T @ {right} / len(y)"]


def _cut(history: History) -> str:
    """Singular values of standardised columns, relative to the largest, that count as none."""
    return f"{rank_tolerance(history.p) ** 0.5:.1e}"
