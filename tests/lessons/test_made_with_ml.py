"""Made with ML: both editions, from scratch and by torch, split, scaled and penalised as there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

import bestline as bl
from bestline.api.model import Model
from bestline.data.synthetic import lesson
from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Rows
from bestline.numerics.scaling import Scaling
from lessons.loops import fitted, loop, sgd

pytestmark = pytest.mark.usefixtures("quiet")


# Two float64 computations of the same descent, one on the rows and one on their moments: a hundred steps of rounding.
SAME = {"rel": 1e-9, "abs": 1e-12}


# Numbers a lesson computes in float32, or from torch.randn, whose last bits differ between CPUs.
FLOAT32 = {"rel": 1e-5, "abs": 1e-6}


# The best of what float64 gives for sums over some fifty numbers.
TIGHT = {"rel": 1e-12, "abs": 1e-12}


@dataclass(frozen=True)
class Parts:
    """Training and test rows of one split of the 50 points."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @property
    def scaling(self) -> Scaling:
        """Standardises by the training rows, as bestline does."""
        return Scaling.of(Comoments.of_rows(self.rows(self.x, self.y)), 1, intercept=True, standardize=True)

    @staticmethod
    def rows(x: np.ndarray, y: np.ndarray) -> Rows:
        return Rows(torch.from_numpy(x)[:, None], torch.from_numpy(y)[:, None])

    @property
    def scaled(self) -> tuple[Tensor, Tensor]:
        rows = self.scaling.rows(self.rows(self.x, self.y))
        return rows.X[:, 0], rows.y[:, 0]

    @property
    def scaled_test(self) -> tuple[Tensor, Tensor]:
        rows = self.scaling.rows(self.rows(self.x_test, self.y_test))
        return rows.X[:, 0], rows.y[:, 0]

    @property
    def variance(self) -> float:
        return float(self.scaling.target_scale) ** 2

    def in_data_units(self, w: float, b: float) -> list[float]:
        return self.scaling.to_data(torch.tensor([[w], [b]], dtype=torch.float64))[:, 0].tolist()

    def trained(self, solver: Any, start: Sequence[float], **options: Any) -> Model:
        """bestline from the data's units of a start on the standardised scale."""
        return fitted(self.x, self.y, self.in_data_units(*start), solver, standardize=True, **options)

    def scaled_weights(self, model: Model) -> list[float]:
        return self.scaling.to_trained(model.weights)[:, 0].tolist()


@dataclass(frozen=True)
class Stream:
    """The 50 points in the order that the stream of seed 1234 shuffles them to, and the stream after that."""

    x: np.ndarray
    y: np.ndarray
    rng: np.random.RandomState
    draws: list[float]


def stream(draws: int) -> Stream:
    """The lesson's stream after so many further normal draws."""
    rng = np.random.RandomState(1234)
    x = np.arange(50.0)
    y = 3.5 * x + rng.uniform(-10, 20, size=50)
    order = list(range(50))
    rng.shuffle(order)
    return Stream(x[order], y[order], rng, [0.01 * rng.randn(1, 1).item() for _ in range(draws)])


@cache
def numpy_parts() -> Parts:
    s = stream(2)
    return Parts(s.x[:35], s.y[:35], s.x[42:], s.y[42:])


@cache
def torch_parts(edition: str) -> Parts:
    """The split of the torch section: of the code as it stands, or of the edition whose numbers the lesson prints."""
    s = stream(1)
    if edition == "code":
        x, x_rest, y, y_rest = train_test_split(s.x, s.y, train_size=0.7, random_state=s.rng)
        _, x_test, _, y_test = train_test_split(x_rest, y_rest, train_size=0.5, random_state=s.rng)
    else:
        x, x_test, y, y_test = train_test_split(s.x, s.y, test_size=0.15, random_state=s.rng)
        x, _, y, _ = train_test_split(x, y, test_size=0.15, random_state=s.rng)
    return Parts(x, y, x_test, y_test)


@cache
def torch_starts(edition: str) -> tuple[list[float], list[float]]:
    """First weights of the second and the third nn.Linear(1, 1) that the torch section builds after its seed."""
    with torch.random.fork_rng():
        torch.manual_seed(1234)
        torch.randn(3, 1)
        nn.Linear(1, 1)
        second = nn.Linear(1, 1)
        if edition == "printed":
            torch.rand(2, 1)
        third = nn.Linear(1, 1)
    return [second.weight.item(), second.bias.item()], [third.weight.item(), third.bias.item()]


