"""Files as someone could write them on purpose: changed inside, and with the digest that belongs to what they say now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

_ZEROS = "0" * 64


def signed(content: bytes) -> bytes:
    """The bytes of a model or moments file with the SHA-256 that belongs to them, zeros in its place while it is computed."""
    mark = rb"\"sha256\": \""
    at = content.index(mark) + len(mark)
    blank = content[:at] + _ZEROS.encode() + content[at + 64 :]
    return blank[:at] + hashlib.sha256(blank).hexdigest().encode() + blank[at + 64 :]


def opened(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The header of a file of ours, and its tensors."""
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["bestline"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def written(path: Path, header: dict[str, Any], tensors: dict[str, Tensor]) -> Path:
    """A file of this header and these tensors, signed."""
    first = {"sha256": _ZEROS} | header | {"sha256": _ZEROS}
    path.write_bytes(signed(save({n: t.contiguous().clone() for n, t in tensors.items()}, {"bestline": json.dumps(first)})))
    return path


def changed(source: Path, target: Path, change: Callable[[dict[str, Any], dict[str, Tensor]], object]) -> Path:
    """A copy whose header and tensors `change` altered, signed."""
    header, tensors = opened(source)
    change(header, tensors)
    return written(target, header, tensors)
