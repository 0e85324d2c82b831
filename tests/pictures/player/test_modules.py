"""The player's modules, joined into the one script of a page: nothing is lost, and no two names meet."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from bestline.pictures import player

FOLDER = Path(player.__file__).parent
SOURCES = {name: (FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in player.MODULES}
MOST_LINES = 350

# The modules declare one name a statement at the top level, in the first column.
_TOP = re.compile(r"^(?:export )?(?:async )?(?:const|let|class|function) ([\w$]+)", re.MULTILINE)
_IMPORT = re.compile(r'^import \{ (.+) \} from "(\..+)\.js";$', re.MULTILINE)


def test_the_order_lists_every_module_once() -> None:
    files = {path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.js")}
    assert files == set(player.MODULES)
    assert len(player.MODULES) == len(files)


def test_no_module_is_longer_than_a_sitting() -> None:
    assert {name: lines for name, text in SOURCES.items() if (lines := text.count("\n")) > MOST_LINES} == {}


def test_top_level_names_are_unique_over_all_modules() -> None:
    counts = Counter(name for text in SOURCES.values() for name in _TOP.findall(text))
    assert {name for name, times in counts.items() if times > 1} == set()
    assert counts["Player"] == counts["formatNumber"] == counts["SHAPES"] == 1  # the expression finds what it is meant to


def test_a_module_imports_by_one_line_from_modules_before_it() -> None:
    for at, (name, commented) in enumerate(SOURCES.items()):
        text = re.sub(r"/\*\*.*?\*/", "", commented, flags=re.DOTALL)  # types may name a module too
        found = _IMPORT.findall(text)
        assert len(found) == len(re.findall(r"\bimport\b.*\bfrom\b|\bimport\(", text)), name
        for names, path in found:
            source = ((FOLDER / f"{name}.js").parent / path).resolve().relative_to(FOLDER.resolve()).as_posix()
            assert source in player.MODULES[:at], f"{name} imports {source}"
            given = set(re.findall(r"^export (?:async )?(?:const|let|class|function) ([\w$]+)", SOURCES[source], re.MULTILINE))
            assert set(names.split(", ")) <= given, f"{name} imports from {source}"
            code = _IMPORT.sub("", text)
            assert not [one for one in names.split(", ") if not re.search(rf"\b{one}\b", code)], (
                f"{name} does not use all of it"
            )


def test_joined_only_the_door_exports_and_nothing_is_lost() -> None:
    joined = player.script()
    wanted = [line.replace(" ", "") for line in SOURCES[player.MODULES[-1]].splitlines() if line.startswith("export ")]
    found = [line.replace(" ", "") for line in re.findall(r"^export\b.*$", joined, re.MULTILINE)]
    assert [line.startswith(start) for line, start in zip(found, wanted, strict=True)] == [True] * len(wanted)
    assert not re.search(r"^import ", joined, re.MULTILINE)
    assert not re.search(r"^[ \t]", joined, re.MULTILINE), "indents are for people"
    names = iter(_TOP.findall(joined))  # in order, what was indented between them
    assert all(name in names for text in SOURCES.values() for name in _TOP.findall(text))


def test_the_joined_script_parses(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    path = tmp_path / "player.mjs"
    for extra, wanted in (("", 0), ("\nconst clamp = 1;\n", 1)):  # a name twice would be no script
        path.write_text(player.script() + extra, encoding="utf-8")
        assert subprocess.run([node, "--check", str(path)], capture_output=True, timeout=60, check=False).returncode == wanted


def test_what_is_joined_keeps_texts_and_loses_spaces() -> None:
    code = 'const a = "x  = 1 // y"; // gone\nif (a - -1) return `p  ${q ? `r  s` : "} "} t`; x = a.replace(/ +\\/ "/g, " ") + +b;\n'
    assert player._tight(code) == (
        'const a="x  = 1 // y";\nif(a- -1)return`p  ${q ? `r  s` : "} "} t`;x=a.replace(/ +\\/ "/g," ")+ +b;\n'
    )
    assert player._tight("f({\n a: 1,\n b,\n});\ng(\n`{\n}`\n)\nh()\n") == "f({a:1,b,});\ng(`{\n}`)\nh()\n"


def test_the_types_that_the_modules_state_are_kept() -> None:
    tsc = shutil.which("tsc")
    if tsc is None:
        pytest.skip("tsc is not installed")
    how = ["--checkJs", "--allowJs", "--noEmit", "--target", "es2022", "--module", "es2022", "--moduleResolution", "node"]
    done = subprocess.run(
        [tsc, *how, "--lib", "esnext,dom,dom.iterable", str(FOLDER / "mount.js")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
