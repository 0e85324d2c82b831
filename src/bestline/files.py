"""Files that appear whole or not at all, and that never execute code.

A model or moments file is one safetensors file: the numbers as tensors, everything else as JSON in its header. Nothing in it
is a program; reading one can only give numbers and text, or a ModelFileError. It carries its own SHA-256, computed with 64 zeros
in the digest's place, so a file that a disk or a transfer changed by one bit is refused. That guards against accidents, not
against people: whoever changes a file on purpose can write its digest anew.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import copyfileobj
from stat import S_IMODE, S_ISCHR, S_ISDIR, S_ISFIFO, S_ISREG
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from bestline.errors import DataError, ModelFileError, OptionError, one_line, readable

_KEY, _DIGEST = "bestline", "sha256"
_UNSIGNED = 1  # the newest format whose files carry no digest
_NO_DIGEST = b"0" * 64
# The digest is the first entry of the JSON, which the header holds as a text: hence the backslashes, and the first such place.
_MARK = rb"\"sha256\": \""
# What reading a file of crafted numbers and names can raise on the way: it is all one fault, the file's.
_FAULTS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)
_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")
_LONGEST_ENDING = 16  # of `.csv.gz` and the like; a name may hold more dots than that
_LARGEST = 2**31  # a model is a few kB, moments of 5,000 columns 200 MB: nothing of ours is larger
_INSTEAD = {
    "moments": "; `bestline fit` makes a model of moments, and `bestline moments show` tells what they hold",
    "model": "; `bestline summary` prints a model, and moments come from `bestline moments collect`",
}
_UNSAFE = {b"\x80": "a pickle", b"PK": "a zip or PyTorch archive", b"(d": "a pickle", b"!!": "YAML with object tags"}


@contextmanager
def fresh(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`, moved onto it when the block ends well and removed when it does not.

    A pipe or a device, such as the `/dev/fd/63` of a shell's `>(gzip > f)`, is written straight through once all is there: nothing
    of it is to be kept. A file that is replaced keeps its permissions, and its owner where the system allows that; a link stays one, and what it
    points to is replaced. Raises DataError, which names the file and the cause, when `path` exists and `overwrite` is false,
    when it is no place for a file, and when the system refuses to write there, in the block too (a full disk).
    """
    with _named(path):
        if is_stream(path):
            with _through(path) as temporary:
                yield temporary
            return
        target = _resolved(path)
        before = _refuse_place(path, target, overwrite)
        with _beside(target) as temporary:
            yield temporary
            if before is not None:
                _as_before(temporary, before)
            temporary.replace(target)


def refuse_early(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Raise DataError where `fresh` would refuse a path, before long work is done for it."""
    with _named(path):
        if is_stream(path):  # is not opened: it may wait for its reader
            return
        target = _resolved(path)
        _refuse_place(path, target, overwrite)
        # Whether the system lets a file be there is only known of one that is.
        with _beside(target):
            pass


@contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """What the system says against writing, as a DataError that names the file."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{readable(str(path))} cannot be written: {_cause(error)}.") from error


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A new file in the same folder, so that its move onto the target is one step of the file system; gone at the end if not moved."""
    temporary = target.parent / f".{secrets.token_hex(6)}.part{_ending(target)}"
    try:
        # The rights that any new file gets, and none that is there is taken for ours.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a pipe, a device of characters such as /dev/null, or a stream that is open already, as /dev/fd/63."""
    try:
        mode = as_path(path).stat().st_mode
    except (OSError, ValueError):
        return False
    # By its name too: behind `/dev/stdout` may stand a file, which a shell has opened and goes on writing to.
    return S_ISFIFO(mode) or S_ISCHR(mode) or (S_ISREG(mode) and str(path).startswith(_STREAMS))


