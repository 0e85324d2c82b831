"""Question: what the page asks to be trained, checked field by field before anything is read.

The fields are those of `bestline.fit`, with the same names and meaning. Columns, formulas and losses are checked by the rooms
that know them; here it is seen that every field is of its kind, so that nothing odd gets any further.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bestline.calls import no_such
from bestline.errors import OptionError, listed, readable

__all__ = ["MISSING", "MOST_STEPS", "OPTIMIZERS", "SCHEMA", "Question"]

OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad")
MISSING = ("raise", "drop", "impute")
MOST_STEPS = 100_000
_MOST_ROWS = 10**12
_DATA = "^((lesson|sample|upload):[A-Za-z0-9_-]{1,64}|command)$"

_TEXT = {"type": "string", "maxLength": 10_000}
_NAME = {"type": "string", "maxLength": 1_000}


def _maybe(**schema: Any) -> dict[str, Any]:
    return schema | {"type": [schema["type"], "null"]}


# One row a field: what JSON may hold. The document that the server gives and the check below are both made of this.
SCHEMA: dict[str, dict[str, Any]] = {
    "data": {"type": "string", "pattern": _DATA, "description": "lesson:NAME, sample:NAME, upload:ID or command"},
    "formula": _maybe(**_TEXT),
    "target": _maybe(**_NAME),
    "features": _maybe(type="array", items=_NAME, maxItems=1_000),
    "missing": {"type": "string", "enum": list(MISSING)},
    "forward": _maybe(type="string", maxLength=40),
    "loss": {"type": "string", "maxLength": 40},
    "optimizer": _maybe(type="string", enum=[*OPTIMIZERS, None]),
    "lr": _maybe(type="number", exclusiveMinimum=0, maximum=1e300),
    "momentum": _maybe(type="number", minimum=0, maximum=0.999),
    "steps": _maybe(type="integer", minimum=1, maximum=MOST_STEPS),
    "batch_size": _maybe(type="integer", minimum=1, maximum=_MOST_ROWS),
    "patience": _maybe(type="integer", minimum=1, maximum=MOST_STEPS),
    "standardize": {"type": "boolean"},
    "start": _maybe(type="object", additionalProperties={"type": "number"}, maxProperties=1_000),
    "surface": _maybe(type="array", items=_NAME, minItems=1, maxItems=2),
    "split": _maybe(type="array", items={"type": "number", "minimum": 0, "maximum": 1}, minItems=2, maxItems=3),
    "seed": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
}


@dataclass(frozen=True, slots=True)
class Question:
    """A question to the lab; the fields as in `bestline.fit`, but for `data`.

    Attributes
    ----------
    data : str
        "lesson:NAME", "sample:NAME", "upload:ID" of a file that was sent, or "command" for what the command was given. Never a path.
    optimizer : str or None
        None: for squared loss a descent whose steps can be seen, for others Adam.
    surface : tuple of str or None
        The one or two weights whose loss surface is shown; None: the first slope and the intercept.
    """

    data: str
    formula: str | None = None
    target: str | None = None
    features: tuple[str, ...] | None = None
    missing: str = "drop"
    forward: str | None = None
    loss: str = "squared"
    optimizer: str | None = None
    lr: float | None = None
    momentum: float | None = None
    steps: int | None = None
    batch_size: int | None = None
    patience: int | None = None
    standardize: bool = True
    start: Mapping[str, float] | None = None
    surface: tuple[str, ...] | None = None
    split: tuple[float, ...] | None = None
    seed: int = 0

    @classmethod
    def of(cls, told: object) -> Question:
        """What a page sent, checked. Raises OptionError with one sentence for the first field that is not as it should be."""
        known = fields_of(told, SCHEMA, needed=("data",))
        fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
        return cls(**fields)

    @property
    def live(self) -> bool:
        """Whether the page can train by itself: squared loss on the whole data, whose bowl is all that is needed."""
        return self.loss == "squared" and self.batch_size is None and self.patience is None

    @property
    def descends(self) -> bool:
        """Whether it says how to descend."""
        return any(getattr(self, name) is not None for name in ("optimizer", "lr", "momentum", "start"))

    @property
    def columns(self) -> dict[str, Any]:
        """Which columns, as the arguments of `fit`."""
        if self.formula:
            return {"formula": self.formula}
        return {"formula": None, "target": self.target, "features": None if self.features is None else list(self.features)}


def fields_of(told: object, schema: Mapping[str, Mapping[str, Any]], needed: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object's fields, each of the kind that its schema says; those that are null or left out are left out."""
    if not isinstance(told, dict):
        raise OptionError("The request is one JSON object; see /openapi.json for its fields.")
    for name in told:
        if name not in schema:
            raise no_such("field of the request", name, list(schema))
    lacking = [name for name in needed if told.get(name) is None]
    if lacking:
        raise OptionError(f"The request lacks {listed(lacking)}.")
    nullable = {name: "null" in kind["type"] for name, kind in schema.items()}
    return {name: _checked(name, value, schema[name]) for name, value in told.items() if not (value is None and nullable[name])}


