"""Covariance: how uncertain the weights are when errors differ in size from row to row, or are shared by rows of a group.

One class a kind, one row in `named`. `base` is the contract, and says what a sandwich is; `by_row` and `clustered` are its
fillings; `sandwich` makes the covariance from them. Classical errors need no rows: `inference.classical` has them from the moments.
"""
