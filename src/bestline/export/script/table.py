"""Table: the rows of a run as code, and how the dialects hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bestline.data.collected import read_again
from bestline.data.folds import ByHash
from bestline.errors import DataError
from bestline.export.script.history import History, remembered
from bestline.export.script.literals import are_single, array, number, single, table
from bestline.inference.fitted import FittedLine
from bestline.inference.training_rows import counted
from bestline.numerics import Comoments, Features, Rows, Targets, joined, total


@dataclass(frozen=True, slots=True)
class Form:
    """How a dialect holds the rows.

    Attributes
    ----------
    torch : bool
        Tensors, else NumPy's arrays.
    net : bool
        The line is a module of torch, else weights w and b.
    flat : bool
        One feature as a vector x (n,), else a matrix X (n, p).
    tall : bool
        The target as a matrix y (n, k), else a vector y (n,).
    """

    torch: bool
    net: bool
    flat: bool
    tall: bool

    @classmethod
    def of(cls, history: History, style: str) -> Form:
        """How a style holds the rows of a run: as simply as one feature and one target allow, but modules want matrices."""
        # Modules want matrices; a vector is simpler to read wherever it will do.
        net = style in ("linear", "module")
        return cls(style != "numpy", net, flat=history.p == history.k == 1 and not net, tall=net or history.k > 1)

    @property
    def X(self) -> str:  # noqa: N802  as in the books
        """Name of the features."""
        return "x" if self.flat else "X"

    @property
    def lib(self) -> str:
        """The library's name in the code."""
        return "torch" if self.torch else "np"

    @property
    def weight(self) -> str:
        """The rows' weights in the shape of the target."""
        return "weight[:, None]" if self.tall else "weight"

    def around(self, *, short: bool = False) -> tuple[str, str]:
        """What stands before and after the numbers of an array in float64; those that came from float32 have fewer digits there."""
        if self.torch:
            return "torch.tensor(", ", dtype=torch.float32).double()" if short else ", dtype=torch.float64)"
        return "np.array(", ", dtype=np.float32).astype(float)" if short else ", dtype=float)"


@dataclass(frozen=True, slots=True)
class TableCode:
    """Lines that make the data, and which modules they need besides NumPy or torch."""

    lines: list[str]
    modules: tuple[str, ...] = ()


def rows_of(model: FittedLine, data: Any) -> Rows:
    """The training rows in the data's units, those of no weight left out, in the order in which they were trained on.

    Raises DataError when they are not the rows that the model was trained on.
    """
    rows = joined(list(counted(model, data) if data is not None else _trained_on(model)))
    _check(model, Comoments.of_rows(rows))
    return rows


def check_rows(model: FittedLine, data: Any) -> None:
    """Raise DataError when `data` are not the rows that the model was trained on: one pass, constant memory."""
    q = model.design.p + len(model.targets)
    _check(model, total((Comoments.of_rows(batch) for batch in counted(model, data)), q))


def _trained_on(model: FittedLine) -> Iterator[Rows]:
    """The training rows; without a split, early stopping holds out the first fold that has rows, and folds go by a hash of the row."""
    descent, source = remembered(model), model.source
    if source is None or model.labels is not None or descent is None or descent.patience is None:
        return counted(model)
    # The same hash of the row that made the folds, so the same rows are left out wherever they stand now.
    folds = model.moments.folds
    held = next(i for i, fold in enumerate(folds) if fold.count)
    grouping = ByHash.of(model.design, len(folds), model.plan.seed)
    trained = read_again(source, model.design, grouping, [i for i in range(len(folds)) if i != held])
    return (batch.to("cpu") for batch in trained)


def _check(model: FittedLine, found: Comoments) -> None:
    # Moments are a fingerprint of rows: other rows, or the same in part, have others.
    known = model.training
    if not known.like(found):
        raise DataError(
            f"These are not the rows that the model was trained on ({known.count:,} rows; here {found.count:,}); give the training "
            f"rows, and those alone."
        )


def inline(history: History, form: Form, rows: Rows) -> TableCode:
    """The numbers themselves."""
    lines = _features(history, form, rows.X)
    lines += _targets(history, form, rows.y)
    if rows.w is not None:
        lines += _vector("weight", rows.w, form)
    return TableCode(lines)


def _features(history: History, form: Form, X: Features) -> list[str]:
    if history.p == history.k == 1:
        return _vector(form.X, X[:, 0], form, "" if form.flat else ".reshape(-1, 1)")
    return _matrix("columns", history.features, "X", X, form)


def _targets(history: History, form: Form, y: Targets) -> list[str]:
    if history.k == 1:
        return _vector("y", y[:, 0], form, ".reshape(-1, 1)" if form.tall else "")
    return _matrix("targets", history.targets, "y", y, form)


def _vector(name: str, values: Tensor, form: Form, after: str = "") -> list[str]:
    short = are_single(values)
    before, behind = form.around(short=short)
    return array(name, values, before, behind + after, written=single if short else number)


def _matrix(columns: str, names: Sequence[str], name: str, values: Tensor, form: Form) -> list[str]:
    """Columns by name, and the matrix made of them."""
    short = are_single(values)
    before, after = form.around(short=short)
    lines = table(columns, dict(zip(names, values.T, strict=True)), written=single if short else number)
    return [*lines, f"{name} = {before}list({columns}.values()){after}.T"]