_KINDS: dict[str, tuple[str, Any]] = {
    "string": ("text", str),
    "number": ("a number", int | float),
    "integer": ("a whole number", int),
    "boolean": ("true or false", bool),
    "array": ("a list", list),
    "object": ("an object", dict),
}


def _checked(name: str, value: object, schema: Mapping[str, Any]) -> Any:
    """The value as its kind has it; raises OptionError unless it is of the kind."""
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    word, python = _KINDS[kind]
    # JSON has one kind of number: 3.0 is whole.
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, python) or (isinstance(value, bool) and kind != "boolean"):
        raise OptionError(f"`{name}` is {word}; got {readable(str(value))}.")
    if isinstance(value, str):
        _check_text(name, value, schema)
    elif isinstance(value, list | dict):
        return _checked_parts(name, value, schema)
    elif isinstance(value, int | float) and kind != "boolean":
        _check_number(name, value, schema, word)
    return value


def _check_text(name: str, value: str, schema: Mapping[str, Any]) -> None:
    if len(value) > schema.get("maxLength", math.inf):
        raise OptionError(f"`{name}` is too long: {len(value):,} letters.")
    known = [word for word in schema.get("enum", ()) if word is not None]
    if known and value not in known:
        raise no_such(name, value, known)
    if "pattern" in schema and not re.fullmatch(schema["pattern"], value, re.ASCII):
        raise OptionError(f"`{name}` is {schema['description']}; got {readable(value)}.")


def _checked_parts(name: str, value: list[Any] | dict[str, Any], schema: Mapping[str, Any]) -> list[Any] | dict[str, Any]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", schema.get("maxProperties", math.inf))
    if not least <= len(value) <= most:
        raise OptionError(f"`{name}` has {least} to {most:,} entries; got {len(value):,}.")
    if isinstance(value, dict) and "properties" in schema:
        return fields_of(value, schema["properties"])
    if isinstance(value, dict):
        return {key: _checked(name, part, schema["additionalProperties"]) for key, part in value.items()}
    return [_checked(name, part, schema["items"]) for part in value]


def _check_number(name: str, value: float, schema: Mapping[str, Any], word: str) -> None:
    if isinstance(value, int) and abs(value) > sys.float_info.max:  # JSON has whole numbers of any length
        value = math.inf if value > 0 else -math.inf
    low, high = schema.get("minimum", schema.get("exclusiveMinimum", -math.inf)), schema.get("maximum", math.inf)
    inside = low < value <= high if "exclusiveMinimum" in schema else low <= value <= high
    if not (math.isfinite(value) and inside):
        bounds = (
            f"above {low:g}"
            if "exclusiveMinimum" in schema
            else f"from {low:,.10g} to {high:,.10g}"
            if high < math.inf
            else "finite"
        )
        raise OptionError(f"`{name}` is {word} {bounds}; got {value:g}.")
