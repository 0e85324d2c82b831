"""Notebooks: what a cell shows is what the documentation promises, in a real kernel."""

import nbclient
import nbformat
import pytest

import bestline as bl

CELLS = [
    f"import warnings; warnings.simplefilter('ignore')\nimport bestline as bl\npath = {str(bl.samples.path('penguins'))!r}",
    "model = bl.fit(path, 'body_mass_g ~ flipper_length_mm', missing='drop', solver='sgd', lr=0.01, steps=3000, watch=True)",
    "model",
    "import tempfile, pathlib; player = model.watch(); saved = player.save(pathlib.Path(tempfile.mkdtemp()) / 'page.html'); "
    "assert saved.read_text() == player.html; player",
    "model.plot.loss()",
    "model.report()",
    "model.summary()",
]


@pytest.fixture(scope="module")
def outputs():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells]


def kinds(cell):
    return {kind for output in cell for kind in output.get("data", {})}


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore")
def test_cells_show_what_they_should(outputs):
    _, live, card, player, picture, report, summary = outputs
    assert "image/png" in kinds(live)
    assert "text/html" in kinds(card)
    # Long names may break at `_`.
    assert any("body_mass_g = " in output["data"]["text/html"].replace("<wbr>", "") for output in card)
    assert "application/vnd.jupyter.widget-view+json" in kinds(player)
    assert "image/png" in kinds(picture)
    assert any(output["data"].get("text/html", "").startswith("<iframe") for output in report)
    assert "Held-out error" in summary[0]["data"]["text/plain"]
