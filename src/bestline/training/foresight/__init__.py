"""Foresight: what training will do, before it is done."""
