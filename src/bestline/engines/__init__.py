"""Engines: the same passes where the data are. One file an engine, behind one contract; an engine knows no mathematics."""
