"""Marks: what a picture shows, as plain numbers. A picture has panels, a panel has marks.

Nothing here knows a drawing library or a tensor, so anything that can draw points and lines can draw a Picture, and anybody
can read its numbers back: `picture.table()`. A mark says what it means (its role), never its colour; colours are the
renderer's business.
"""

from bestline.pictures.marks.counts import Bins as Bins
from bestline.pictures.marks.counts import Hexagons as Hexagons
from bestline.pictures.marks.counts import Outside as Outside
from bestline.pictures.marks.panels import Mark as Mark
from bestline.pictures.marks.panels import Panel as Panel
from bestline.pictures.marks.panels import Picture as Picture
from bestline.pictures.marks.roles import ROLES as ROLES
from bestline.pictures.marks.roles import RUNS as RUNS
from bestline.pictures.marks.roles import Cell as Cell
from bestline.pictures.marks.roles import Grid as Grid
from bestline.pictures.marks.roles import Numbers as Numbers
from bestline.pictures.marks.roles import held_out_role as held_out_role
from bestline.pictures.marks.roles import numbers as numbers
from bestline.pictures.marks.roles import run_role as run_role
from bestline.pictures.marks.shapes import Arrow as Arrow
from bestline.pictures.marks.shapes import Band as Band
from bestline.pictures.marks.shapes import Contours as Contours
from bestline.pictures.marks.shapes import Horizontal as Horizontal
from bestline.pictures.marks.shapes import Intervals as Intervals
from bestline.pictures.marks.shapes import Line as Line
from bestline.pictures.marks.shapes import Mesh as Mesh
from bestline.pictures.marks.shapes import Names as Names
from bestline.pictures.marks.shapes import Path as Path
from bestline.pictures.marks.shapes import Points as Points
from bestline.pictures.marks.shapes import Table as Table
from bestline.pictures.marks.shapes import Text as Text
from bestline.pictures.marks.shapes import Vertical as Vertical
