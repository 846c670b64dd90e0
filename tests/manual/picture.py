"""Prints docs/verdict.svg: the picture of demand and service rate from the page on an example."""

from __future__ import annotations

import math
import re
import sys
from importlib.resources import files

from builders import Build, case, dependent, ledger, terms

from perfgate.report.html.callers import outlook_of
from perfgate.report.html.svg import safe

WIDTH, MARGIN, HEIGHT = 820, 24, 348
LOST = Build(capacity=math.log(1.3), saturated=math.log(1.3))
CHANGE = {"from": "2026-12-15", "what": "delegate authentication", "add_rps": 100.0}
CALLERS = ledger(
    dependent("api-gateway", 120.0),
    dependent("smtp-inbound", 60.0, attempts=3, change=[CHANGE]),
)


def page() -> str:
    """Return the picture as a file of its own: light and dark, as whoever looks at it prefers."""
    outlook = outlook_of(case(LOST, held_to=terms(ledger=CALLERS)))
    (change,) = outlook.changes
    picture = str(outlook.chart.picture).replace('"100%"', f'"{WIDTH - 2 * MARGIN}"', 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}">\n<style>\n{_style()}</style>\n'
        '<rect class="paper" width="100%" height="100%"/>\n'
        f'<svg x="{MARGIN}" y="8">{picture}</svg>\n'
        f'<text class="told" x="{MARGIN}" y="{HEIGHT - 14}">1: {safe(change)}</text>\n</svg>\n'
    )


def _style() -> str:
    """Return what the page's style says of colours and pictures."""
    css = (files("perfgate.report.html") / "page.css").read_text("utf-8")
    colours = css[: css.index("* {")]
    drawn = re.findall(r"^\.(?:plot|layer\d) .*(?:\n  .*\n\})?", css, re.MULTILINE)
    own = (
        "text { font-family: system-ui, sans-serif; font-variant-numeric: tabular-nums; }",
        ".paper { fill: var(--paper); } .told { fill: var(--soft); font-size: 12px; }",
    )
    return "\n".join([colours.rstrip("\n"), *own, *drawn]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
