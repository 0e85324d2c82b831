"""Cells: what the values of one column are, and how they become numbers or levels."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor

from bestline.data.tables.words import FALSE, TRUE, Spelling, parsed, text_words, wordy

Cells: TypeAlias = Any  # a pyarrow array, or a tensor (n,)

# Facts about the values, as `Field.note` holds them.
BOOL, PADDED, LARGE, MIXED = "bool", "zero-padded codes", "beyond 2**53", "mixed dates"
BYTES = "binary (bytes, which .decode() makes text)"


class Kind(Enum):
    """What a column holds."""

    NUMBER = "numbers"
    TEXT = "text"
    DATE = "dates"
    OTHER = "values that are neither numbers nor text"
    EMPTY = "no values"


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a source.

    Attributes
    ----------
    name : str
    kind : Kind
    levels : tuple of str or None
        The declared levels of a categorical or enum type, in its order; None when nothing is declared.
    note : str
        A fact about the values: "" (none), "bool" (true and false, read as 1 and 0), "zero-padded codes" (numbers such as
        `000097`, likely identifiers), "beyond 2**53" (integers that float64 rounds), "mixed dates" (several spellings, so that
        01/02 may be either), and for `Kind.OTHER` what it is: "nested", binary or the type's name.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] | None = None
    note: str = ""

    @property
    def truth(self) -> bool:
        """Whether it is true and false, read as 1 and 0."""
        return self.note == BOOL


def typed(kind: Any) -> tuple[Kind, str]:
    """The kind and the note of a pyarrow type."""
    types = pa.types
    if types.is_boolean(kind):
        return Kind.NUMBER, BOOL
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return Kind.NUMBER, ""
    if wordy(kind):
        return Kind.TEXT, ""
    if types.is_dictionary(kind):
        return (Kind.OTHER, "nested") if types.is_nested(kind.value_type) else (Kind.TEXT, "")
    if types.is_temporal(kind):
        return Kind.DATE, ""
    if types.is_null(kind):
        return Kind.EMPTY, ""
    if types.is_nested(kind):
        return Kind.OTHER, "nested"
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return Kind.OTHER, BYTES
    return Kind.OTHER, str(kind)


def numbers(cells: Cells, spelling: Spelling | None) -> NDArray[np.float64]:
    """The cells as float64 (n,), NaN where missing. Raises NotANumberError at the first word that is none."""
    if wordy(cells.type):
        cells = parsed(cells, spelling or Spelling())
    if pa.types.is_decimal(cells.type):
        cells = pc.cast(cells, pa.string())  # whose numbers are rounded to the nearest; those of decimals are not
    if not pa.types.is_float64(cells.type):
        cells = pc.cast(cells, pa.float64(), safe=False)
    values: NDArray[np.float64] = cells.to_numpy(zero_copy_only=False)
    return values


def truths(cells: Cells) -> NDArray[np.float64] | None:
    """Words for true and false as 1 and 0 (n,), NaN where missing; None where there are others, or none at all."""
    words = pc.cast(cells, pa.large_string()) if pa.types.is_dictionary(cells.type) else cells
    if not wordy(words.type):
        return None
    known = pc.is_in(words, pa.array((*TRUE, *FALSE)).cast(words.type))
    if words.null_count == len(words) or not pc.all(pc.or_(known, pc.is_null(words))).as_py():
        return None
    flags = pc.if_else(pc.is_null(words), pa.scalar(None, pa.bool_()), pc.is_in(words, pa.array(TRUE).cast(words.type)))
    return numbers(flags, None)


def codes(cells: Cells, *, words_may_be_missing: bool) -> tuple[Tensor, tuple[str, ...]]:
    """The cells as codes (n,) int64, -1 where missing, and the levels that occur."""
    if isinstance(cells, Tensor):
        return _tensor_codes(cells)
    cells = _undeclared(cells)
    if pa.types.is_floating(cells.type):
        # + 0.0 makes one zero of -0.0 and 0.0: one level, and not two that look alike.
        cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), pc.add(cells, pa.scalar(0.0, cells.type)))
    # Levels in the order of their first rows; which is why levels are sorted when a design is learnt.
    encoded = pc.dictionary_encode(cells)
    index, levels = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary
    if words_may_be_missing and wordy(cells.type):  # each word is looked at once, and not in every row
        levels, index = _without_missing(levels, index)
    return torch.from_numpy(index), _labels(levels)


def _without_missing(levels: Cells, index: NDArray[np.int64]) -> tuple[Cells, NDArray[np.int64]]:
    """The levels without words that say that a value is missing, and the codes, -1 for those."""
    known = text_words(levels)
    if not known.null_count:
        return levels, index
    there = pc.is_valid(known).to_numpy(zero_copy_only=False)
    # The last entry is that of code -1.
    return pc.drop_null(known), np.append(np.where(there, np.cumsum(there) - 1, -1), -1)[index]


def _undeclared(cells: Cells) -> Cells:
    """The cells in a type that can be encoded and labelled: text, whole numbers or floats."""
    kind = cells.type
    if pa.types.is_dictionary(kind):
        cells, kind = pc.cast(cells, kind.value_type), kind.value_type
    if pa.types.is_boolean(kind):
        return pc.if_else(cells, "True", "False")
    if pa.types.is_decimal(kind):
        return pc.cast(pc.cast(cells, pa.string()), pa.float64())
    if pa.types.is_float16(kind):
        return pc.cast(cells, pa.float32())
    if pa.types.is_duration(kind):
        return pc.cast(cells, pa.int64())
    if pa.types.is_string_view(kind) or pa.types.is_temporal(kind) or pa.types.is_null(kind):
        return pc.cast(cells, pa.large_string())
    return cells


def declared(cells: Any) -> tuple[str, ...] | None:
    """The levels that a dictionary column declares, used or not; None for any other column."""
    if not pa.types.is_dictionary(cells.type) or pa.types.is_nested(cells.type.value_type):
        return None
    # Chunks may each declare levels of their own; one dictionary for all says what the column declares.
    array = cells.unify_dictionaries().chunk(0) if isinstance(cells, pa.ChunkedArray) and cells.num_chunks else cells
    if isinstance(array, pa.ChunkedArray):
        return ()
    return _labels(_undeclared(pc.drop_null(array.dictionary)))


def _labels(values: Cells) -> tuple[str, ...]:
    if pa.types.is_floating(values.type):
        return tuple(_label(v) for v in values.to_numpy(zero_copy_only=False))
    return tuple(str(v) for v in values.to_pylist())


def _label(value: Any) -> str:
    return str(value).removesuffix(".0")


def _tensor_codes(cells: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    # NumPy has no bfloat16, and every one of them is a float32.
    if cells.dtype is torch.bfloat16:
        cells = cells.float()
    present = ~torch.isnan(cells) if cells.is_floating_point() else torch.ones_like(cells, dtype=torch.bool)
    values, index = torch.unique(cells[present], return_inverse=True)
    out = torch.full(cells.shape, -1, dtype=torch.int64, device=cells.device)
    out[present] = index
    plain = values + 0 if cells.is_floating_point() else values
    return out, tuple(_label(v) for v in plain.cpu().numpy())


def may_be_beyond(kind: pa.DataType) -> bool:
    """Whether a type has integers that float64 cannot hold."""
    return (pa.types.is_integer(kind) and kind.bit_width == 64) or pa.types.is_decimal(kind)


def beyond(integers: Cells) -> bool:
    """Whether there are integers that float64 would round."""
    ends = pc.min_max(integers).as_py()
    return ends["min"] is not None and max(abs(ends["min"]), abs(ends["max"])) > 2**53


def as_category(name: str) -> str:
    """How a formula writes that a column is a category."""
    return f"C({name})" if name.isidentifier() and len(name) <= 40 else "C(...)"
