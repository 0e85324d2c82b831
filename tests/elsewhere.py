"""Another device than the processor, where there is none: its numbers are in main memory, but nobody may mix or look at them unnoticed.

What comes back to the processor is counted: each time, a real device would have to be waited for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

# What tells the processor something of the numbers, and so waits for them.
LOOKS = ("_local_scalar_dense", "equal", "nonzero", "masked_select", "unique", "_unique2", "is_nonzero", "bincount")


class There(torch.Tensor):
    """A tensor that says it is on another device."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor, device: str) -> There:
        return torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined,no-any-return]
            cls, held.shape, strides=held.stride(), dtype=held.dtype, device=device, storage_offset=held.storage_offset()
        )

    def __init__(self, held: Tensor, device: str) -> None:
        del device
        self.held = held

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"There({tuple(self.shape)}, {self.dtype})"

    def tolist(self) -> Any:
        """The numbers; they have to be fetched for that."""
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func} is used outside of `elsewhere`")


@dataclass
class Device(TorchDispatchMode):
    """The device: `looks` are the calls that waited for it, `double` is whether it knows float64."""

    name: str = "meta"
    double: bool = True
    looks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def put(self, values: Tensor) -> There:
        """The same numbers there."""
        assert self.double or values.dtype is not torch.float64
        return There(values.clone(), self.name)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        flat, _ = tree_flatten((args, kwargs))
        tensors = [value for value in flat if isinstance(value, Tensor)]
        there = [value for value in tensors if isinstance(value, There)]
        target = kwargs.get("device")
        wanted = None if target is None else torch.device(target).type
        if not there and wanted != self.name:
            return func(*args, **kwargs)
        name = func.overloadpacket.__name__
        moves = name in ("_to_copy", "copy_", "to", "index")
        # A number without an axis may come along from main memory, and so may an index; nothing else.
        assert moves or not there or all(isinstance(t, There) or t.ndim == 0 for t in tensors), f"{name} mixes devices"
        if name in LOOKS:
            self.looks.append(name)
        result = func(
            *tree_map(lambda v: v.held if isinstance(v, There) else v, args),
            **{
                key: torch.device("cpu") if key == "device" and value is not None else tree_map(_held, value)
                for key, value in kwargs.items()
            },
        )
        if wanted == "cpu":
            self.looks.append(name)
            return result
        return tree_map(lambda v: self._placed(v, tensors), result)

    def _placed(self, value: Any, given: list[Tensor]) -> Any:
        if not isinstance(value, Tensor):
            return value
        for tensor in given:  # what was written into stays what it is
            if isinstance(tensor, There) and tensor.held is value:
                return tensor
        assert self.double or value.dtype is not torch.float64, "this device knows no float64"
        return There(value, self.name)


def _held(value: Any) -> Any:
    return value.held if isinstance(value, There) else value