@dataclass(frozen=True)
class Edition:
    """The numbers of the torch section for one split."""

    name: str
    start: tuple[float, float]
    losses: tuple[float, ...]
    train: float
    test: float
    line: tuple[float, float]
    predictions: tuple[float, ...]
    test_mean_sd: tuple[float, ...]
    optimum: tuple[float, float]
    optimum_raw: float
    optimum_scaled: float
    optimum_predictions: tuple[float, ...]
    l2_start: tuple[float, float]
    l2_losses: tuple[float, ...]
    l2_train: float
    l2_test: float
    ridge: float


EDITIONS = [
    Edition(
        "printed",
        (0.5674160718917847, 0.12612640857696533),
        (0.21635890007019043, 0.032496873289346695, 0.023641817271709442, 0.023348122835159302, 0.02334953472018242),
        0.023344334214925766,
        0.013169601559638977,
        (3.4122444190850194, 7.988933159415197),
        (42.11137673104108, 59.172597272700344, 93.29504178137638),
        (-0.25468784522238946, 0.7392815184842044, -0.2622164920529828, 0.639577943420276),
        (3.4186903312, 7.8400896852),
        68.28257181735371,
        0.02334082188754423,
        (42.02699, 59.12044, 93.30735),
        (-0.4414469003677368, 0.363422155380249),
        (2.1994805335998535, 0.06146131083369255, 0.025103850290179253, 0.024615833535790443, 0.023388514295220375),
        0.023409411311149597,
        0.012333380989730358,
        0.983343963460373,
    ),
    Edition(
        "code",
        (0.5674160718917847, 0.12612640857696533),
        (0.21599070727825165, 0.03184094280004501, 0.02299565076828003, 0.022706177085638046, 0.022707922384142876),
        0.022702978923916817,
        0.012072141282260418,
        (3.4484183302653064, 7.374512116210056),
        (41.858699954312975, 59.100789011997236, 93.58497145344461),
        (-0.46511378123262515, 0.8222492161645959, -0.4834349737164122, 0.8071881775853487),
        (3.45492461, 7.21385441),
        63.24685475,
        0.02269947,
        (41.7631, 59.0377, 93.5870),
        (0.5497009754180908, 0.6416051387786865),
        (0.6269758939743042, 0.036805588752031326, 0.0245528444647789, 0.02293979376554489, 0.022796571254730225),
        0.02274416759610176,
        0.012219900265336037,
        0.983666782356114,
    ),
]


each_edition = pytest.mark.parametrize("edition", EDITIONS, ids=lambda e: e.name)


ADAM = partial(torch.optim.Adam, lr=0.1)


ADAM_L2 = partial(torch.optim.Adam, lr=0.1, weight_decay=0.01)


