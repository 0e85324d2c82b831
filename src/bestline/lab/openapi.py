"""The document of the server's interface (OpenAPI 3.1), made of the same schemas that requests are checked with."""

from __future__ import annotations

from typing import Any

from bestline.lab.question import SCHEMA
from bestline.wording import VERSION

__all__ = ["CHANGES", "FORMS", "PICTURES", "REQUESTS", "document"]

_KEY = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "description": "the id that a run was given"}
PICTURES = ("diagnostics", "added", "component")
FORMS = ("png", "svg", "gif", "page", "steps", "model", "report", "numpy", "tensors", "linear", "module")
# What the page may have changed of a run that it trains itself.
CHANGES = {name: SCHEMA[name] for name in ("optimizer", "lr", "momentum", "steps", "standardize", "start")}

# One row a POST: path -> the fields of its JSON, and those that are needed.
REQUESTS: dict[str, tuple[dict[str, dict[str, Any]], tuple[str, ...]]] = {
    "/api/columns": ({"data": SCHEMA["data"]}, ("data",)),
    "/api/run": (SCHEMA, ("data",)),
    "/api/control": (
        {
            "run": _KEY,
            "do": {"type": "string", "enum": ["pause", "go", "step", "end", "cancel"]},
            "steps": {"type": ["integer", "null"], "minimum": 1, "maximum": 10_000},
        },
        ("run", "do"),
    ),
    "/api/analysis": ({"run": _KEY}, ("run",)),
    "/api/panels": (
        {
            "run": _KEY,
            "theme": {"type": ["string", "null"], "enum": ["light", "dark", None]},
            "picture": {"type": ["string", "null"], "enum": [*PICTURES, None]},
            "column": {"type": ["string", "null"], "maxLength": 1_000},
        },
        ("run",),
    ),
    "/api/export": (
        {
            "run": _KEY,
            "form": {"type": "string", "enum": list(FORMS)},
            "exact": {"type": ["boolean", "null"]},
            "changed": {"type": ["object", "null"], "properties": CHANGES, "additionalProperties": False},
        },
        ("run", "form"),
    ),
}
_ABOUT = {
    "/api/columns": "The columns of some data, and what one would begin with.",
    "/api/run": "Train. The answer is a stream of JSON objects, one a line: progress, steps, and at last the session that a player shows.",
    "/api/control": "Hold a run that trains on rows, let it go, or end it.",
    "/api/analysis": "Coefficients, errors and what stands out, of the exact line of a run.",
    "/api/panels": "The four diagnostic panels of the exact line of a run, or a partial plot of one of its columns.",
    "/api/export": "A run to take away.",
    "/api/data": "Send a table: CSV, Parquet and what else is read from files.",
    "/api/presets": "The data that are here.",
}
_GIVES = {"/api/run": "application/x-ndjson", "/api/panels": "image/png", "/api/export": "*/*"}
_REFUSALS = {
    "400": "No JSON.",
    "403": "Not the lab's own page, or no token.",
    "404": "Not there, or not kept any more.",
    "408": "The request took too long to arrive.",
    "409": "The run has not ended.",
    "410": "The run was called off.",
    "411": "No length.",
    "413": "Too large.",
    "421": "A foreign host.",
    "422": "What was asked makes no sense, or the data do not allow it: one sentence says why.",
    "507": "No room.",
}


def document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, Any] = {path: {"post": _operation(path, _json(*asked))} for path, asked in REQUESTS.items()}
    file = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}, "required": True}
    paths["/api/data"] = {"post": _operation("/api/data", file)}
    paths["/api/data"]["post"]["parameters"] = [
        {"name": "X-Filename", "in": "header", "required": False, "schema": {"type": "string", "maxLength": 1_000}}
    ]
    paths["/api/presets"] = {"get": _operation("/api/presets", None)}
    error = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    token = {"type": "apiKey", "in": "header", "name": "X-Bestline-Token"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "bestline lab", "version": VERSION},
        "paths": paths,
        "components": {"schemas": {"Error": error}, "securitySchemes": {"token": token}},
        "security": [{"token": []}],
    }


def _json(fields: dict[str, dict[str, Any]], needed: tuple[str, ...]) -> dict[str, Any]:
    schema = {"type": "object", "properties": fields, "required": list(needed), "additionalProperties": False}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _operation(path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    given = _GIVES.get(path, "application/json")
    schema = {"type": "object"} if given == "application/json" else {}
    responses = {"200": {"description": "Done.", "content": {given: {"schema": schema}}}}
    responses |= {status: {"description": why, "content": error} for status, why in _REFUSALS.items()}
    return {"summary": _ABOUT[path], "responses": responses} | ({} if body is None else {"requestBody": body})
