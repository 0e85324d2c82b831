"""What a release needs: the version said once, issue forms that a forge can read, a list of parts, and a source distribution that has the tests."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import bestline as bl

ROOT = Path(__file__).parents[2]
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def test_the_version_is_the_same_everywhere() -> None:
    cited = yaml.safe_load((ROOT / ".github" / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(cited["version"]) == bl.__version__
    assert cited["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(cited)
    assert cited["license"] in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_a_form_asks_for_what_is_needed(form: Path) -> None:
    told = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(told)
    ids = [field["id"] for field in told["body"]]
    assert len(ids) == len(set(ids)) > 2
    assert all(field["type"] == "textarea" and field["attributes"]["label"] for field in told["body"])
    assert any(field.get("validations", {}).get("required") for field in told["body"])


def test_failures_are_told_with_what_the_doctor_says() -> None:
    assert len(FORMS) == 3
    assert sum("bestline doctor" in form.read_text(encoding="utf-8") for form in FORMS) == 2


def test_the_list_of_parts_names_all_that_is_needed() -> None:
    done = subprocess.run([sys.executable, ROOT / ".ci" / "sbom"], capture_output=True, text=True, check=True)
    bill = json.loads(done.stdout)
    parts = {part["name"]: part for part in bill["components"]}
    wanted = [Requirement(text) for text in distribution("bestline").requires or ()]
    asked = [canonicalize_name(one.name) for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    assert len(asked) > 10
    assert set(asked) <= set(parts)
    assert bill["metadata"]["component"]["name"] == "bestline"
    known = {part["bom-ref"] for part in [*parts.values(), bill["metadata"]["component"]]}
    assert {one for link in bill["dependencies"] for one in (link["ref"], *link["dependsOn"])} == known


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution and a wheel of this tree."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True, capture_output=True)
    return folder


def test_the_source_distribution_has_what_the_tests_need(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
    wanted = listed or [
        "pyproject.toml",
        "Makefile",
        ".ci/development.txt",
        ".github/CITATION.cff",
        "docs/site/build.py",
        "tests/conftest.py",
    ]  # a source distribution has no git
    assert sorted(name for name in wanted if name not in names and (ROOT / name).exists()) == []


def test_the_wheel_has_the_package_and_the_lessons_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names} == {"bestline", f"bestline-{bl.__version__}.dist-info"}
    assert sum(name.startswith("bestline/lessons/") for name in names) == 7
    assert {"bestline/py.typed", "bestline/pictures/player/player.js", "bestline/data/samples/penguins.csv"} <= set(names)
    assert not [name for name in names if "__pycache__" in name]
