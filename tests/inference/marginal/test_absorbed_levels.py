"""Effects of absorbed levels: the weights of statsmodels' indicator columns, the means of one factor, and what pyfixest prints."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import bestline as bl
from bestline import api
from bestline.errors import BestlineWarning, DataError, OptionError
from bestline.numerics.absorb import components

HEIGHT = 1e-8  # the indicators' own sums cost statsmodels the last digits

# pyfixest 0.60.0, feols(...).fixef(atol=1e-14, btol=1e-14) on Palmer penguins, to the six places that it was rounded to.
PYFIXEST: list[tuple[str, dict[str, Any], dict[str, dict[str, float]]]] = [
    (
        "body_mass_g ~ flipper_length_mm | species + island",
        {},
        {
            "species": {"Adelie": -4047.517811, "Chinstrap": -4253.103687, "Gentoo": -3847.704498},
            "island": {"Biscoe": 0.0, "Dream": -59.752631, "Torgersen": -101.922731},
        },
    ),
    (
        "body_mass_g ~ flipper_length_mm | island + year",
        {"weights": "bill_length_mm"},
        {
            "island": {"Biscoe": -4743.925165, "Dream": -5023.340816, "Torgersen": -4930.807651},
            "year": {"2007": 0.0, "2008": -166.753222, "2009": -202.950076},
        },
    ),
]


def panel(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "firm": rng.integers(1, 25, n),
            "year": rng.integers(2010, 2016, n),
            "x": rng.normal(size=n),
            "z": rng.normal(5, 2, n),
            "w": rng.integers(1, 5, n),
        }
    )
    data["y"] = 900 + 2 * data.x - data.z + np.sin(data.firm) + 0.2 * data.year + rng.normal(size=n)
    return data


def by_level(model: bl.Model, term: str) -> pd.Series:
    found = model.effects()
    own = found[found.term == term]
    return pd.Series(own.estimate.to_numpy(), index=own.level.to_list())


@pytest.mark.parametrize(("formula", "options", "expected"), PYFIXEST, ids=["plain", "weights"])
def test_two_factors_are_those_of_pyfixest(
    formula: str, options: dict[str, Any], expected: dict[str, dict[str, float]]
) -> None:
    model = bl.fit(bl.samples.path("penguins"), formula, missing="drop", **options)
    for term, levels in expected.items():
        assert by_level(model, term).to_dict() == pytest.approx(levels, abs=1e-6)


@pytest.mark.parametrize("options", [{}, {"weights": "w"}, {"weights": "w", "weight_kind": "frequency"}, {"l2": 0.1}])
def test_one_factor_has_the_mean_of_what_the_columns_leave(options: dict[str, Any]) -> None:
    data = panel()
    model = bl.fit(data, "y ~ x + z | firm", **options)
    rest = data.y - data[["x", "z"]] @ model.coef[["x", "z"]]
    w = data.w if "weights" in options else data.w * 0 + 1
    expected = (rest * w).groupby(data.firm).sum() / w.groupby(data.firm).sum()
    assert by_level(model, "firm").to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-12)
    rows = w.groupby(data.firm).sum() if "weight_kind" in options else data.groupby("firm").size()
    found = model.effects()
    assert found.columns.tolist() == ["term", "level", "estimate", "n"]
    assert found.n.tolist() == rows.tolist()


@pytest.mark.parametrize(
    "formula", ["y ~ x + z | firm + year", "y ~ x + offset(z) | firm + year", "log(y - 1200) ~ x | firm + year"]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_two_factors_have_the_weights_of_indicator_columns(formula: str, weighted: bool) -> None:
    data = panel().sample(frac=1, random_state=1)  # the first level is the lowest, and not the first that is met
    model = bl.fit(data, formula, **({"weights": "w"} if weighted else {}))
    left = {"log(y - 1200)": "np.log(y - 1200)"}.get(formula.partition(" ~ ")[0], "y")
    right = "x + z" if "+ z" in formula else "x"
    told = f"{left} - z" if "offset" in formula else left
    theirs = smf.wls(f"I({told}) ~ 0 + C(firm) + C(year) + {right}", data, weights=data.w if weighted else 1.0).fit()
    assert by_level(model, "firm").to_numpy() == pytest.approx(
        theirs.params[[f"C(firm)[{i}]" for i in range(1, 25)]].to_numpy(), rel=HEIGHT
    )
    years = by_level(model, "year")
    assert years.iloc[0] == 0
    assert years.iloc[1:].to_numpy() == pytest.approx(
        theirs.params[[f"C(year)[T.{year}]" for year in years.index[1:]]].to_numpy(), rel=1e-6, abs=1e-9
    )


def test_several_targets_stand_below_each_other() -> None:
    data = panel().assign(v=lambda t: t.z * 2)
    found = bl.fit(data, "y + v ~ x | firm + year").effects()
    assert found.columns.tolist() == ["target", "term", "level", "estimate", "n"]
    for target in ("y", "v"):
        one = bl.fit(data, f"{target} ~ x | firm + year").effects()
        assert found[found.target == target].estimate.to_numpy() == pytest.approx(one.estimate.to_numpy(), rel=1e-10, abs=1e-10)


def test_parts_that_no_row_connects_each_have_a_first_level() -> None:
    data = panel()
    data["year"] += 100 * (data.firm % 3)
    model = bl.fit(data, "y ~ x | firm + year")
    with pytest.warns(BestlineWarning, match="fall into 3 parts"):
        found = model.effects()
    years, firms = found[found.term == "year"], found[found.term == "firm"]
    table = coo_array((np.ones(len(data)), (data.firm - 1, data.year - 2010)), shape=(24, 206)).toarray()
    joined = np.block([[np.zeros((24, 24)), table], [table.T, np.zeros((206, 206))]])
    _, theirs = connected_components(joined)
    ours = firms.part.to_numpy()
    assert all((theirs[i] == theirs[j]) == (ours[i] == ours[j]) for i in range(24) for j in range(24))
    for _, part in years.groupby("part"):
        assert part.estimate.iloc[0] == 0
    # Within a part it is the line of that part alone, with the slope of all.
    for part, own in years.groupby("part"):
        rows = data[data.firm.astype(str).isin(firms[firms.part == part].level)]
        rows = rows.assign(y=rows.y - model.coef["x"] * rows.x)
        theirs_own = smf.ols("y ~ 0 + C(firm) + C(year)", rows).fit().params
        assert own.estimate.to_numpy()[1:] == pytest.approx(theirs_own[-5:].to_numpy(), rel=1e-6)


def heights(found: pd.DataFrame, data: pd.DataFrame, factors: list[str]) -> np.ndarray:
    said = np.zeros(len(data))
    for term in factors:
        own = found[found.term == term]
        said += data[term].astype(str).map(dict(zip(own.level, own.estimate, strict=True))).to_numpy()
    return said


@pytest.mark.filterwarnings("ignore:The rows leave")
def test_of_three_factors_the_sum_is_what_a_prediction_has() -> None:
    data = panel().assign(region=lambda t: t.firm % 4, month=lambda t: np.arange(len(t)) % 12)
    for right, says in (("firm + year + month", 0), ("firm + region + year", 1)):
        model = bl.fit(data, f"y ~ x | {right}")
        found = api.level_effects(model)
        assert sum("one choice of several" in note for note in found.notes) == says
        factors = right.split(" + ")
        said = heights(found.frame(), data, factors) + model.coef["x"] * data.x.to_numpy()
        assert said == pytest.approx(model.predict(data), rel=1e-11)
        first = found.frame().groupby("term").estimate.first()
        assert first[factors[1:]].tolist() == [0, 0]


def test_pairs_singletons_and_parts_of_the_rows() -> None:
    data = panel()
    data.loc[0, "firm"] = 99
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = bl.fit(data, "y ~ x | firm + year")
        pairs = bl.fit(data, "y ~ x | firm^year").effects()
        split = bl.fit(data, "y ~ x | firm", split=(0.7, 0.3))
    assert "99" not in by_level(model, "firm").index
    assert "1 row left out of training (singletons)" in str(api.level_effects(model))
    assert model.effects().groupby("term").n.sum().tolist() == [399, 399]
    both = data.groupby(["firm", "year"]).size()
    assert pairs.level.to_list() == [f"{firm}^{year}" for firm, year in both[both > 1].index]
    assert split.effects().n.sum() == split.training.count < 400


def test_it_is_the_same_from_a_file_in_pieces_and_from_a_saved_model(tmp_path: Path) -> None:
    data = panel()
    data.to_csv(tmp_path / "rows.csv", index=False)
    data.iloc[::-1].to_csv(tmp_path / "back.csv", index=False)
    whole = bl.fit(data, "y ~ x | firm + year").effects()
    for path in (tmp_path / "rows.csv", tmp_path / "back.csv"):
        model = bl.fit(path, "y ~ x | firm + year")
        model.save(tmp_path / "m.bestline", overwrite=True)
        for found in (model.effects(), bl.load(tmp_path / "m.bestline").effects()):
            pd.testing.assert_frame_equal(found, whole, rtol=1e-9, atol=1e-9)
            assert found.attrs["notes"] == ["`year = 2010` counts 0: `firm` has the constant, and `year` differences from it."]


def test_what_has_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="factors behind a bar"):
        bl.fit(panel(), "y ~ x + C(firm)").effects()
    with pytest.raises(AttributeError, match=r"model\.effects\(\)"):
        _ = bl.fit(panel(), "y ~ x | firm").fixef
    model = bl.fit(panel(), "y ~ x | firm")
    # As a file of the version before has it.
    object.__setattr__(model.design.absorbed, "counts", ())
    with pytest.raises(DataError, match="earlier version"):
        model.effects()


def test_components_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    for levels in ((40, 50), (30, 20, 25)):
        codes = np.stack([rng.permutation(np.arange(60) % size) for size in levels])
        starts = np.cumsum([0, *levels[:-1]])
        nodes = codes + starts[:, None]
        ends = [(nodes[0], own) for own in nodes[1:]]
        one, other = (np.concatenate(side) for side in zip(*ends, strict=True))
        number, theirs = connected_components(coo_array((np.ones(len(one)), (one, other)), shape=(sum(levels),) * 2))
        ours = components(torch.tensor(codes), levels).numpy()
        assert int(ours.max()) + 1 == number
        assert len(set(zip(ours.tolist(), theirs.tolist(), strict=True))) == number
