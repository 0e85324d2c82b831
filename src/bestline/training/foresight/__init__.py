"""Foresight: what training will do, before it is done.

`preflight` says from the bowl's curvatures which rates converge, and in how many steps; `sweep` makes hundreds of runs side
by side, with the rates of `rate_grid`. Both need moments only.
"""
