"""Weights: pictures of what a line's weights say, and of how they came to be.

`coefficients` draws estimates with their intervals, `marginal` the means, contrasts and slopes made from them, `added` what one
column adds to a line, and `penalty_paths` how weights shrink as a penalty grows. Each makes a `Picture`; the gallery opens them.
"""