@contextmanager
def _through(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary file whose bytes go through a stream when the block ends well."""
    with TemporaryDirectory(prefix="bestline-") as folder:
        whole = Path(folder) / f"whole{_ending(Path(path))}"
        whole.touch()
        yield whole
        # One whose reader has gone, as `head` does, has had what it wanted.
        with suppress(BrokenPipeError), whole.open("rb") as content, _opened(str(path)) as stream:
            copyfileobj(content, stream)


def _opened(path: str) -> BinaryIO:
    """A stream to write to: by its number where it is open already, so that what a shell has written to it stays."""
    name = {"/dev/stdout": "/dev/fd/1", "/dev/stderr": "/dev/fd/2"}.get(path, path)
    number = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", name)
    return os.fdopen(os.dup(int(number[1])), "wb") if number else Path(path).open("wb")


def as_path(path: object) -> Path:
    """The path that was given; OptionError for what is none."""
    if not isinstance(path, str | os.PathLike):
        raise OptionError(
            f"A path is needed, such as 'name.ending'; got an object of the type {readable(type(path).__name__)}."
        )
    return Path(path)


def _resolved(path: str | os.PathLike[str]) -> Path:
    """The path with all links followed; OSError when that leads nowhere."""
    given = as_path(path)
    try:
        return given.resolve()
    except (RuntimeError, ValueError) as error:  # so says Python before 3.13 of a circle of links, and any of a zero byte
        raise OSError(errno.ELOOP if isinstance(error, RuntimeError) else errno.EINVAL, str(error)) from error


def _refuse_place(path: str | os.PathLike[str], target: Path, overwrite: bool) -> os.stat_result | None:
    """What stands there now, or None; raises DataError for a place that is not for a file, or not to be overwritten."""
    try:
        before = target.stat()
    except (FileNotFoundError, NotADirectoryError):
        before = None
    if str(path).startswith(_STREAMS) or (before and not (S_ISREG(before.st_mode) or S_ISDIR(before.st_mode))):
        raise DataError(f"{readable(str(path))} is no file, and no pipe that is open; choose another name.")
    if (before and S_ISDIR(before.st_mode)) or not target.parent.is_dir():
        what = "is a folder" if before else "lies in a folder that does not exist"
        raise DataError(f"{readable(str(target))} {what}; give the path of a file in an existing folder.")
    if before and not overwrite:
        raise DataError(
            f"{readable(str(target))} exists already; choose another name, or overwrite it by overwrite=True (--force)."
        )
    return before


def _ending(target: Path) -> str:
    """The end of a name, which says the format to those who write; not what only looks like one."""
    ending = "".join(target.suffixes[-2:])
    return ending if len(ending) <= _LONGEST_ENDING else target.suffix[:_LONGEST_ENDING]


def _as_before(temporary: Path, before: os.stat_result) -> None:
    # Only an administrator can give a file away, and not every file system knows owners: then it is ours, and whole.
    with suppress(OSError, AttributeError):
        os.chown(temporary, before.st_uid, before.st_gid)
    temporary.chmod(S_IMODE(before.st_mode))


def _cause(error: OSError) -> str:
    """Why the system refused, in its own words where they say it."""
    if error.errno == errno.ELOOP:
        return "its links lead in a circle"
    # With a full path named, what is missing can only be where the program stands.
    if isinstance(error, FileNotFoundError) and error.filename is None:
        return "the folder in which bestline was started is not there any more"
    # Arrow tells the system's number in its own words alone.
    number = re.search(r"\[errno (\d+)\]", str(error), re.IGNORECASE)
    text = error.strerror or (os.strerror(int(number[1])) if number else str(error))
    return " ".join((text or "the system does not say why").split()).rstrip(".")


def write(
    path: str | os.PathLike[str], kind: str, version: int, tensors: dict[str, Tensor], facts: dict[str, Any], *, overwrite: bool
) -> None:
    """Write tensors and JSON facts as one file of the given kind and format version."""
    content = packed(kind, version, tensors, facts)
    with fresh(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(content)


def packed(kind: str, version: int, tensors: dict[str, Tensor], facts: dict[str, Any]) -> bytes:
    """What `write` writes."""
    header = {_DIGEST: _NO_DIGEST.decode(), "kind": kind, "version": version, "facts": facts}
    # Copies: safetensors refuses tensors that share memory, as views of one matrix do.
    content = save(
        {name: t.detach().cpu().clone(memory_format=torch.contiguous_format) for name, t in tensors.items()},
        {_KEY: json.dumps(header, allow_nan=False)},
    )
    at = content.index(_MARK + _NO_DIGEST) + len(_MARK)
    return content[:at] + hashlib.sha256(content).hexdigest().encode() + content[at + len(_NO_DIGEST) :]


@contextmanager
def restoring(path: str | os.PathLike[str] | None, kind: str) -> Iterator[None]:
    """Whatever a file's numbers and names make go wrong inside, it is one ModelFileError that says the file is damaged."""
    try:
        yield
    except ModelFileError:
        raise
    except _FAULTS as error:
        shown = "" if path is None else f" file {readable(str(path))}"
        raise ModelFileError(
            f"The {kind}{shown} is damaged ({type(error).__name__}: {one_line(error, 200, head=180, tail=8)})."
        ) from error


def read(path: str | os.PathLike[str], kind: str, newest: int) -> tuple[int, dict[str, Tensor], dict[str, Any]]:
    """Read a file that `write` wrote: its format version, tensors and facts.

    Raises ModelFileError when it is not such a file, is damaged, of another kind, or of a version after `newest`.
    """
    # Every way in which a file is not ours is told apart, for each asks for something else to be done.
    source = as_path(path)
    shown = readable(str(source))
    try:
        if not source.is_file():
            what = "is not a regular file" if source.exists() else "does not exist"
            raise ModelFileError(f"{shown} {what}; give the path of a .{'moments' if kind == 'moments' else 'bestline'} file.")
        if source.stat().st_size > _LARGEST:
            raise ModelFileError(f"{shown} is larger than any bestline {kind} file; it was not opened.")
        content = source.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{shown} cannot be read: {error.strerror or error}.") from error
    return _unpacked(content, shown, kind, newest)


def unpacked(content: bytes, kind: str, newest: int) -> tuple[int, dict[str, Tensor], dict[str, Any]]:
    """The same of what `packed` gave. Raises ModelFileError as `read` does."""
    return _unpacked(content, readable(said_bytes(content)), kind, newest)


def _unpacked(content: bytes, shown: str, kind: str, newest: int) -> tuple[int, dict[str, Tensor], dict[str, Any]]:
    try:
        tensors = load(content)
        metadata = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__") or {}
    except SafetensorError as error:
        raise _not_ours(content[:9], shown, kind, error) from error
    version, header = _header(metadata, shown, kind, newest)
    if version > _UNSIGNED or _DIGEST in header:
        _check_digest(content, header.get(_DIGEST), shown, kind)
    return version, tensors, header.get("facts") or {}


def said_bytes(content: bytes) -> str:
    """What messages call bytes that were given in place of a file."""
    return f"{len(content):,} bytes"


def _not_ours(start: bytes, shown: str, kind: str, error: SafetensorError) -> ModelFileError:
    """Why what begins with these bytes is no file of ours."""
    unsafe = next((what for magic, what in _UNSAFE.items() if start.startswith(magic)), None)
    if unsafe:  # nothing is made of it
        return ModelFileError(
            f"{shown} looks like {unsafe}, which could run code; it was not opened. Give a bestline {kind} file."
        )
    if start[8:] != b"{":  # where the header of any such file begins, behind its length
        writer = "`moments collect`" if kind == "moments" else "`fit`"
        return ModelFileError(f"{shown} is not a bestline {kind} file; give one that {writer} wrote.")
    return ModelFileError(f"{shown} is not a bestline {kind} file, or it is damaged ({error}).")


def _header(metadata: Any, shown: str, kind: str, newest: int) -> tuple[int, dict[str, Any]]:
    """The version of the format and the header, once they are known to be of that kind and of no version after `newest`."""
    header = _parsed(metadata.get(_KEY), shown, kind)
    if header.get("kind") != kind:
        other = _INSTEAD.get(str(header.get("kind")), "")
        raise ModelFileError(
            f"{shown} is not a bestline {kind} file; it says it is {readable(str(header.get('kind')))}{other}."
        )
    version = header.get("version")
    if type(version) is not int or version < 1:
        raise ModelFileError(f"{shown} is a damaged bestline {kind} file (its format is {version!r}).")
    if version > newest:
        raise ModelFileError(
            f"{shown} was written by a newer bestline (format {version}); this one reads up to {newest}. Upgrade bestline."
        )
    return version, header


def _check_digest(content: bytes, told: object, shown: str, kind: str) -> None:
    """Refuse a file whose bytes are not those that were written."""
    at = content.find(_MARK, 0, 8 + int.from_bytes(content[:8], "little")) + len(_MARK)
    view = memoryview(content)
    digest = hashlib.sha256(view[:at])
    digest.update(_NO_DIGEST)
    digest.update(view[at + len(_NO_DIGEST) :])
    if told != digest.hexdigest():
        raise ModelFileError(
            f"The {kind} file {shown} is damaged: its bytes are not those that were written (its SHA-256 differs). "
            "Copy it again, or write it anew."
        )


def to_json(kind: str, version: int, facts: dict[str, Any]) -> str:
    """Facts of a kind and format version as JSON."""
    return json.dumps({"kind": kind, "version": version, "facts": facts}, allow_nan=False)


def from_json(text: str, kind: str, newest: int) -> tuple[int, dict[str, Any]]:
    """The version and the facts that `to_json` wrote. Raises ModelFileError for any other text."""
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    version = header.get("version") if isinstance(header, dict) and header.get("kind") == kind else None
    if type(version) is not int or version < 1:
        raise ModelFileError(f"This text is no {kind} of bestline; give one that to_json() wrote.")
    if version > newest:
        raise ModelFileError(
            f"This {kind} was written by a newer bestline (format {version}); this one reads up to {newest}. Upgrade bestline."
        )
    return version, header.get("facts") or {}


def _parsed(text: str | None, shown: str, kind: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # Two readers could take different ones of two values.
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key stands twice")
        return dict(pairs)

    try:
        header = json.loads(text or "null", object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{shown} is a damaged bestline {kind} file ({error}).") from error
    if not isinstance(header, dict):
        raise ModelFileError(f"{shown} is a safetensors file, but not a bestline {kind} file.")
    return header
