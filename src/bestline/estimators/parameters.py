"""Parameters: which values scikit-learn allows for each, checked when an estimator is fitted and not before, as its rules ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from bestline.errors import OptionError
from bestline.estimators.arrays import as_numpy


@dataclass(frozen=True, slots=True)
class Number:
    """A parameter that is a number from `low` to `high`, or one of `also`."""

    low: float = -np.inf
    high: float = np.inf
    whole: bool = False
    open_low: bool = False
    open_high: bool = False
    also: tuple[Any, ...] = ()
    array: bool = False

    def allows(self, value: Any) -> bool:
        """Whether a parameter may have this value."""
        # `is` first: True == 1 and 1.0 == 1, but they are not the same parameter.
        if any(value is other or (isinstance(value, str) and value == other) for other in self.also):
            return True
        if self.array and not isinstance(value, str | Real) and (np.ndim(as_numpy(value)) > 0 or hasattr(value, "__array__")):
            return True
        # A truth value is a number to Python, and a mistake here.
        if isinstance(value, bool | np.bool_) or not isinstance(value, Integral if self.whole else Real):
            return False
        number = float(value)
        # NaN is neither above nor below: every comparison is false, so it is refused.
        above = number > self.low if self.open_low else number >= self.low
        return above and (number < self.high if self.open_high else number <= self.high)

    def __str__(self) -> str:
        kind = "an int" if self.whole else "a float"
        left, right = "(" if self.open_low or np.isinf(self.low) else "[", ")" if self.open_high or np.isinf(self.high) else "]"
        others = [" or an array-like"] * self.array + [f" or {other!r}" for other in self.also]
        return f"{kind} in the range {left}{self.low}, {self.high}{right}{''.join(others)}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A parameter that is one of a few values; `array` allows arrays beside them."""

    of: tuple[Any, ...]
    array: bool = False

    def allows(self, value: Any) -> bool:
        """Whether a parameter may have this value."""
        if self.array and isinstance(value, np.ndarray | list | tuple):
            return True
        if isinstance(value, np.bool_):
            value = bool(value)
        return isinstance(value, str | bool | None) and any(
            value is o or (type(o) is type(value) and value == o) for o in self.of
        )

    def __str__(self) -> str:
        return f"one of {', '.join(map(repr, self.of))}{' or an array-like' if self.array else ''}"


YES_OR_NO = Choice((True, False))
ANY_SEED = Number(0, 2**32 - 1, whole=True, also=(None,))
Rules: TypeAlias = Mapping[str, Number | Choice]


def check_parameters(estimator: Any, rules: Rules) -> None:
    """Raise OptionError for the first parameter of an estimator that breaks its rule."""
    for name, rule in rules.items():
        value = getattr(estimator, name)
        # Generators carry their own state; any is allowed where a seed is.
        if isinstance(value, np.random.RandomState | np.random.Generator) and name == "random_state":
            continue
        if not rule.allows(value):
            raise OptionError(f"The {name!r} parameter of {type(estimator).__name__} must be {rule}. Got {value!r} instead.")


def penalties(alphas: Any, *, positive: bool) -> Tensor:
    """Penalties (m,) that a user gave.

    Raises
    ------
    TypeError, OptionError
        For what is no number, and for a penalty that is negative, infinite, or 0 where it must be positive.
    """
    plain = isinstance(alphas, list | tuple | Real)
    # As objects, so that a text among the numbers is seen and not turned into a number.
    given = np.atleast_1d(np.asarray(alphas if plain else as_numpy(alphas), dtype=object))
    if given.ndim != 1 or not len(given):
        raise OptionError(f"`alphas` must be one or more penalties; got {alphas!r}.")
    for i, alpha in enumerate(given):
        name = f"alphas[{i}]" if len(given) > 1 else "alphas"
        if not isinstance(alpha, Real):
            raise TypeError(f"{name} must be an instance of float, not {type(alpha).__name__}; give numbers.")
        if not (0 < float(alpha) < np.inf or (alpha == 0 and not positive)):
            raise OptionError(f"{name} == {alpha}, must be {'>' if positive else '>='} 0.0.")
    return torch.from_numpy(given.astype(np.float64))
