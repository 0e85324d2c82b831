"""The picture of the house: every room, on its floor, with what it does. Floors are those that import-linter checks."""

from __future__ import annotations

import re
import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACE = "<!-- house -->"
WIDTH, FLOOR, ROOF = 760, 46, 70


def floors() -> list[list[str]]:
    """The rooms of each floor, the highest first; rooms of one floor do not know each other."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(one for one in told["tool"]["importlinter"]["contracts"] if one["name"] == "the rooms")
    return [re.split(r"\s*[|:]\s*", layer) for layer in contract["layers"]]


def purposes() -> dict[str, str]:
    """What each room does, as CONTRIBUTING says it."""
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \|$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {name: said for names, said in rows for name in re.findall(r"`(\w+)`", names)}


def picture() -> str:
    """The house as SVG, in the colours of the text around it."""
    rows, said = floors(), purposes()
    height = ROOF + FLOOR * len(rows) + 10
    parts = [
        f'<path d="M 10 {ROOF} L {WIDTH / 2} 8 L {WIDTH - 10} {ROOF}" fill="none" stroke="currentColor" stroke-width="2"/>'
    ]
    for number, rooms in enumerate(rows):
        top, wide = ROOF + FLOOR * number, (WIDTH - 20) / len(rooms)
        for place, room in enumerate(rooms):
            left = 10 + wide * place
            words = said[room].split(":")[0].split(";")[0].replace("`", "")
            tight = len(words) > wide / 6.4
            parts += [
                f'<rect x="{left:.0f}" y="{top}" width="{wide:.0f}" height="{FLOOR}" fill="none" stroke="currentColor"/>',
                f'<text x="{left + 12:.0f}" y="{top + 19}" font-weight="bold">{room}</text>',
                "" if tight else f'<text x="{left + 12:.0f}" y="{top + 36}" font-size="12">{escape(words)}</text>',
            ]
    label = "The house: " + "; ".join(" and ".join(rooms) for rooms in rows) + ". Each floor uses those below it."
    opened = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}" font-size="14" fill="currentColor">'
    return f"{opened}{''.join(parts)}</svg>"


def write(pages: Path) -> None:
    """Put the picture, and the table of what each room does, into the page of the design."""
    page = pages / "design.md"
    text = page.read_text(encoding="utf-8")
    rows = "\n".join(f"| `{room}` | {purposes()[room]} |" for floor in floors() for room in floor)
    page.write_text(text.replace(PLACE, f"{picture()}\n\n| Room | What it does |\n|---|---|\n{rows}"), encoding="utf-8")
