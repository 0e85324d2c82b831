"""Groups: what the numbers of thousands of lines are worth, one line for each group of the rows.

`lines` solves and judges them all at once, `pooling` shrinks them towards their common line, `tables` are their frames and the test
whether they are one line after all.
"""
