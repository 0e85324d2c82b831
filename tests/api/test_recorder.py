"""A recorded loop is seen as any training is: the same numbers as our own descent, and pictures of its own weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import bestline as bl
from bestline.errors import BestlineWarning, DataError, OptionError

LESSON = bl.synthetic.lesson("slope-and-bias-exact")


def loop(rec: bl.Recorder, lr: float = 0.1, steps: int = 15, *, late: bool = False) -> None:
    """Gradient descent by hand from (-15, -10); `late` records what the update has made beside the loss before it."""
    X, y = LESSON.x[:, 0], LESSON.y[:, 0]
    w, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (-15.0, -10.0))
    for _ in range(steps):
        loss = ((w * X + b - y) ** 2).mean()
        if not late:
            rec(w, b, loss)
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad
            b -= lr * b.grad
        w.grad = b.grad = None
        if late:
            rec(w, b, loss)
    if not late:
        rec(w, b)


def test_a_loop_by_hand_is_our_descent():
    rec = bl.Recorder(LESSON.x, LESSON.y)
    loop(rec)
    own = bl.fit(LESSON.x, LESSON.y, solver="sgd", lr=0.1, steps=15, start=[-15, -10], standardize=False).trace
    assert len(rec) == len(rec.trace) == 16
    for name in ("weights", "loss", "gradient_norm", "gap"):
        torch.testing.assert_close(getattr(rec.trace, name), getattr(own, name), rtol=1e-12, atol=1e-12)
    frame = rec.trace.frame()
    assert frame["loss"].iloc[0] == pytest.approx(835.026666666667)  # the lesson's own
    assert frame["loss"].iloc[15] == pytest.approx(0.110192872179, rel=1e-10)
    # One state more, and everything is made anew.
    rec(1, -1)
    assert rec.trace.loss[-1] == pytest.approx(0, abs=1e-25)


def test_a_module_hands_over_its_weights_as_they_are():
    torch_state = torch.get_rng_state()
    X = torch.stack([torch.linspace(0, 1, 20), torch.linspace(3, -3, 20) ** 2], 1)
    y = X @ torch.tensor([[1.0], [2.0]]) + 0.5
    module = nn.Linear(2, 1)
    torch.set_rng_state(torch_state)
    rec = bl.Recorder(X, y)
    rec(module.weight, module.bias, nn.MSELoss()(module(X), y))
    with torch.no_grad():
        module.weight.fill_(7.0)  # what was recorded is not what the module has become
    rec([1, 2], 0.5)
    assert float(rec.trace.loss[0]) != pytest.approx(0)
    assert rec.trace.loss[1] == pytest.approx(0, abs=1e-10)
    assert list(rec.model.names) == ["x0", "x1", "Intercept"]


def test_chosen_weights_have_a_table_and_a_picture_without_training():
    rec = bl.Recorder([[-3.0]], [3.0], intercept=False)
    for w in (-2, -1.5, 1.5, 2, -1):
        rec(w)
    with pytest.warns(BestlineWarning, match="no degrees of freedom"):
        frame = rec.trace.frame()
    assert frame["loss"].tolist() == [9.0, 2.25, 56.25, 81.0, 0.0]
    assert frame["x0"].tolist() == [-2, -1.5, 1.5, 2, -1]
    drawn = rec.plot.weight()
    assert "weight of x0" in drawn.axes[0].get_xlabel()


@pytest.mark.filterwarnings("ignore:There are few rows")
def test_tables_formulas_and_either_order():
    table = {"size": [1.0, 2.0, 4.0], "price": [3.0, 5.0, 9.0]}
    for rec in (bl.Recorder(table, "price ~ size"), bl.Recorder("price ~ size", table), bl.Recorder(table, target="price")):
        rec(2, 1)
        np.testing.assert_allclose(rec.trace.frame()[["size", "Intercept", "loss"]], [[2.0, 1.0, 0.0]], atol=1e-12)
    bare = bl.Recorder(table, "price ~ 0 + size")
    bare(2)
    assert bare.trace.loss[0] == pytest.approx(1.0)
    weighted = bl.Recorder(table | {"w": [1.0, 0.0, 0.0]}, "price ~ 0 + size", weights="w")
    weighted([2.0])
    with pytest.warns(BestlineWarning, match="no degrees of freedom"):
        assert weighted.trace.loss[0] == pytest.approx(1.0)


def test_a_loss_recorded_one_update_late_is_told():
    rec = bl.Recorder(LESSON.x, LESSON.y)
    loop(rec, late=True)
    with pytest.warns(BestlineWarning, match="At step 1 the loop's loss is .* is that of the step before|At step 0"):
        rec.trace  # noqa: B018
    half = bl.Recorder(LESSON.x, LESSON.y)
    half(1, 0, 0.5)  # a loss with a factor of one half
    with pytest.warns(BestlineWarning, match="loss is 0.5; the mean squared error at these weights is 1"):
        half.trace  # noqa: B018


def test_it_is_watched_drawn_and_saved(tmp_path):
    rec = bl.Recorder(LESSON.x, LESSON.y)
    loop(rec, steps=4)
    rec.watch().save(tmp_path / "run.html")
    assert "recorded" in (tmp_path / "run.html").read_text(encoding="utf-8")
    drawn = rec.frame(3)
    assert "After 3 updates" in drawn.get_suptitle()
    assert "another rule" not in " ".join(text.get_text() for text in drawn.texts)  # nobody knows by which rule it went
    rec.model.save(tmp_path / "run.bestline")
    np.testing.assert_array_equal(bl.load(tmp_path / "run.bestline").weights, rec.model.weights)
    assert rec.model.held_out is None
    assert "a loop of your own" in str(rec.model.summary())
    with pytest.raises(OptionError, match="loop of your own"):
        rec.model.script("numpy")


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda rec: rec.model, "Nothing was recorded yet"),
        (lambda rec: (rec([1, 2, 3]), rec.model), "2 in all, of one target; 3 were recorded"),
        (lambda rec: (rec(1, 2), rec(1)), "1 weight, and those before have 2"),
        (lambda rec: rec("w", 2), "`w` must be a number"),
        (lambda rec: rec(1, 2, "low"), "`loss` must be a number"),
        (lambda rec: rec(1, 2, [1.0, 2.0]), "`loss` is one number for each state; got 2"),
        (lambda rec: rec(1, 2, []), "`loss` is one number for each state; got 0"),
        (lambda rec: rec(None), "`w` must be a number"),
    ],
)
def test_what_cannot_be_recorded_is_one_sentence(use, words):
    with pytest.raises(OptionError, match=words):
        use(bl.Recorder(LESSON.x, LESSON.y))


def test_intercept_is_said_once():
    with pytest.raises(OptionError, match="the formula says"):
        bl.Recorder({"x": [1], "y": [1]}, "y ~ x", intercept=False)
    with pytest.raises(OptionError, match="write it as a formula"):
        bl.Recorder({"x": [1], "y": [1]}, target="y", intercept=False)
    rec = bl.Recorder({"x": [1, None], "y": [1, 2]}, "y ~ x")
    rec(1, 2)
    with pytest.raises(DataError, match="x"):
        rec.trace  # noqa: B018
