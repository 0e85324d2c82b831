"""Groups: what the numbers of thousands of lines are worth, one line for each group of the rows, or for each window.

`lines` holds them all at once, and `exactly` solves those that lack digits from their rows. `by_group` and `windows` make them,
`pooling` shrinks them towards their common line, `tables` and `summary` show them and test whether they are one line after all.
"""
