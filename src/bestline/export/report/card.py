"""Card: a model in a notebook's cell, its equation, coefficients and scores at a glance."""

from __future__ import annotations

from bestline.export.report.words import coefficients, equation_of, errors_said, on_what, scores_of
from bestline.inference.fitted import FittedLine
from bestline.pictures.render.html import templates
from bestline.wording import on_columns, plain

__all__ = ["card"]


def card(model: FittedLine) -> str:
    """A piece of HTML that says what the model is."""
    targets = range(len(model.targets))
    return (
        templates("bestline.export.report")
        .get_template("card.html.j2")
        .render(
            heading=on_columns(model.design.formula, model.design.p),
            on_what=on_what(model),
            equations=[equation_of(model, i) for i in targets],
            tables=[(plain(name), coefficients(model, i)) for i, name in enumerate(model.targets)],
            errors=errors_said(model),
            scores=scores_of(model),
            advice=model.fit.ending,
            notes=[note for note in model.notes if note != model.advice],
        )
    )
