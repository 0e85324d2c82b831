"""Facts: a fitted line as JSON, with all that is needed to predict with it elsewhere and to judge it.

    fitted = intercept + sum over columns of weight * product of parts      prediction = inverse(fitted)

`design.columns[j].parts` are pairs (factor, component) into `design.factors`: of a number the number itself, of a category the
indicator of that level, of an expression its component. A category with another `coding` than indicators has as many components
again, the columns of that coding with the constant first. `design.offsets`, where there are any, are added to every fitted value.
`weights.values` has a row for each column, the intercept last. `inverses` has an expression of `fitted` for every target such as
`log(y)`, here `exp(fitted)`, and null for a column as it is; without any there is none.
"""

from __future__ import annotations

import json
from typing import Any

from bestline.errors import NumericalError
from bestline.export.terms import PlainLine
from bestline.inference.fitted import FittedLine
from bestline.inference.summary import summarise
from bestline.wording import VERSION

_FORMAT = 1


def to_dict(model: FittedLine) -> dict[str, Any]:
    """A line as a JSON object; every number with the digits that read back to the same float64, and no NaN.

    Parameters
    ----------
    model : FittedLine
        A line.

    Returns
    -------
    dict
        `bestline` (the version), `format`, `formula`, `design` (factors, columns, levels, means and what transforms learnt),
        `weights` (`names`, `targets`, `values` (d, k), the intercept last), `inverses` (how each target is turned back), and `summary`, as `bestline fit --json` prints it.

    Raises
    ------
    OptionError
        For an own forward function: code is no JSON.
    NumericalError
        When a weight, or a number of the design, is not finite.
    """
    line = PlainLine.of(model, "JSON")
    weights = {"names": list(model.names), "targets": list(model.targets), "values": model.weights.tolist()}
    document = {
        "bestline": VERSION,
        "format": _FORMAT,
        "formula": line.design.formula,
        "design": line.design.to_dict(),
        "weights": weights,
        **({"inverses": [None if back is None else back.text for back in line.inverses]} if any(line.inverses) else {}),
        "summary": summarise(model).facts,
    }
    try:
        # Through text and back: what is given is what a file would hold, tuples as lists and no NaN anywhere.
        text = json.dumps(document, allow_nan=False)
    except ValueError as error:
        raise NumericalError("A number of this model is not finite, and JSON has no word for that; fit again.") from error
    plain: dict[str, Any] = json.loads(text)
    return plain
