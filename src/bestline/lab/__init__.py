"""Lab: the local page. A server on this machine gives it data and sessions; it hosts the same player as a saved page.

`serve` is the door: it binds, tells the address and serves until Ctrl-C. `server` has the routes and `guard` decides who may come
in; neither loads torch. `work` does what people ask for: `tables` opens their data, `session` trains one run, `analysis` and
`exports` tell of it. No numbers are computed here: they come from the rooms below.
"""
