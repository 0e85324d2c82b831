"""Calls: what people write by habit from other libraries is taken where it can only mean one thing, and else told what to write.

The contract is a table of names for each kind of thing, and no property or branch for each name: `options` knows what an option is
called elsewhere, `attributes` what people reach for on an object, `arguments` which of two arguments is the formula, and
`old_spellings` what a name was called before. Python's doors and the command line ask here.
"""

from bestline.calls.arguments import data_first, is_formula, meant_as_formula
from bestline.calls.attributes import answering, answering_module, missing, spelt_out
from bestline.calls.old_spellings import now_by_name, renamed
from bestline.calls.options import checked, hint, is_number, is_whole, needed, no_such, one_of, refuse_unknown, with_hints

__all__ = [
    "answering",
    "answering_module",
    "checked",
    "data_first",
    "hint",
    "is_formula",
    "is_number",
    "is_whole",
    "meant_as_formula",
    "missing",
    "needed",
    "no_such",
    "now_by_name",
    "one_of",
    "refuse_unknown",
    "renamed",
    "spelt_out",
    "with_hints",
]
