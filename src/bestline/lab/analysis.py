"""Analysis: what an analyst asks of the line that descent is after: its table, its errors, what stands out, and the four panels."""

from __future__ import annotations

import io
from typing import Any

from bestline.api.model import Model
from bestline.data.runner import calmly
from bestline.errors import BestlineError, OptionError
from bestline.inference.why_not import why_no_errors
from bestline.pictures.render.mpl import write_drawing
from bestline.wording import finite

__all__ = ["analysed", "panels"]


@calmly
def analysed(model: Model) -> dict[str, Any]:
    """The coefficient table, errors on rows that training saw and did not see, and what a second look at the rows found."""
    facts = model.summary().facts
    told = {name: facts.get(name) for name in ("formula", "rows", "rows_dropped", "r2", "rmse", "held_out", "stop")}
    return _finite(
        {
            **told,
            "table": [
                {
                    "term": name,
                    "estimate": {**facts["coef"], "Intercept": facts["intercept"]}.get(name),
                    "std_error": (facts.get("std_error") or {}).get(name),
                    "p_value": (facts.get("p_value") or {}).get(name),
                    "low": ((facts.get("conf_int") or {}).get(name) or [None, None])[0],
                    "high": ((facts.get("conf_int") or {}).get(name) or [None, None])[1],
                }
                for name in model.names
            ],
            "level": facts.get("level"),
            # What the errors are called, or why there are none.
            "errors": facts.get("cov"),
            "no_errors": why_no_errors(model),
            "notes": list(model.notes),
            **_second_look(model),
        }
    )


def _second_look(model: Model) -> dict[str, Any]:
    """What stands out, or why nobody can say."""
    try:
        found = model.diagnose()
    except BestlineError as error:
        return {"headline": str(error), "findings": [], "influential": [], "tests": [], "panels": False}
    facts = found.facts
    tests = [{"name": name, "p": test.get("p_value"), "about": test["about"]} for name, test in facts["tests"].items()]
    names = ("headline", "findings", "influential")
    return {**{name: facts[name] for name in names}, "tests": tests, "panels": True}


@calmly
def panels(model: Model, theme: str, picture: str = "diagnostics", column: str | None = None) -> bytes:
    """The four diagnostic panels, or the partial plot "added" or "component" of a column, as PNG.

    Raises BestlineError where a line has none.
    """
    gallery = model.plot.dark if theme == "dark" else model.plot
    drawn = io.BytesIO()
    partial = {"added": gallery.added, "component": gallery.component}.get(picture)
    if partial is None:
        shown = gallery.diagnostics()
    elif column is None:
        raise OptionError("A partial plot is of one column of the line: say which, as `column`.")
    else:
        shown = partial(column)
    write_drawing(shown, drawn, "png", dpi=100)
    return drawn.getvalue()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else finite(value)
