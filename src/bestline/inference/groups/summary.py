"""Summary: the lines of groups on a page: the first of them, how they differ, and whether they are one line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import torch

from bestline.errors import NumericalError
from bestline.inference.groups.labels import written
from bestline.inference.groups.lines import GroupLines
from bestline.inference.groups.tables import glance, one_line, tidy
from bestline.inference.hypotheses import Verdict
from bestline.inference.summary import Summary
from bestline.wording import aligned, count, finite, plain, significant

_SHOWN = 10  # groups in the text
_QUANTILES = {"least": 0.0, "quartile": 0.25, "median": 0.5, "3rd quartile": 0.75, "largest": 1.0}


def summarise(lines: GroupLines, level: float = 0.95, *, dropped: int = 0, what: str = "line") -> Summary:
    """Facts and text about the lines of groups, or of windows, which share rows; `dropped` rows were left out."""
    test = _test(lines) if what == "line" else None
    return Summary(_facts(lines, level, dropped, test), _text(lines, what, test))


def _facts(lines: GroupLines, level: float, dropped: int, test: Verdict | None) -> dict[str, Any]:
    k, d = len(lines.design.targets), len(lines.terms)
    found = []
    rows, table = glance(lines).to_dict("records"), tidy(lines, level).to_dict("records")
    for i, row in enumerate(rows):
        own = table[i * d : (i + 1) * d]
        by_term = {
            name: {c["term"]: finite(c[column]) for c in own}
            for name, column in (("coef", "estimate"), ("std_error", "std_error"))
        }
        interval = {c["term"]: [finite(c["conf_low"]), finite(c["conf_high"])] for c in own}
        found.append({**{key: _plain(value) for key, value in row.items()}, **by_term, "conf_int": interval})
    return {
        "formula": lines.design.formula,
        "by": list(lines.labels),
        "groups": len(lines),
        "rows": int(lines.whole.count.sum()),
        "rows_dropped": dropped,
        "features": list(lines.design.names),
        **({"targets": list(lines.design.targets)} if k > 1 else {}),
        "l2": lines.l2,
        "cov": lines.cov or "classical",
        "test": None if test is None else {"name": test.name, "about": test.about, **test.facts},
        "lines": found,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return written(value)
    value = value.item() if hasattr(value, "item") else value
    return finite(value) if isinstance(value, float) else value


def _test(lines: GroupLines) -> Verdict | None:
    try:
        return one_line(lines)
    except NumericalError:
        return None


def _text(lines: GroupLines, what: str, test: Verdict | None) -> str:
    G, terms = len(lines), lines.terms
    rows = f", {count(int(lines.whole.count.sum()), 'row')}" if what == "line" else ""
    parts = [f"{lines.design.formula}   ({count(G, what)}{rows})", "", *_first(lines)]
    if G > 2:
        at = torch.tensor(list(_QUANTILES.values()), dtype=torch.float64)
        quantiles = lines.weights[:, :, 0].nanquantile(at, 0).T.tolist()
        table = [
            ["", *_QUANTILES],
            *([plain(t), *(significant(q) for q in own)] for t, own in zip(terms, quantiles, strict=True)),
        ]
        parts += ["", f"How the weights differ between the {G:,} {what}s", *aligned(table, numbers=True)]
    if lines.cov:
        parts += ["", f"Standard errors: {lines.cov}."]
    if test is not None:
        parts += ["", f"Are all lines one?  {str(test).partition(': ')[2]}   ({test.about})"]
    return "\n".join(parts)


def _first(lines: GroupLines) -> list[str]:
    r2 = "R2" if lines.design.intercept else "R2 (about zero)"
    head = [*lines.labels, "rows", *lines.terms, r2, "held-out RMSE"]
    shown = range(min(len(lines), _SHOWN))
    table = [
        [
            *(plain(value) for value in lines.name(g)),
            f"{int(lines.whole.count[g]):,}",
            *(significant(w) for w in lines.weights[g, :, 0].tolist()),
            significant(float(lines.r2[g, 0]), 4),
            significant(float(lines.held_out[g, 0])),
        ]
        for g in shown
    ]
    more = len(lines) - len(table)
    return [*aligned([[plain(name) for name in head], *table], numbers=True), *([f"... and {more:,} more"] if more else [])]
