"""Arrays: scikit-learn's become ours, and results go back to where the data came from.

Arrays, lists, frames, sparse matrices and tensors are checked by scikit-learn's own rules and become float tensors in main
memory. Predictions for a tensor are a tensor, on its device. What a fit has learnt is a NumPy array, or lives with the data
where scikit-learn's array API dispatch is on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from scipy import sparse
from sklearn import config_context, get_config
from sklearn.utils.validation import validate_data
from torch import Tensor

from bestline.data.tables import index_notes, plain_tensor
from bestline.errors import DataError, warn
from bestline.numerics import Comoments, Rows
from bestline.numerics.comoments import HUGE, TINY
from bestline.numerics.rows import range_of
from bestline.training.plan import refuse_sizes

Array: TypeAlias = Any  # of NumPy, torch or another library of scikit-learn's array API
MOST_DENSE = 2**28  # numbers of a sparse table that are written out, zeros included: 2 GiB
MOST_KEPT = 1_000  # columns up to which moments are kept of rows fewer than columns too
_FLOATS = [np.float64, np.float32]


@dataclass(frozen=True, slots=True)
class Home:
    """Where arrays came from.

    Attributes
    ----------
    library : module or None
        torch, or a namespace of the array API; None is NumPy.
    device : object
        Of the arrays there.
    dispatch : bool
        Whether what a fit learns goes there too, and not predictions only.
    """

    library: Any = None
    device: Any = None
    dispatch: bool = False

    @classmethod
    def of(cls, X: Array) -> Home:
        """Of features as the user gave them."""
        # Tensors are understood as they are. Arrays of other libraries only where scikit-learn's dispatch is on, as there.
        dispatch = bool(get_config().get("array_api_dispatch"))
        if isinstance(X, Tensor):
            return cls(torch, X.device, dispatch)
        if dispatch and hasattr(X, "__array_namespace__") and not isinstance(X, np.ndarray):
            return cls(X.__array_namespace__(), X.device, dispatch)
        return cls()

    def refuse_stranger(self, estimator: Any) -> None:
        """With dispatch on, predictions are made where the fit was; raises DataError elsewhere, as scikit-learn does."""
        # Nothing is moved behind people's backs: a copy to another device can cost more than the fit.
        theirs = Home.of(estimator.coef_)
        if get_config().get("array_api_dispatch") and (theirs.library, theirs.device) != (self.library, self.device):
            names = [getattr(home.library, "__name__", "numpy") for home in (theirs, self)]
            raise DataError(
                f"Inputs passed to {type(estimator).__name__}.predict() must use the same namespace and the same device as those passed "
                f"to fit(): that was {names[0]} on {theirs.device or 'cpu'}, this is {names[1]} on {self.device or 'cpu'}."
            )

    def learnt(self, values: Array) -> Array:
        """Something that a fit has learnt."""
        return self.sent(values) if self.dispatch else values

    def sent(self, values: Array) -> Array:
        """An array of NumPy, as its home knows arrays."""
        return values if self.library is None else self.library.asarray(values, device=self.device)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingTable:
    """Checked training data.

    Attributes
    ----------
    rows : Rows
        X in its own precision, y in float64, weights where given; all rows, those of weight 0 too.
    flat : bool
        Whether y had one dimension.
    dtype : NumPy dtype
        Of the features: what a fit has learnt takes it on.
    home : Home
    rounded : tuple of int
        Columns of features and targets, p + k, that held integers beyond 2**53, which float64 rounds.
    """

    rows: Rows
    flat: bool
    dtype: Any
    home: Home
    rounded: tuple[int, ...] = ()

    @property
    def p(self) -> int:
        """Number of features."""
        return int(self.rows.X.shape[1])

    @property
    def double_rows(self) -> Rows:
        """The rows with X in float64, for methods that go through them many times."""
        return Rows(self.rows.X.to(torch.float64), self.rows.y, self.rows.w)

    @property
    def counted(self) -> Rows:
        """The rows but those of weight 0, whose numbers may be anything."""
        rows = self.rows
        return rows if rows.w is None or bool(rows.w.all()) else rows[rows.w > 0]

    def moments(self) -> Comoments:
        """Of features and targets."""
        return Comoments.of_rows(self.rows)

    def kept_moments(self) -> Comoments | None:
        """The same, to keep beside a line found from the rows; None where columns are too many to keep p x p numbers for."""
        return self.moments() if self.p <= MOST_KEPT else None


def checked_table(
    estimator: Any,
    X: Array,
    y: Array,
    sample_weight: Array = None,
    *,
    several: bool = True,
    reset: bool = True,
    part: bool = False,
) -> TrainingTable:
    """Training data by scikit-learn's rules; sets `n_features_in_` and `feature_names_in_` when `reset`.

    Of a `part` of the rows, after which others come, a target may be as small as it likes.

    Raises
    ------
    ValueError
        For what scikit-learn refuses: missing and infinite values, shapes that do not fit, no rows.
    DataError
        For a sparse table too large to write out, weights that are none, and numbers whose squares leave float64.

    Warns
    -----
    BestlineWarning
        When X, y and weights are objects of pandas whose indexes differ: they go together by position.
    """
    home = Home.of(X)
    for note in index_notes((X, y), {} if sample_weight is None else {"sample_weight": sample_weight}):
        warn(note)
    # Our own mathematics is done in main memory, so what scikit-learn checks there is NumPy's, whatever came.
    with config_context(array_api_dispatch=False):
        check = partial(
            validate_data,
            estimator,
            _numpy(X),
            _numpy(y),
            reset=reset,
            accept_sparse=["csr", "csc", "coo"],
            dtype=_FLOATS,
            multi_output=several,
            y_numeric=True,
        )
        # One look at X says what else takes three; where it does not, scikit-learn says what is missing or infinite.
        checked, target = check(ensure_all_finite=False)
        usual = _usual(checked)
        if not usual:
            checked, target = check()
    # scikit-learn lets sparse targets pass; a target is a column or a few, so it fits.
    if sparse.issparse(target):
        target = target.toarray()
    features = dense(checked)
    # A copy in float64: targets are not the user's to see changed, and float32 sums would lose what `digits_` promises.
    targets = torch.from_numpy(np.array(target, dtype=np.float64))
    rows = Rows(_tensor(features), targets.reshape(len(targets), -1), weights_of(sample_weight, len(targets)))
    p = rows.X.shape[1]
    rounded = (*_beyond(X), *(p + j for j in _beyond(y)))
    table = TrainingTable(rows, target.ndim == 1, features.dtype, home, rounded)
    counted = table.counted
    if not usual:
        _refuse_beyond("X", counted.X)
    _refuse_beyond("y", counted.y, least=0.0 if part else TINY)
    return table


def _usual(X: Any) -> bool:
    """Whether all numbers are finite and none is huge, as the sum of their squares can tell; False: perhaps not."""
    flat = None if sparse.issparse(X) or not X.flags.writeable else X.ravel(order="K")
    if flat is None or not np.shares_memory(flat, X):  # of scattered memory that would be a copy
        return False
    flat = torch.from_numpy(flat)
    return float(torch.dot(flat, flat)) < HUGE**2  # of NaN this is not true


def _beyond(values: Array) -> Iterator[int]:
    """Columns of integers that float64 cannot hold."""
    whole = values if isinstance(values, np.ndarray) else None if sparse.issparse(values) else np.asarray(_numpy(values))
    if whole is not None and whole.dtype.kind in "iu" and whole.dtype.itemsize == 8 and whole.size:
        columns = whole.reshape(len(whole), -1)
        large = (columns.max(0) > 2**53) | (columns.min(0) < -(2**53))
        yield from np.flatnonzero(large).tolist()


def _refuse_beyond(what: str, values: Tensor, *, least: float = 0.0) -> None:
    """Raise DataError for a column with numbers that are huge, or that all are below the least: `bestline.fit` refuses the same."""
    if not values.numel():
        return
    low, high = range_of(values)
    one = what == "y" and values.shape[1] == 1
    names = [what] if one else [f"{what}[:, {j}]" for j in range(values.shape[1])]
    refuse_sizes(names, torch.maximum(-low, high), least=least)


def checked_features(estimator: Any, X: Array) -> tuple[Any, Home]:
    """Features to predict from, dense or sparse, and their home."""
    home = Home.of(X)
    with config_context(array_api_dispatch=False):
        return validate_data(estimator, _numpy(X), reset=False, accept_sparse=["csr", "csc", "coo"], dtype=_FLOATS), home


def as_numpy(values: Array) -> Any:
    """Something that a fit has learnt, as an array of NumPy or as the sparse matrix it was made into."""
    # `sparsify` has made some `coef_` sparse: they stay what they are.
    return values if sparse.issparse(values) else np.asarray(_numpy(values))


def weights_of(sample_weight: Array, n: int) -> Tensor | None:
    """Weights (n,) of the rows; None when every row counts once."""
    if sample_weight is None:
        return None
    weights = np.asarray(_numpy(sample_weight), dtype=np.float64)
    if weights.ndim == 0:
        # One weight for all is as many equal ones: it sets how much a penalty counts.
        weights = np.full(n, float(weights))
    if weights.ndim != 1:
        raise DataError(f"Sample weights must be 1D array or scalar; got {weights.ndim} dimensions.")
    if weights.shape != (n,):
        raise DataError(f"`sample_weight` must have one weight a row, ({n},); got {weights.shape}.")
    if not np.isfinite(weights).all():
        what = "NaN" if np.isnan(weights).any() else "infinity"
        raise DataError(f"Input sample_weight contains {what}; every row needs a finite weight.")
    if (weights < 0).any():
        raise DataError("Negative values in data passed to `sample_weight`; a weight must be 0 or more.")
    if n and not weights.any():
        raise DataError("Sample weights must contain at least one non-zero number.")
    return torch.from_numpy(weights.copy())


def dense(table: Any) -> Any:
    """A table written out, zeros included."""
    if not sparse.issparse(table):
        return table
    # Before it is written out, not after the machine has run out of memory.
    if table.shape[0] * table.shape[1] > MOST_DENSE:
        raise DataError(
            f"A sparse table of {table.shape[0]:,} rows and {table.shape[1]:,} columns would take "
            f"{8 * table.shape[0] * table.shape[1] / 2**30:,.0f} GiB written out; give `partial_fit` some rows at a time, or keep fewer columns."
        )
    return table.toarray()


def _tensor(array: Any) -> Tensor:
    # Torch takes neither memory that may not be written nor strides that go backwards.
    if not array.flags.writeable or any(s < 0 for s in array.strides):
        array = array.copy()
    return torch.from_numpy(array)


def _numpy(values: Array) -> Any:
    """Arrays of other libraries as NumPy's; anything else as it is."""
    if isinstance(values, Tensor):
        # Complex numbers are scikit-learn's to refuse, in words that its own tests look for.
        complex_ = values.is_complex() and values.layout is torch.strided and not values.is_meta
        values = values.detach().to(torch.complex128) if complex_ else plain_tensor(values, "the array")
        return values.cpu().resolve_conj().numpy()
    if hasattr(values, "__array_namespace__") and not isinstance(values, np.ndarray | np.generic):
        return np.from_dlpack(values)
    return values
