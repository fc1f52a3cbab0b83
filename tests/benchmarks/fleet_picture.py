# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small chart of lines as SVG, readable on a light and on a dark page.

Knows points and axes. Refuses to know what they mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 20, 50  # around the axes; the names of the lines stand on the right
COLOURS = ("#7f7f7f", "#2a9d3f", "#a05fc0", "#3878c7", "#d1622b")
LICENCE = (
    "<!-- Copyright (c) activation.kms contributors -->\n"
    "<!-- GNU General Public License v3.0+"
    " (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt) -->\n"
    "<!-- SPDX-License"  # in two: `reuse` would read it as this file's own
    "-Identifier: GPL-3.0-or-later -->"
)


@dataclass(frozen=True)
class Line:
    """One line, its points from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class _Scale:
    """From what is shown to the picture's own units, both axes from zero."""

    most_x: float
    most_y: float

    def x(self, value: float) -> float:
        return round(LEFT + value / self.most_x * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - value / self.most_y * (HEIGHT - TOP - BOTTOM), 1)


def picture(lines: Sequence[Line], across: str, upwards: str) -> str:
    """The chart; `across` and `upwards` name the axes."""
    points = [point for line in lines for point in line.points]
    scale = _Scale(max(point[0] for point in points), _round_up(max(point[1] for point in points)))
    marks = sorted({point[0] for point in points})
    body = [*_axes(scale, marks, across, upwards), *_drawn(lines, scale)]
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    return "\n".join([LICENCE, head, *body, "</svg>"]) + "\n"


def _axes(scale: _Scale, marks: Sequence[float], across: str, upwards: str) -> Iterator[str]:
    end, middle = scale.x(scale.most_x), HEIGHT / 2
    for part in range(5):
        value = scale.most_y * part / 4
        height = scale.y(value)
        yield f'<line x1="{LEFT}" y1="{height}" x2="{end}" y2="{height}" stroke="#9994" />'
        yield _text(LEFT - 8, height + 4, f"{value:g}", "end")
    for mark in marks:
        yield _text(scale.x(mark), HEIGHT - BOTTOM + 18, f"{mark:g}", "middle")
    yield _text(end / 2 + LEFT / 2, HEIGHT - 10, across, "middle")
    yield _text(16, middle, upwards, "middle", f' transform="rotate(-90 16 {middle:g})"')


def _drawn(lines: Sequence[Line], scale: _Scale) -> Iterator[str]:
    free = float(HEIGHT)
    colours = dict(zip((line.name for line in lines), COLOURS, strict=True))
    for line in sorted(lines, key=lambda line: line.points[-1][1]):
        colour = colours[line.name]
        path = " ".join(f"{scale.x(x)},{scale.y(y)}" for x, y in line.points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5" />'
        for x, y in line.points:
            yield f'<circle cx="{scale.x(x)}" cy="{scale.y(y)}" r="3.5" fill="{colour}" />'
        x, y = line.points[-1]
        free = min(free - 16, scale.y(y) + 4)  # names do not lie upon one another
        yield _text(scale.x(x) + 10, free, line.name, "start", colour=colour)


def _text(x: float, y: float, text: str, anchor: str, more: str = "", colour: str = "#888") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}"{more}>{escape(text)}</text>'


def _round_up(value: float) -> float:
    """The next 1, 2, 4 or 8 with zeros behind it."""
    power = float(10 ** math.floor(math.log10(value)))
    return next(step * power for step in (1, 2, 4, 8, 10) if step * power >= value)
