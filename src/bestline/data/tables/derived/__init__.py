"""Derived: columns that are made of others, under names that hold all that is needed to make them again.

`days` counts dates and durations in days, row by row; `shifts` are what other rows hold: lags, leads and differences. A source knows
such a name where the table has no column of it.
"""
