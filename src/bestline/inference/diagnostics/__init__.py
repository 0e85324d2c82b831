"""Diagnostics: what the training rows, read once more, say of a line.

`influence` is what each row does to it, `residual_sums` one pass that sums what the tests need, `collinearity` which columns say the
same, and `diagnosis` what all of it means, in words.

Contract: what is asked is answered for the rows that the line was fitted to. The door is `second_pass`, which sees to that.
"""
