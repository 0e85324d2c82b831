"""README and the pages of docs/ are run as a newcomer would run them: every command and every Python block, in order, each
document in an empty folder. What comes out must be what the document shows: the same words, and the same numbers but for
rounding.

    python tests/docs/test_documents.py [FILE.md ...]        write what really comes out into the documents
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch

from bestline.cli import main
from bestline.errors import BestlineWarning

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"(?<![A-Za-z_])[-+]?\d(?:[\d,]*\d)?(?:\.\d+)?(?:e[-+]?\d+)?")
CLOSE = 0.02  # relative: other processors round otherwise, and an iteration's last step carries that on
PEERS = (
    "bestline agree "  # numbers of other libraries, which their versions and processors change: only the words must be right
)
WORDS_ALONE = {"comparison.md", "design.md", "glossary.md", "how-to.md", "index.md", "lab.md"}  # pages with nothing to run
NOTHING = 1e-6  # below it a number is rounding, and nobody's business


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and where the text begins: the line, and the place in the document."""

    language: str
    text: str
    line: int
    at: int


@dataclass(frozen=True)
class Said:
    """What a document says comes out, where it says so, and what really did."""

    line: int
    at: int
    shown: str
    real: str
    status: tuple[int, int] = (0, 0)  # promised and real
    what: str = ""


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    return [Block(m[1], m[2], text.count("\n", 0, m.start(2)) + 1, m.start(2)) for m in BLOCK.finditer(text)]


def run(page: Path) -> Iterator[Said]:
    """Run a document in the current folder, and tell what came out of each of its commands and Python blocks."""
    text = text_of(page)
    names: dict[str, Any] = {"__name__": page.stem}
    found = blocks(text)
    for block, after in zip(found, [*found, None][1:], strict=True):
        if block.language == "console":
            yield from run_console(block)
        elif block.language == "python":
            real = run_python(block, page, names)
            end = block.at + len(block.text) + len("```")
            said = after is not None and after.language == "text" and not text[end : after.at - len("```text\n")].strip()
            if said and after is not None:
                yield Said(after.line, after.at, after.text, real, what="the Python block above")
            elif real:
                yield Said(block.line, -1, "", real, what="a Python block without a text block after it")


def run_console(block: Block) -> Iterator[Said]:
    """Every command with what is said after it, and the exit status that the document promises: 0, or what `echo $?` shows."""
    lines = block.text.splitlines(keepends=True)
    prompts = [i for i, line in enumerate(lines) if line.startswith("$ ")]
    for i, after in zip(prompts, [*prompts[1:], len(lines)], strict=True):
        command = lines[i][2:].strip()
        if command == "echo $?":
            continue
        asked = after < len(lines) and lines[after].strip() == "$ echo $?"
        promised = int(lines[after + 1]) if asked else 0
        code, real = status(command)
        at = block.at + sum(map(len, lines[: i + 1]))
        yield Said(block.line + i, at, "".join(lines[i + 1 : after]), real, (promised, code), command)


def status(command: str) -> tuple[int, str]:
    """Exit status and output of a command; ours are run by the installed entry point's own function."""
    if not command.startswith("bestline "):
        command = re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", command)
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr
    said = io.StringIO()
    with patch.object(sys, "argv", shlex.split(command)), redirect_stdout(said), redirect_stderr(said):
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0), said.getvalue()
    return 0, said.getvalue()


def run_python(block: Block, page: Path, names: dict[str, Any]) -> str:
    """Run a block as the next cell of one session; line numbers of failures are those of the document."""
    code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
    said = io.StringIO()
    # The reader's own nn.Linear moves torch's global random state; the house promises only that bestline does not.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), redirect_stdout(said):
        warnings.simplefilter("ignore", BestlineWarning)
        exec(code, names)  # noqa: S102  the documents are ours
    return said.getvalue()


