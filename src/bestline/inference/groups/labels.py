"""Labels: the values that tell groups: in which order they stand, as what they are given back, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestline.data.tables import Kind


def typed(values: Sequence[str], kind: Kind = Kind.TEXT) -> NDArray[Any]:
    """Values as they are written: dates as such, whole numbers and numbers where all of them read back as such, and true and false."""
    if kind is Kind.DATE:
        try:
            return np.array(values, dtype="datetime64[us]")
        except ValueError:  # times of day, or words that are dates to people
            return np.array(values, dtype=object)
    if values and set(values) <= {"True", "False"}:
        return np.array([value == "True" for value in values])
    for number_type in (int, float):
        try:
            found = [number_type(value) for value in values]
        except ValueError:
            continue
        # `01234` is a name and no number: what would not be written the same again stays as it is.
        if all(str(number).removesuffix(".0") == value for number, value in zip(found, values, strict=True)) and (
            number_type is float or all(abs(number) < 2**63 for number in found)
        ):
            return np.array(found)
    return np.array(values, dtype=object)


def written(value: Any) -> str:
    """A value that tells a group, as people write it: of a time no more than it says."""
    if isinstance(value, datetime):
        value = np.datetime64(value)
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[us]")).removesuffix(".000000").removesuffix("T00:00:00").replace("T", " ")
    return str(value)
