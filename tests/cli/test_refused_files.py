"""Files that the system refuses: one line names file and cause, what was learnt is printed, and nothing half-written stays."""

from __future__ import annotations

import errno
import io
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from bestline.data.tables.standard_input import standard_input
from bestline.errors import DataError
from bestline.files import fresh

Run = Callable[..., SimpleNamespace]

FIT = ("table.csv", "y ~ x1")
# Every output there is: the command, and what it prints whatever becomes of its file.
OUTPUTS = [
    (("fit", *FIT, "-o", "out/m.bestline"), "Training error"),
    (("fit", *FIT, "--trace", "out/t.csv", "--solver", "sgd", "--steps", "5"), "Training error"),
    (("fit", *FIT, "--report", "out/r.html"), "Training error"),
    (("fit", *FIT, "-o", "out/m.bestline", "--json"), '"coef"'),
    *((("watch", *FIT, "--steps", "3", "-o", f"out/w.{e}"), "updates") for e in ("html", "gif", "png", "svg")),
    *((("predict", "m.bestline", "table.csv", "-o", f"out/p.{e}"), "") for e in ("csv", "tsv.gz", "parquet", "feather")),
    *((("sweep", *FIT, "--steps", "5", "-o", f"out/s.{e}"), "rate") for e in ("csv", "html", "pdf")),
    *((("export", "m.bestline", "--to", kind, "-o", f"out/e.{kind}"), "") for kind in ("sql", "onnx", "json")),
    (("export", "m.bestline", "table.csv", "--to", "script", "-o", "out/s.py"), ""),
    (("moments", "collect", *FIT, "-o", "out/c.moments"), "column"),
    (("moments", "add", "a.moments", "a.moments", "-o", "out/b.moments"), "column"),
    (("diagnose", "m.bestline", "table.csv", "-o", "out/d.png"), "rows"),
    (("report", "m.bestline", "table.csv", "-o", "out/r.html"), ""),
    (("generate", "-o", "out/g.csv"), ""),
]
if shutil.which("ffmpeg"):
    OUTPUTS.append((("watch", *FIT, "--steps", "3", "--frames", "3", "-o", "out/w.mp4"), "updates"))
NAMES = [f"{' '.join(command[:2])} {command[-1]}" for command, _ in OUTPUTS]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of more bytes than this can be written, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("command", "printed"), OUTPUTS, ids=NAMES)
def test_a_full_disk_is_one_line_and_loses_nothing_that_was_learnt(
    run: Run, table: Path, command: tuple[str, ...], printed: str
) -> None:
    assert run("fit", *FIT, "-o", "m.bestline").status == 0
    assert run("moments", "collect", *FIT, "-o", "a.moments").status == 0
    Path("out").mkdir()
    with largest_file(64):
        result = run(*command)
    assert result.status == 1, result.err
    said = result.err.splitlines()[-1]
    assert said.startswith("bestline: ")
    assert Path(next(word for word in command if word.startswith("out/"))).name in said
    assert "File too large" in said or "SIGXFSZ" in said  # ffmpeg is stopped by the signal, which Python ignores
    assert "fault of bestline" not in result.err
    assert "Traceback" not in result.err
    assert printed in result.out
    assert list(Path("out").iterdir()) == []


def _loop(place: Path) -> Path:
    (place / "a").symlink_to("b")
    (place / "b").symlink_to("a")
    return place / "a"


def _taken(place: Path) -> Path:
    (place / "taken").mkdir()
    return place / "taken"


