"""What can be watched, and what says that it cannot."""

from __future__ import annotations

import pytest

import bestline as bl
from bestline.errors import BestlineError, OptionError
from bestline.pictures import watch as watching
from pictures.walks import PENGUINS

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


LINE = "body_mass_g ~ flipper_length_mm"


def test_models_that_lost_what_a_session_needs_say_so(tmp_path):
    model = bl.fit(PENGUINS, LINE, missing="drop", loss="huber")
    model.save(tmp_path / "m.bestline")
    with pytest.raises(BestlineError, match="needs the rows"):
        watching.session_of(bl.load(tmp_path / "m.bestline"))


def test_the_ending_says_what_is_written(walked, tmp_path):
    with pytest.raises(OptionError, match="written as"):
        watching.watch_runs({"a": walked}, tmp_path / "run.txt")
    with pytest.raises(OptionError, match="written as"):
        walked.animate(tmp_path / "run.png")


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        ("island", "within island: each value less the mean of its level."),
        ("island + sex", "within island and sex: each value less these effects."),
    ],
)
def test_rows_beside_absorbed_effects_are_said_to_be_what_is_left(effects: str, said: str) -> None:
    model = bl.fit(PENGUINS, f"body_mass_g ~ flipper_length_mm | {effects}", missing="drop")
    said = f"Rows and line are shown {said}"
    assert any(said in note for note in watching.session_of(watching.worth_watching(model))["notes"])
    plain = bl.fit(PENGUINS, "body_mass_g ~ flipper_length_mm", missing="drop")
    assert not any("shown within" in note for note in watching.session_of(watching.worth_watching(plain))["notes"])