class TestMadeWithMLFromScratch:
    """The NumPy section: 35 training rows, standardised; 100 steps of plain descent at rate 0.1."""

    def test_the_data_and_the_split(self):
        s, parts = stream(0), numpy_parts()
        assert s.x[:6].tolist() == [22, 2, 41, 6, 13, 44]
        made = lesson("made-with-ml")
        assert np.sort(s.y) == pytest.approx(np.sort(made["y"]), rel=0, abs=0)
        assert (len(parts.x), len(s.x[35:42]), len(parts.x_test)) == (35, 7, 8)
        scaling = parts.scaling
        assert scaling.center.tolist() == pytest.approx([27.0, 100.23554348153554], **TIGHT)
        assert scaling.scale.tolist() == pytest.approx([14.863185584331701, 51.625594778672756], **TIGHT)

    def test_standardised_by_the_training_rows_alone(self):
        parts = numpy_parts()
        for values in parts.scaled:
            assert [values.mean().item(), values.std(correction=0).item()] == pytest.approx([0, 1], abs=1e-14)
        x, y = parts.scaled_test
        got = [f(v) for v in (x.numpy(), y.numpy()) for f in (np.mean, np.std)]
        assert got == pytest.approx([-0.5718827872916039, 0.9413236819421916, -0.5800500440643486, 0.9215240825880263], **TIGHT)

    def test_first_loss(self):
        first, _ = stream(2).draws
        assert first == pytest.approx(0.007042282254621743, rel=1e-14)
        parts = numpy_parts()
        model = parts.trained("sgd", [first, 0], lr=0.1, steps=0)
        assert model.trace.loss[0].item() / parts.variance == pytest.approx(0.9861645032469716, **TIGHT)

    def test_losses_of_every_tenth_epoch(self):
        printed = [
            0.989705531353189,
            0.03921088881887739,
            0.028252431684963362,
            0.02812608927609334,
            0.028124632647292043,
            0.028124615853505352,
            0.028124615659886176,
            0.0281246156576539,
            0.02812461565762816,
            0.028124615657627864,
        ]
        parts, start = numpy_parts(), [stream(2).draws[1], 0.0]
        assert start[0] == pytest.approx(0.00523508, abs=5e-9)
        plain = loop(*parts.scaled, start, sgd(0.1), 100)
        model = parts.trained("sgd", start, lr=0.1, steps=100)
        scaled = (model.trace.loss / parts.variance).tolist()
        assert plain.loss[:100:10] == pytest.approx(printed, **TIGHT)
        assert scaled[:100:10] == pytest.approx(printed, **SAME)
        assert scaled == pytest.approx(plain.loss, **SAME)
        assert len(model.trace) == 101

    def test_the_line_and_its_errors(self):
        parts = numpy_parts()
        model = parts.trained("sgd", [stream(2).draws[1], 0.0], lr=0.1, steps=100)
        assert model.params.tolist() == pytest.approx([3.4241947639428236, 7.782284855079325], **SAME)
        assert parts.scaled_weights(model) == [pytest.approx(0.9858374023887132, **SAME), pytest.approx(0, abs=1e-12)]
        assert f"{model.coef['x']:.1f}X + {model.intercept:.1f}" == "3.4X + 7.8"
        assert model.fitted_scores.mse[0] / parts.variance == pytest.approx(0.02812461565762786, **SAME)
        test = model.evaluate({"x": parts.x_test, "y": parts.y_test})
        assert test.mse[0] / parts.variance == pytest.approx(0.014863459162701816, **SAME)

    def test_least_squares_on_the_same_rows(self):
        parts = numpy_parts()
        model = bl.fit({"x": parts.x, "y": parts.y}, "y ~ x")
        assert model.params.tolist() == pytest.approx([3.4241947646366406, 7.782284836346286], **TIGHT)
        assert model.fitted_scores.mse[0] == pytest.approx(74.95778292, rel=1e-9)
        assert model.fitted_scores.mse[0] / parts.variance == pytest.approx(0.02812462, rel=1e-6)

    def test_all_fifty_rows_and_the_truth(self):
        made = lesson("made-with-ml")
        model = bl.fit(made, "y ~ x")
        assert model.params.tolist() == pytest.approx([3.411026922509557, 7.856125692333871], **TIGHT)
        assert model.fitted_scores.mse[0] == pytest.approx(63.04320531880042, **TIGHT)
        assert (made.truth["slope"], made.truth["expected_intercept"]) == (3.5, 5.0)
        assert made.truth["noise_sd"] ** 2 == pytest.approx(75, **TIGHT)


