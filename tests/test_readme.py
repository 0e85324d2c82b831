"""The README is run as a newcomer would run it: every command and every Python block, in order, in an empty folder."""

from __future__ import annotations

import io
import re
import shlex
import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from bestline.cli import main
from bestline.errors import BestlineWarning

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int  # of the README, where the text begins


def blocks() -> Iterator[Block]:
    for match in BLOCK.finditer(README):
        yield Block(match[1], match[2], README.count("\n", 0, match.start(2)) + 1)


def commands(block: Block) -> Iterator[tuple[str, int]]:
    """The bestline commands of a console block with the exit status the README promises: 0, or what `echo $?` shows."""
    lines = block.text.splitlines()
    prompts = [i for i, line in enumerate(lines) if line.startswith("$ ")]
    for i, after in zip(prompts, [*prompts[1:], len(lines)], strict=True):
        if lines[i].startswith("$ bestline "):
            asked = after < len(lines) and lines[after] == "$ echo $?"
            yield lines[i][2:], int(lines[after + 1]) if asked else 0


def status(command: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Exit status and output of a command, run by the installed entry point's own function."""
    said = io.StringIO()
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with redirect_stdout(said), redirect_stderr(said):
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0), said.getvalue()
    return 0, said.getvalue()


def run_python(block: Block, names: dict[str, Any]) -> str:
    """Run a block as the next cell of one session; line numbers of failures are those of the README."""
    code = compile("\n" * (block.line - 1) + block.text, str(ROOT / "README.md"), "exec")
    said = io.StringIO()
    # The reader's own nn.Linear moves torch's global random state; the house promises only that bestline does not.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), redirect_stdout(said):
        warnings.simplefilter("ignore", BestlineWarning)
        exec(code, names)  # noqa: S102  the README is ours
    return said.getvalue()


def test_everything_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "readme"}
    count = dict.fromkeys(("console", "python"), 0)
    for block in blocks():
        if block.language == "console":
            for command, promised in commands(block):
                code, said = status(command, monkeypatch)
                assert code == promised, f"README line {block.line}: {command}\n{said}"
                count["console"] += 1
        elif block.language == "python":
            run_python(block, names)
            count["python"] += 1
    assert count["console"] >= 6
    assert count["python"] >= 6


def test_every_block_says_its_language() -> None:
    fences = re.findall(r"^```(\w*)$", README, re.MULTILINE)
    assert len(fences) == 2 * sum(1 for _ in blocks())
    assert {block.language for block in blocks()} <= {"console", "python", "sh", "text"}


def test_links_and_pictures_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).is_file(), target


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shell = "".join(block.text for block in blocks() if block.language == "sh")
    for target in re.findall(r"^make (\w+)", shell, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
