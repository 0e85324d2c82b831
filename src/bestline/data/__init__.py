"""Data: any table becomes rows and moments, in constant memory.

`tables` opens whatever holds a table as a `Source`; `design` learns which columns a formula becomes, and encodes any batch
alike. A pass (`passes`) is a value that says what to look for in the rows; `source.reduce(pass)` runs it where they are, here
on the threads of `runner`. `gather` is the one way from data to moments: fit, preflight, sweep and `Moments.collect` all go
through it.

Contract: what a pass finds adds up, in any order, to the same printed digits. Door: `gather.gather(query)`.
"""
