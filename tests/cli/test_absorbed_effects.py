"""Effects behind a bar on the command line: the same line as in Python, and refusals in one sentence."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import bestline as bl
from bestline.cli.app import app

pytestmark = pytest.mark.usefixtures("quiet")
FORMULA = "body_mass_g ~ flipper_length_mm | species + island"


@pytest.fixture
def penguins(tmp_path: Path) -> str:
    path = tmp_path / "penguins.csv"
    path.write_bytes(Path(bl.samples.path("penguins")).read_bytes())
    return str(path)


def run(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, list(arguments))
    return found.exit_code, found.output + str(found.exception or "")


def test_fit_predict_and_table(penguins: str, tmp_path: Path) -> None:
    model, out = str(tmp_path / "m.bestline"), str(tmp_path / "p.csv")
    code, told = run("fit", penguins, FORMULA, "--missing", "drop", "--cov", "cluster:island", "-o", model, "--json", "--quiet")
    assert code == 0
    facts = json.loads(told)
    line = bl.fit(penguins, FORMULA, missing="drop", cov="cluster:island")
    assert facts["absorbed"] == {"species": 3, "island": 3}
    assert facts["std_error"] == line.bse.to_dict()
    assert run("predict", model, penguins, "-o", out, "--quiet")[0] == 0
    assert pd.read_csv(out).prediction[0] == pytest.approx(line.predict(penguins)[0])
    assert "species, island" in run("table", model)[1]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["fit", "--by", "island"], "which `fit` alone takes out"),
        (["fit", "--solver", "adam"], "for no other"),
        (["preflight"], "which `fit` alone takes out"),
    ],
)
def test_what_absorbs_nothing_refuses_in_a_sentence(penguins: str, command: list[str], told: str) -> None:
    code, said = run(command[0], penguins, FORMULA, "--missing", "drop", *command[1:])
    assert code != 0
    assert told in " ".join(said.split())


def test_effects_are_those_of_python_in_text_json_and_table(penguins: str, tmp_path: Path) -> None:
    model, out = str(tmp_path / "m.bestline"), str(tmp_path / "e.csv")
    assert run("fit", penguins, FORMULA, "--missing", "drop", "-o", model, "--quiet")[0] == 0
    expected = bl.load(model).effects()
    code, told = run("effects", model, "--json")
    assert code == 0
    pd.testing.assert_frame_equal(pd.DataFrame(json.loads(told)["effects"]), expected)
    assert run("effects", model, "-o", out)[0] == 0
    pd.testing.assert_frame_equal(pd.read_csv(out), expected)
    text = run("effects", model)[1]
    assert [line.split()[:2] for line in text.splitlines()[3:5]] == [["species", "Adelie"], ["species", "Chinstrap"]]
    assert "`island = Biscoe` counts 0: `species` has the constant, and `island` differences from it." in text