def apart(shown: str, real: str) -> str | None:
    """In what the two differ, if that is more than rounding. A line of three dots stands for lines that are not shown."""
    rest = real
    for piece in re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE) if "\n...\n" in f"\n{shown}" else [shown]:
        if piece is shown:
            return differs(shown, real)
        lines = rest.splitlines(keepends=True)
        count = len(piece.splitlines())
        starts = [i for i in range(len(lines) - count + 1) if differs(piece, "".join(lines[i : i + count])) is None]
        if not starts:
            return f"{piece!r} does not come out"
        rest = "".join(lines[starts[0] + count :])
    return None


def differs(shown: str, real: str) -> str | None:
    words = [" ".join(NUMBER.sub("#", text).split()) for text in (shown, real)]
    if words[0] != words[1]:
        return f"other words\n--- shown\n{shown}--- real\n{real}"
    for a, b in zip(NUMBER.findall(shown), NUMBER.findall(real), strict=True):
        x, y = (float(number.replace(",", "")) for number in (a, b))
        whole = "." not in a + b and "e" not in a + b and "," not in a + b
        if abs(x - y) > max(CLOSE * max(abs(x), abs(y)), 1.0 if whole and abs(x) < 1_000 else NOTHING):
            return f"{a} is shown, and {b} comes out\n--- real\n{real}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_everything_in_it_runs_and_says_what_is_shown(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    count = 0
    for said in run(page):
        where = f"{page.name} line {said.line}: {said.what}"
        assert said.status[0] == said.status[1], f"{where}\n{said.real}"
        shown, real = (NUMBER.sub("0", text) if said.what.startswith(PEERS) else text for text in (said.shown, said.real))
        assert (wrong := apart(shown, real)) is None, f"{where}\n{wrong}"
        count += 1
    assert count >= 1 or page.name in WORDS_ALONE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_its_language(page: Path) -> None:
    text = text_of(page)
    fences = re.findall(r"^```(\w*)$", text, re.MULTILINE)
    assert len(fences) == 2 * len(blocks(text))
    assert {block.language for block in blocks(text)} <= {"console", "python", "sh", "sql", "text"}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_and_pictures_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text_of(page)):
        assert target.startswith("https://") or (page.parent / target).is_file(), target


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shell = "".join(block.text for block in blocks(text_of(PAGES[0])) if block.language == "sh")
    for target in re.findall(r"^make (\w+)", shell, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_extras_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {name for page in PAGES for names in re.findall(r"'\.\[([\w,]+)\]'", text_of(page)) for name in names.split(",")}
    assert named
    assert named <= set(extras)


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ("loss 1.25 after 15\n", "loss 1.26 after 15\n", True),
        ("loss 1.25 after 15\n", "loss 1.35 after 15\n", False),
        ("loss 1.25 after 15\n", "Loss 1.25 after 15\n", False),
        ("at 3e-12, digits 12\n", "at -4e-13, digits 13\n", True),
        ("a\n...\nd 4\n", "a\nb\nc\nd 4\n", True),
        ("a\n...\nd 4\n", "a\nb\nc\nd 9\n", False),
        ("1,000 rows\n", "1,000 rows\n", True),
        ("1,000 rows\n", "2,000 rows\n", False),
    ],
)
def test_the_comparison_tells_rounding_from_change(shown: str, real: str, same: bool) -> None:
    assert (apart(shown, real) is None) == same


def rewrite(page: Path) -> None:
    """Put what really comes out into the document, from the last block to the first, so that places stay right."""
    text = text_of(page)
    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)
        try:
            found = list(run(page))
        finally:
            os.chdir(before)
    for said in found:
        if said.status[0] != said.status[1] or said.at < 0:
            print(f"{page.name} line {said.line}: {said.what}\n{said.real}")
    for said in reversed(found):
        if said.at >= 0 and not ("\n...\n" in f"\n{said.shown}" and apart(said.shown, said.real) is None):
            text = text[: said.at] + said.real.lstrip("\n") + text[said.at + len(said.shown) :]
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or map(str, PAGES):
        rewrite(Path(name).resolve())
