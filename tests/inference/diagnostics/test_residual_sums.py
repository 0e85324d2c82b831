"""Residual sums add up however the rows are cut, and keep their size."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bestline.api.model import Model
from bestline.inference.diagnostics import second_pass
from bestline.inference.diagnostics.residual_sums import TOP, Lens, ResidualSums, SumResiduals, quantile_of
from inference.diagnosed import diagnosed, frame, large_model

pytestmark = pytest.mark.usefixtures("quiet")


def evidence_of(model: Model, ends: list[int], mix: int = 0) -> ResidualSums:
    rows, lens = next(iter(model.rows())), Lens.on(second_pass.basis_of(model))
    gather, cuts = SumResiduals(lens), list(pairwise(ends))
    found = gather.empty()
    for a, b in (cuts[i] for i in torch.randperm(len(cuts), generator=torch.Generator().manual_seed(mix))):
        found = found + gather.of(SimpleNamespace(rows=rows[a:b], numbers=torch.arange(a, b)))
    return found


@given(cuts=st.lists(st.integers(0, 5_000), max_size=5), weights=st.sampled_from([None, "w"]), mix=st.integers(0, 99))
def test_evidence_adds_up_however_the_rows_are_cut_and_in_any_order(cuts: list[int], weights: str | None, mix: int):
    model = large_model(weights)
    whole, parts = (evidence_of(model, ends, mix) for ends in ([0, 5_000], [0, *sorted(cuts), 5_000]))
    for name in ("by_fitted", "by_size", "by_leverage", "sketch"):
        # A row on the edge of a cell may fall either way by rounding.
        assert int((getattr(whole, name) - getattr(parts, name)).abs().sum()) <= 4
    assert torch.equal(whole.top[:, 0], parts.top[:, 0])
    assert parts.powers.tolist() == pytest.approx(whole.powers.tolist(), rel=1e-9, abs=1e-9)
    assert parts.steps == pytest.approx(whole.steps, rel=1e-10)
    assert parts.linear.scatter.numpy() == pytest.approx(whole.linear.scatter.numpy(), rel=1e-8, abs=1e-7)
    assert parts.squares.scatter.numpy() == pytest.approx(whole.squares.scatter.numpy(), rel=1e-8, abs=1e-6)
    assert parts.profile.numpy() == pytest.approx(whole.profile.numpy(), rel=1e-8, abs=1e-8)
    assert (parts.outside, len(parts.kept), parts.totals.same(second_pass.basis_of(model))) == (whole.outside, 0, True)


def test_no_row_is_lost_and_the_evidence_keeps_its_size():
    evidence = evidence_of(large_model(), [0, 5_000])
    more = evidence + evidence + evidence
    for name in ("by_fitted", "by_size", "by_leverage", "sketch", "profile"):
        assert getattr(more, name).shape == getattr(evidence, name).shape
    assert len(more.top) <= 5 * TOP
    assert int(evidence.sketch.sum()) == 5_000
    assert int(evidence.by_fitted.sum()) + evidence.outside == 5_000
    assert int(evidence.profile[:, 0].sum()) == 5_000


@pytest.mark.parametrize("weights", [None, "w"])
def test_quantiles_and_extremes_of_many_rows(weights: str | None):
    model = large_model(weights)
    table = second_pass.influence(model)
    evidence = second_pass.diagnosis(model).evidence
    p = torch.tensor([0.001, 0.01, 0.2, 0.5, 0.9, 0.999], dtype=torch.float64)
    exact = np.quantile(table["std_resid"], p.numpy(), method="inverted_cdf")
    assert quantile_of(evidence.sketch, p).tolist() == pytest.approx(exact.tolist(), rel=0.0051, abs=2e-5)
    for name in ("cooksd", "hat"):
        largest = set(table.nlargest(10, name).index)
        assert largest <= {int(v) for v in evidence.top[:, 0]}
    influential = [r.row - 1 for r in second_pass.diagnosis(model).influential]
    assert influential == list(table.nlargest(10, "cooksd").index)


def test_row_numbers_are_those_of_the_table():
    data = frame().copy()
    data.loc[[0, 10], "x1"] = np.nan
    data.loc[100, "y"] = 500.0
    found = diagnosed(data, "y ~ x1 + x2", missing="drop")
    assert found.influential[0].row == 101
    assert found.rows == 238
    assert "Row 101" in str(found)
