"""Inference: what the line's numbers are worth.

`fitted` is the line with its numbers, frozen: everything above reads it. From the moments come `classical` errors,
`hypotheses`, `scores`; from one more pass over the rows (`training_rows`) the robust `covariance` and the `diagnostics`.
`coordinates` are the rows in coordinates in which none of that cancels. `summary` is what is printed.

Contract: functions take a `FittedLine`, write nothing into it, and return small tables. What is not honest is refused
(`why_not`).
"""