class TestMadeWithMLTorch:
    """The torch section: StandardScaler, Adam at rate 0.1 for 100 epochs, then the same with weight decay."""

    def test_what_torch_draws_after_the_seed(self):
        with torch.random.fork_rng():
            torch.manual_seed(1234)
            x = torch.randn(3, 1)
            m = nn.Linear(1, 1)
            z = m(x)
        assert x[:, 0].tolist() == pytest.approx([0.0461304634809494, 0.4024028182029724, -1.0115290880203247], **FLOAT32)
        assert z[:, 0].tolist() == pytest.approx([-0.321040540933609, -0.19719591736793518, -0.6886959671974182], **FLOAT32)
        assert [m.weight.item(), m.bias.item()] == pytest.approx([0.34761226177215576, -0.3370760679244995], **FLOAT32)

    def test_the_mean_squared_error_of_four_numbers(self):
        prediction, y = [0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]
        assert nn.MSELoss()(torch.tensor(prediction), torch.tensor(y)).item() == 0.75
        model = fitted(prediction, y, [1.0, 0.0], "sgd", lr=0.1, steps=0)
        assert model.trace.loss[0].item() == pytest.approx(0.75, **TIGHT)
        assert model.evaluate({"x": prediction, "y": y}).mse[0] == pytest.approx(0.75, **TIGHT)

    def test_the_printed_edition_s_rows(self):
        parts = torch_parts("printed")
        train = "40 39 13 14 6 44 0 30 41 25 22 8 23 33 1 7 48 2 49 29 34 47 24 38 46 10 27 16 5 36 45 37 3 19 9"
        assert parts.x.astype(int).tolist() == [int(v) for v in train.split(" ")]
        assert parts.x_test.astype(int).tolist() == [11, 31, 4, 21, 12, 28, 18, 42]
        scaling = parts.scaling
        assert scaling.center.tolist() == pytest.approx([24.857142857142858, 92.81896363271527], **TIGHT)
        assert scaling.scale.tolist() == pytest.approx([15.635386343881912, 54.08749434561046], **TIGHT)

    @each_edition
    def test_the_check_of_the_test_rows(self, edition: Edition):
        x, y = torch_parts(edition.name).scaled_test
        got = [f(v) for v in (x.numpy(), y.numpy()) for f in (np.mean, np.std)]
        assert got == pytest.approx(edition.test_mean_sd, **TIGHT)

    @each_edition
    def test_adam(self, edition: Edition):
        parts, (start, _) = torch_parts(edition.name), torch_starts(edition.name)
        assert start == pytest.approx(edition.start, rel=1e-7)
        model = parts.trained(bl.Descent("adam", lr=0.1, steps=100), start)
        plain = loop(*parts.scaled, start, ADAM, 100, dtype=torch.float32)
        scaled = (model.trace.loss / parts.variance).tolist()
        for losses in (plain.loss, scaled):
            assert losses[:100:20] == pytest.approx(edition.losses, **FLOAT32)
        assert model.params.tolist() == pytest.approx(edition.line, **FLOAT32)
        assert model.predict([10, 15, 25]) == pytest.approx(edition.predictions, **FLOAT32)
        assert model.fitted_scores.mse[0] / parts.variance == pytest.approx(edition.train, **FLOAT32)
        test = model.evaluate({"x": parts.x_test, "y": parts.y_test})
        assert test.mse[0] / parts.variance == pytest.approx(edition.test, **FLOAT32)
        assert scaled == pytest.approx(loop(*parts.scaled, start, ADAM, 100).loss, **SAME)

    def test_the_printed_predictions_and_the_actual_values(self):
        parts, (start, _) = torch_parts("printed"), torch_starts("printed")
        model = parts.trained(bl.Descent("adam", lr=0.1, steps=100), start)
        made = lesson("made-with-ml")
        printed = [("35.73", "42.11"), ("59.34", "59.17"), ("97.04", "93.30")]
        got = [(f"{made['y'][i]:.2f}", f"{model.predict(made['x'][i].item()):.2f}") for i in (10, 15, 25)]
        assert got == printed
        assert f"{model.coef['x']:.1f}X + {model.intercept:.1f}" == "3.4X + 8.0"
        scaled = (model.trace.loss / parts.variance).tolist()
        assert " ".join(f"{v:.2f}" for v in scaled[:100:20]) == "0.22 0.03 0.02 0.02 0.02"

    @each_edition
    def test_weight_decay(self, edition: Edition):
        parts, (_, start) = torch_parts(edition.name), torch_starts(edition.name)
        assert start == pytest.approx(edition.l2_start, rel=1e-7)
        optimizer = partial(torch.optim.Adam, weight_decay=0.01)
        model = parts.trained(bl.Descent(optimizer, lr=0.1, steps=100), start)
        plain = loop(*parts.scaled, start, ADAM_L2, 100, dtype=torch.float32)
        scaled = (model.trace.loss / parts.variance).tolist()
        for losses in (plain.loss, scaled):
            assert losses[:100:20] == pytest.approx(edition.l2_losses, **FLOAT32)
        assert scaled[100] == pytest.approx(edition.l2_train, **FLOAT32)
        test = model.evaluate({"x": parts.x_test, "y": parts.y_test})
        assert test.mse[0] / parts.variance == pytest.approx(edition.l2_test, **FLOAT32)
        assert scaled == pytest.approx(loop(*parts.scaled, start, ADAM_L2, 100).loss, **SAME)

    def test_the_printed_losses_with_weight_decay(self):
        parts, (_, start) = torch_parts("printed"), torch_starts("printed")
        model = parts.trained(bl.Descent(partial(torch.optim.Adam, weight_decay=0.01), lr=0.1, steps=100), start)
        scaled = (model.trace.loss / parts.variance).tolist()
        assert " ".join(f"{v:.2f}" for v in scaled[:100:20]) == "2.20 0.06 0.03 0.02 0.02"
        test = model.evaluate({"x": parts.x_test, "y": parts.y_test}).mse[0] / parts.variance
        assert (f"{scaled[100]:.2f}", f"{test:.2f}") == ("0.02", "0.01")

    @each_edition
    def test_a_hundred_steps_of_adam_stop_short_of_the_optimum(self, edition: Edition):
        parts = torch_parts(edition.name)
        exact = bl.fit({"x": parts.x, "y": parts.y}, "y ~ x")
        assert exact.params.tolist() == pytest.approx(edition.optimum, rel=1e-8)
        mse = exact.fitted_scores.mse[0]
        assert [mse, mse / parts.variance] == pytest.approx([edition.optimum_raw, edition.optimum_scaled], rel=1e-6)
        assert exact.predict([10, 15, 25]) == pytest.approx(edition.optimum_predictions, abs=5e-5)
        adam = parts.trained(bl.Descent("adam", lr=0.1, steps=100), torch_starts(edition.name)[0])
        assert adam.trace.gap[-1].item() == pytest.approx(adam.trace.loss[-1].item() - mse, rel=1e-6)
        assert "above that of the exact solution" in adam.advice

    @each_edition
    def test_where_ridge_and_weight_decay_rest(self, edition: Edition):
        parts = torch_parts(edition.name)
        x, y = (v.numpy() for v in parts.scaled)
        ridge = bl.fit({"x": parts.x, "y": parts.y}, "y ~ x", l2=0.005)
        n = len(x)
        assert parts.scaled_weights(ridge)[0] == pytest.approx(edition.ridge, **TIGHT)
        assert Ridge(alpha=n * 0.01 / 2, tol=1e-14).fit(x[:, None], y).coef_[0] == pytest.approx(edition.ridge, **TIGHT)
        decayed = parts.trained(bl.Descent(partial(torch.optim.SGD, weight_decay=0.01), lr=0.1, steps=500), [0.5, 0.1])
        assert parts.scaled_weights(decayed)[0] == pytest.approx(edition.ridge, **TIGHT)
        if edition.name == "code":  # the formula in the lesson's text has another penalty
            assert parts.scaled_weights(bl.fit({"x": parts.x, "y": parts.y}, "y ~ x", l2=0.01 / n))[0] == pytest.approx(
                0.98830274, abs=5e-9
            )

    def test_adam_couples_weight_decay_and_adamw_does_not(self):
        parts, start = torch_parts("code"), torch_starts("code")[0]

        def slope(optimizer: Any, steps: int) -> float:
            solver = bl.Descent(partial(optimizer, weight_decay=0.01), lr=0.1, steps=steps)
            return parts.scaled_weights(parts.trained(solver, start))[0]

        free = parts.scaled_weights(bl.fit({"x": parts.x, "y": parts.y}, "y ~ x"))[0]
        assert free == pytest.approx(0.98859, abs=5e-6)
        for optimizer, printed in ((torch.optim.Adam, 0.98182), (torch.optim.AdamW, 0.98609)):
            plain = loop(*parts.scaled, start, partial(optimizer, lr=0.1, weight_decay=0.01), 100)
            assert slope(optimizer, 100) == pytest.approx(plain.w[-1], **SAME)
            assert plain.w[-1] == pytest.approx(printed, abs=5e-6)
        # Coupled, it comes to rest on the ridge solution; decoupled, next to least squares.
        assert slope(torch.optim.Adam, 5_000) == pytest.approx(0.983666782356114, rel=1e-7)
        assert slope(torch.optim.AdamW, 5_000) == pytest.approx(0.98854, abs=5e-5)

    def test_the_bias_is_not_penalised_unless_asked(self):
        x = torch.linspace(-1, 1, 41, dtype=torch.float64)
        data = {"x": x, "y": 2 * x + 100}
        free = bl.fit(data, "y ~ x", l2=0.005, standardize=False)
        assert free.intercept == pytest.approx(100, **TIGHT)
        shrunk = bl.fit(
            data,
            "y ~ x",
            solver=bl.Descent(partial(torch.optim.SGD, weight_decay=0.01), lr=0.2, steps=400),
            standardize=False,
        )
        assert shrunk.intercept == pytest.approx(200 / 2.01, rel=1e-9)
