"""Bases: the numbers that stand for one column of the table, where these are several.

`splines` gives the pieces of a curve, `quantiles` the knots that a look at the rows leaves, and `contrasts` the codings of a
category's levels. They take and give numbers alone; which of them a formula asks for is said elsewhere.
"""
