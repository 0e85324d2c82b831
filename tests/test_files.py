"""Files appear whole or not at all, with the rights that any new file gets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from bestline import files
from bestline.errors import DataError, ModelFileError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="rights are those of POSIX")


@pytest.mark.parametrize(("mask", "rights"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600), (0o002, 0o664), (0, 0o666)])
def test_a_new_file_has_the_rights_that_the_mask_leaves(tmp_path: Path, mask: int, rights: int) -> None:
    before = os.umask(mask)
    try:
        with files.fresh(tmp_path / "new") as temporary:
            temporary.write_text("x")
        (tmp_path / "plain").write_text("x")
        assert os.umask(mask) == mask, "the mask is left as it was"
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == rights == (tmp_path / "plain").stat().st_mode & 0o777


def test_nothing_is_seen_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with files.fresh(path, overwrite=True) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent, "a move within a folder is one step"
        assert temporary.name.endswith(".csv")
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def failing() -> None:
        with files.fresh(path, overwrite=True) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_what_is_there_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(DataError, match="exists already"), files.fresh(path):
        pass
    with pytest.raises(DataError, match="is a folder"), files.fresh(tmp_path, overwrite=True):
        pass
    with pytest.raises(DataError, match="does not exist"), files.fresh(tmp_path / "no" / "out.csv"):
        pass
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    with files.fresh(tmp_path / "link.csv", overwrite=True) as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_file_of_a_later_version_is_refused(tmp_path: Path, version: int) -> None:
    """From the very next one on."""
    files.write(tmp_path / "m", "model", version, {"w": torch.ones(2)}, {"a": 1}, overwrite=False)
    if version > 2:
        with pytest.raises(ModelFileError, match="newer bestline"):
            files.read(tmp_path / "m", "model", 2)
    else:
        found, tensors, facts = files.read(tmp_path / "m", "model", 2)
        assert (found, facts, tensors["w"].tolist()) == (version, {"a": 1}, [1.0, 1.0])
    with pytest.raises(ModelFileError, match="not a bestline moments file"):
        files.read(tmp_path / "m", "moments", 3)


def test_a_file_larger_than_any_of_ours_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is so large is no model, whatever it says: reading it would fill the memory."""
    path = tmp_path / "a.moments"
    files.write(path, "moments", 1, {"a": torch.zeros(3)}, {}, overwrite=False)
    size = path.stat().st_size
    monkeypatch.setattr(files, "_LARGEST", size)
    assert files.read(path, "moments", 1)[1]["a"].tolist() == [0, 0, 0]
    monkeypatch.setattr(files, "_LARGEST", size - 1)
    with pytest.raises(ModelFileError, match=r"is larger than any bestline moments file; it was not opened"):
        files.read(path, "moments", 1)


def test_a_file_of_another_kind_is_not_read_to_its_end_where_it_is_large(tmp_path: Path) -> None:
    """Of 3 GB nothing is there: the file is a hole. That it is no model is said all the same, at once."""
    path = tmp_path / "a.bestline"
    path.touch()
    os.truncate(path, 3 * 2**30)
    with pytest.raises(ModelFileError, match="larger than any bestline model file"):
        files.read(path, "model", 1)


def test_moments_of_five_thousand_columns_are_not_too_large() -> None:
    assert files._LARGEST > 5_000**2 * 8


@pytest.mark.parametrize(
    "error",
    [
        *(ArithmeticError, ZeroDivisionError, AttributeError, LookupError, KeyError, IndexError, MemoryError, RecursionError),
        *(RuntimeError, TypeError, ValueError, UnicodeDecodeError),
    ],
)
def test_whatever_goes_wrong_while_a_file_is_read_is_the_files_fault(error: type[Exception]) -> None:
    raised = error("utf-8", b"x", 0, 1, "wrong") if error is UnicodeDecodeError else error("wrong")
    with (
        pytest.raises(ModelFileError, match=rf"The model file `m` is damaged \({error.__name__}: .*wrong"),
        files.restoring("m", "model"),
    ):
        raise raised


def test_a_fault_of_no_file_is_not_called_one() -> None:
    with pytest.raises(KeyboardInterrupt), files.restoring("m", "model"):
        raise KeyboardInterrupt
    with pytest.raises(ModelFileError, match=r"^said$"), files.restoring("m", "model"):
        raise ModelFileError("said")
