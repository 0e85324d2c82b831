"""Derived: columns that are made of others, under names that say of which: days of dates, and what other rows hold."""
