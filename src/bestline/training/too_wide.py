"""Too wide: how many columns are too many, and what then helps. The one place that decides it.

    moments of p columns are p^2 numbers of 8 bytes, one set for each fold; solving with them takes p^3 operations

Wider than long, the rows themselves take less room than their moments, and methods that work on the rows are quicker. (A design
refuses widths at which even learning it takes too long; that is `data.design`'s.)
"""

from __future__ import annotations

from bestline.errors import OptionError
from bestline.numerics import Rows

LASSO_FROM_MOMENTS = 800  # columns up to which lassos from moments are as quick, measured with 60 to 1,000 rows
_ONE_SET = 16_000  # columns beyond which one set of second moments takes more than 2 GB
_ALL_FOLDS = 16e9  # bytes that the moments of all folds may take, with the systems of equations
_COPIES = 3  # of each fold's moments: as they are, scaled, and the system that is solved
_FEW_ROWS = 2_000  # columns from which on fewer rows than columns are left to methods that work on the rows


def wide(rows: Rows) -> bool:
    """Whether the rows themselves take less room than their moments."""
    return len(rows) < rows.X.shape[1]


def very_wide(rows: Rows) -> bool:
    """Whether a lasso is found sooner from the rows than from their moments."""
    return wide(rows) and rows.X.shape[1] > LASSO_FROM_MOMENTS


def refuse_moments(p: int) -> None:
    """Raise OptionError where second moments of p columns would take too much memory."""
    if p > _ONE_SET:
        raise OptionError(
            f"{p:,} columns have {p * p * 8 / 2**30:,.0f} GiB of second moments; keep fewer than {_ONE_SET:,} columns, "
            f"or use scikit-learn's estimator of the same name."
        )


def refuse_folds(p: int, folds: int) -> None:
    """Raise OptionError where those of all folds would, before they are collected."""
    need = 8.0 * p * p * _COPIES * (folds + 1)
    if need > _ALL_FOLDS:
        raise OptionError(
            f"Cross-validating {p:,} columns by {folds} folds takes {need / 1e9:,.0f} GB for their second moments; where rows "
            f"are fewer than columns, bestline.LassoCV(cv={folds}) chooses the penalty from the rows themselves."
        )


def refuse_few_rows(rows: int, p: int) -> None:
    """Raise OptionError where cross-validation from moments would take very long, and the rows are few enough to work on."""
    if rows < p and p > _FEW_ROWS:
        raise OptionError(
            f"{rows:,} rows of {p:,} columns: their moments are far more than the rows, and would take very long; use "
            f"bestline.LassoCV, ElasticNetCV or RidgeCV, which work on the rows."
        )
