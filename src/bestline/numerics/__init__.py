"""Numerics: the mathematics of lines. Tensors go in and come out; this room knows no table, no file and no column's name.

`comoments` is the statistic that everything rests on: weight, means and centred products of all columns, which add and
subtract. `bowl` is the squared loss as a function of the weights, made from them. `digits` says how many digits float64
leaves; `exact_sums` and `exact_solve` give all of them back. `rows` names the axes of every shape once.

Functions take tensors and return tensors or a small frozen dataclass. Outsiders import from here, the modules of the room
from each other.
"""

from bestline.numerics.bowl import Bowl, second_moments, trained_mean, trained_moments
from bestline.numerics.comoments import MANY_TARGETS, Comoments, by_group, chunk_size, others, rests, total
from bestline.numerics.digits import LossDigits, read_loss_digits, right_digits, right_loss_digits
from bestline.numerics.doubled import Doubled
from bestline.numerics.exact_solve import Refined, digits_within, refined
from bestline.numerics.factorisation import (
    eigenvalues,
    eigenvectors,
    inverted,
    least_squares,
    pseudo_inverse,
    singular_values,
    singular_vectors,
)
from bestline.numerics.quantiles import quantiles as quantiles
from bestline.numerics.rows import Columns, Features, Rows, RowVector, Square, Targets, Weights, joined, minibatches
from bestline.numerics.scaling import Scaling
from bestline.numerics.semidefinite import Alias, aliases, inverse, minimum_norm, of_one_size, rank_tolerance
from bestline.numerics.subset_squares import SubsetSquares, all_subsets, subsets_work
