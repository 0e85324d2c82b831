"""Script: a run as plain code that anyone can paste, and that gives the same weights without bestline."""

from bestline.export.script.dialects import STYLES as STYLES
from bestline.export.script.write import script as script
