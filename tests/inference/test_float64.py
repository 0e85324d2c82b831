"""Numbers stay in float64: in torch whole numbers over one another are float32, eight digits, and nothing says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import bestline as bl

# Making a tensor of constants, or turning one to float32 in so many words, is no accident.
MEANT = {"scalar_tensor", "full", "ones", "zeros", "_to_copy", "lift_fresh", "empty", "detach"}


class Watch(TorchDispatchMode):
    """Which operations gave float32 though nothing that went in was."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if isinstance(out, torch.Tensor) and out.dtype == torch.float32 and name not in MEANT:
            given = [a for a in args if isinstance(a, torch.Tensor)]
            if not any(a.dtype == torch.float32 for a in given):
                self.seen.append(f"{name} of {[str(a.dtype) for a in given]}")
        return out


def table(n: int = 120) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    a, b, c = rng.normal(size=(3, n)) + 2
    return {
        "a": a,
        "b": b,
        "c": c,
        "g": rng.choice(["r", "s", "t"], n),
        "firm": rng.integers(0, 12, n),
        "t": np.arange(n),
        "w": rng.integers(1, 5, n).astype(float),
        "y": a - b + rng.normal(size=n),
    }


def parts() -> Any:
    data = table()
    return bl.stream(lambda: ({name: column[i : i + 40] for name, column in data.items()} for i in (0, 40, 80)))


TRIED: dict[str, Callable[[], Any]] = {
    "newey-west": lambda: bl.fit(parts(), "y ~ a + b", cov={"hac": "t"}).tidy(),
    "panel": lambda: bl.fit(table(), "y ~ a + b", cov={"driscoll-kraay": "t"}).tidy(),
    "clusters": lambda: bl.fit(table(), "y ~ a + b", cov={"cluster": ["firm", "g"]}).tidy(),
    "cluster, CR2": lambda: bl.fit(table(), "y ~ a + b", cov={"cluster": "firm", "type": "CR2"}).tidy(),
    "HC3": lambda: bl.fit(table(), "y ~ a * g", weights="w", cov="HC3").anova(kind=3),
    "splines": lambda: bl.fit(table(), "y ~ cr(a, df=4) + bs(b, df=5) + poly(c, 2)").predict(table()),
    "subsets": lambda: [bl.fit(table(), "y ~ a + b + c + g").subsets(by) for by in ("aic", "bic", "cp", "cv")],
    "diagnosis": lambda: bl.fit(table(), "y ~ a + b + g", weights="w").diagnose(),
    "means": lambda: bl.fit(table(), "y ~ a * g + b").contrasts("g"),
    "bootstrap": lambda: bl.fit(table(), "y ~ a + b").bootstrap(table(), samples=50, interval="bca"),
    "conformal": lambda: bl.fit(table(), "y ~ a + b").conformal(table(), data=table()),
    "absorbed": lambda: bl.fit(table(), "y ~ a + b | firm + g", cov={"cluster": "firm"}).tidy(),
    "groups": lambda: bl.fit_groups(table(), "y ~ a + b", by="g", cov="HC1").tidy(),
    "windows": lambda: bl.fit_rolling(table(), "y ~ a", order="t", window=30).tidy(),
    "lasso": lambda: [bl.fit(table(), "y ~ a + b + c", cv="lasso").cv.coefficients()],
    "descent": lambda: [bl.fit(table(), "y ~ a + b", solver="momentum", lr=0.05, steps=20).trace.frame()],
    "quantile": lambda: [bl.fit(table(), "y ~ a + b", loss=loss, cov=cov).tidy() for loss in ("quantile:0.3", "huber") for cov in ("robust", "iid")],
    "box-cox": lambda: bl.fit(table() | {"y": np.exp(table()["y"] / 3)}, "boxcox(y) ~ a").predict(table()),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
@pytest.mark.parametrize("name", TRIED)
def test_nothing_becomes_float32_by_accident(name: str) -> None:
    with Watch() as watch:
        TRIED[name]()
    assert watch.seen == []


def test_the_watch_sees_it() -> None:
    with Watch() as watch:
        _ = torch.arange(3) / 7
    assert watch.seen == ["div of ['torch.int64']"]