PLACES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a name too long": (lambda place: place / ("x" * 300), "File name too long"),
    "a circle of links": (_loop, "circle"),
    "a folder": (_taken, "is a folder"),
    "no folder": (lambda place: place / "absent" / "m", "does not exist"),
    "below a file": (lambda place: place / "table.csv" / "m", "does not exist"),
    "a stream that is closed": (lambda _: Path("/dev/fd/987"), "no pipe that is open"),
    "a model": (lambda place: place / "table.bestline", "exists already"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_for_no_file_is_refused_by_its_name_before_any_work(run: Run, table: Path, tmp_path: Path, place: str) -> None:
    make, cause = PLACES[place]
    (tmp_path / "table.bestline").touch()
    path = make(tmp_path)
    data = table.read_bytes()
    before = sorted(tmp_path.iterdir())
    result = run("fit", *FIT, "-o", path)
    assert (result.status, result.out) == (1, "")
    assert result.err.count("\n") == 1
    assert cause in result.err
    assert path.name[-8:] in result.err
    assert "fault of bestline" not in result.err
    assert sorted(tmp_path.iterdir()) == before
    assert table.read_bytes() == data


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_read_only_folder_is_named(run: Run, table: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    result = run("fit", *FIT, "-o", tmp_path / "locked" / "m.bestline")
    assert result.status == 1
    assert "Permission denied" in result.err


@pytest.mark.parametrize(
    "command", [("summary", "m.bestline"), ("plot", "m.bestline", "-o", "p.png"), ("moments", "show", "m.bestline")]
)
def test_a_model_that_may_not_be_read_is_said(
    run: Run, table: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    assert run("fit", *FIT, "-o", "m.bestline").status == 0
    really = Path.open

    def refused(path: Path, *args: object, **given: object) -> object:
        if path.name == "m.bestline":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return really(path, *args, **given)  # type: ignore[arg-type]

    # Even the administrator, who tests may run as, is refused so.
    monkeypatch.setattr(Path, "open", refused)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    result = run(*command)
    assert (result.status, result.out) == (1, "")
    assert result.err == "bestline: `m.bestline` cannot be read: Permission denied.\n"


def test_no_folder_for_temporary_files_is_said(run: Run, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nonexistent/folder"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"y,x1\n1,2\n")))
    standard_input.cache_clear()
    result = run("fit", "-", "y ~ x1")
    assert result.status == 1
    assert "name one, such as TMPDIR=" in result.err


def test_a_working_folder_that_is_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with (
        pytest.raises(DataError, match=r"`m.bestline` cannot be written: the folder in which .* is not there any more"),
        fresh("m.bestline"),
    ):
        pytest.fail("nothing can be written here")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", [["fit", "TABLE", "y ~ x1"], ["generate", "--slope", "1", "-o", "l.csv"], ["doctor"]])
def test_commands_in_a_working_folder_that_is_gone_say_so(table: Path, tmp_path: Path, command: list[str]) -> None:
    # In a process of its own: torch's library of products ends it, in words of its own, where nobody has looked before.
    words = [str(table.resolve()) if word == "TABLE" else word for word in command]
    script = "import os, sys; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); from bestline.cli import main; main()"
    ended = subprocess.run([sys.executable, "-c", script, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "bestline: The working folder is not there any more; go to one that is, as by cd ~, and ask again.\n"


def test_force_keeps_permissions_and_links_and_replaces_in_one_step(run: Run, table: Path) -> None:
    assert run("fit", *FIT, "-o", "m.bestline").status == 0
    Path("m.bestline").chmod(0o640)
    Path("link.bestline").symlink_to("m.bestline")
    assert run("fit", "table.csv", "y ~ x2", "-o", "link.bestline", "--force").status == 0
    assert stat.S_IMODE(Path("m.bestline").stat().st_mode) == 0o640
    assert Path("link.bestline").is_symlink()
    assert "y ~ x2" in run("summary", "m.bestline").out
    content = Path("m.bestline").read_bytes()
    with largest_file(64):
        assert run("fit", *FIT, "-o", "m.bestline", "--force").status == 1
    assert Path("m.bestline").read_bytes() == content  # what was there is there as long as nothing whole can replace it


def test_a_new_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        with fresh(tmp_path / "new.csv") as temporary:
            temporary.write_text("x")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "new.csv").stat().st_mode) == 0o640


def test_several_files_fail_by_a_line_each_and_the_others_are_saved(run: Run, table: Path) -> None:
    with largest_file(40_000):  # enough for a model and a trace, too little for a page
        result = run("fit", *FIT, "-o", "m.bestline", "--report", "r.html", "--solver", "sgd", "--trace", "t.csv")
    assert result.status == 1
    assert result.err.count("cannot be written") == 1
    assert "wrote m.bestline" in result.err
    assert "wrote t.csv" in result.err
    assert not Path("r.html").exists()
    with largest_file(64):
        both = run("fit", *FIT, "-o", "n.bestline", "--report", "r.html")
    assert both.err.count("cannot be written") == 2
    assert len(both.err.splitlines()) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_whoever_ends_the_program_finds_no_half_written_file(tmp_path: Path, number: signal.Signals) -> None:
    code = (
        "import signal, sys, bestline.cli.app as app\n"
        "from bestline.files import fresh\n"
        # Under nohup, or in the background, the tests themselves ignore some signals, and a child would too.
        "for number in (signal.SIGTERM, signal.SIGHUP):\n"
        "    signal.signal(number, signal.SIG_DFL)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def slow(arguments):\n"
        "    with fresh('m.bestline') as temporary:\n"
        "        temporary.write_text('half')\n"
        "        print('writing', flush=True)\n"
        "        sys.stdin.read()\n"
        "app._run = slow\n"
        "app.main()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        assert any(name.name.endswith(".part.bestline") for name in tmp_path.iterdir())
        process.send_signal(number)
        assert process.stderr is not None
        said = process.stderr.read()  # with stdin still open: only the signal ends it
    assert process.returncode == 128 + number
    assert said == (b"interrupted\n" if number == signal.SIGINT else f"ended by {number.name}\n".encode())
    assert list(tmp_path.iterdir()) == []
