"""Engines: the passes run where the data are, in a cluster or a database; the numbers come out as if they were here."""
