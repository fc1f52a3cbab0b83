# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of the benchmarks have in common when they tell what they found: bars, tables, JSON, comparison.

Knows how figures are shown and kept. Refuses to know what was measured, and what is good enough.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Bar:
    """Something that must hold."""

    text: str
    found: str
    met: bool


@dataclass(frozen=True)
class Section:
    """What one part found.

    Attributes:
        about: what it was measured on and how.
        figures: everything measured, for the JSON file.
        lines: the same for people.
        comparable: the figures that mean the same on every machine and on another day.
        bars: what must hold.
    """

    about: Mapping[str, Any]
    figures: Mapping[str, Any]
    lines: Sequence[str]
    comparable: Mapping[str, float]
    bars: Sequence[Bar]

    @property
    def met(self) -> bool:
        """Whether everything holds."""
        return all(bar.met for bar in self.bars)

    def as_data(self) -> dict[str, Any]:
        """For the JSON file."""
        bars = [dataclasses.asdict(bar) for bar in self.bars]
        return {"about": self.about, **self.figures, "comparable": self.comparable, "bars": bars}

    def table(self) -> str:
        """For people."""
        about = [f"{name}: {value}" for name, value in self.about.items()]
        bars = [f"{'met    ' if bar.met else 'NOT MET'}  {bar.text}: {bar.found}" for bar in self.bars]
        return "\n".join([*about, "", *self.lines, "", *bars])

    def comparison(self, before: Mapping[str, float]) -> str:
        """Beside the figures of an earlier run."""
        rows = [["", "before", "now"]]
        for name, figure in self.comparable.items():
            earlier = before.get(name)
            rows.append([name, "-" if earlier is None else f"{earlier:.12g}", f"{figure:.12g}"])
        return "\n".join(aligned(rows))


def rounded(figures: Mapping[str, float]) -> dict[str, float]:
    """Two digits behind the point are enough to compare."""
    return {name: round(figure, 2) for name, figure in figures.items()}


def milliseconds(seconds: float) -> str:
    """A short time, for people."""
    return f"{seconds * 1000:.1f} ms"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right."""
    first, *others = ([len(text) for text in column] for column in zip(*rows, strict=True))
    widths = [max(column) + 2 for column in others]
    return [
        row[0].ljust(max(first)) + "".join(text.rjust(width) for text, width in zip(row[1:], widths, strict=True))
        for row in rows
    ]
