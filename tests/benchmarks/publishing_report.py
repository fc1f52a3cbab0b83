# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of publishing on real DNS servers as a table and as JSON, and the bars they must clear.

Knows what is good enough there. Records a second are told, but no bar is made of them: the rate of one message is
compared with that of one by one in the same round.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from publishing_crowd import PUBLISHERS, Crowd
from publishing_plays import Plays
from publishing_speed import DOMAINS, MEMBERS, Speed
from publishing_world import Sent
from report import Bar, Section, aligned, milliseconds, rounded

LEAST_RATIO = 20
WAYS = {
    "batched": f"{MEMBERS} members, one message",
    "singly": f"{MEMBERS} members, one by one",
    "over_names": f"{MEMBERS * len(DOMAINS)} members, {len(DOMAINS)} names, a message each",
}


@dataclass(frozen=True)
class Figures:
    """Everything measured in one run.

    Attributes:
        about: what it was measured with and how.
        speed: on BIND, by one publisher.
        crowds: by server, many publishers at once.
        plays: on BIND, as tasks.
    """

    about: Mapping[str, Any]
    speed: Speed
    crowds: Mapping[str, Crowd]
    plays: Plays


def section(figures: Figures) -> Section:
    """All of it."""
    return Section(
        about=figures.about,
        figures=_data(figures),
        lines=[*_speed_lines(figures.speed), "", *_crowd_lines(figures), "", *_play_lines(figures.plays)],
        comparable=_comparable(figures),
        bars=list(_bars(figures)),
    )


def _data(figures: Figures) -> dict[str, Any]:
    return {
        **dataclasses.asdict(figures),
        "records_a_second": {name: round(getattr(figures.speed, name).rate, 1) for name in WAYS},
        "batched_x_singly": _ratio(figures.speed),
        "loop_x_fat": figures.plays.ratio,
    }


def _comparable(figures: Figures) -> dict[str, float]:
    found = {"publishing: one message, x rate of one by one": _ratio(figures.speed)}
    for name, text in WAYS.items():
        sent: Sent = getattr(figures.speed, name).sent
        found[f"publishing, {text}: DNS messages"] = sent.queries + sent.updates
    for name, crowd in figures.crowds.items():
        found[f"{PUBLISHERS} at once, {name}: present at least"] = _fewest(crowd)
        sent = crowd.middle.sent
        found[f"{PUBLISHERS} at once, {name}: DNS messages a publisher"] = (sent.queries + sent.updates) / PUBLISHERS
    if figures.plays.ratio is not None:
        found["publishing by tasks: CPU of the loop, x one task"] = figures.plays.ratio
    return rounded(found)


def _bars(figures: Figures) -> Iterator[Bar]:
    ratio = _ratio(figures.speed)
    text = f"BIND: {MEMBERS} members by one message at least {LEAST_RATIO} x the rate of one by one"
    yield Bar(text, f"{ratio:.1f}", ratio >= LEAST_RATIO)
    for name, wanted in (("batched", 1), ("singly", MEMBERS), ("over_names", len(DOMAINS))):
        updates = getattr(figures.speed, name).sent.updates
        yield Bar(f"BIND: {WAYS[name]}: no more updates than {wanted}", str(updates), 0 < updates <= wanted)
    for name, crowd in figures.crowds.items():
        fewest = _fewest(crowd)
        present = f"{fewest} of {PUBLISHERS}"
        yield Bar(f"{name}: all {PUBLISHERS} publishers present, in every round", present, fewest == PUBLISHERS)
        worst = f"{crowd.worst.present} of {PUBLISHERS}"
        yield Bar(f"{name}: the same where all look before anybody updates", worst, crowd.worst.present == PUBLISHERS)
        troubles = [trouble for rush in (*crowd.rushes, crowd.worst) for trouble in rush.troubles]
        yield Bar(f"{name}: no publisher failed", troubles[0] if troubles else "none", not troubles)


def _ratio(speed: Speed) -> float:
    return statistics.median(speed.ratios)


def _fewest(crowd: Crowd) -> int:
    return min(rush.present for rush in crowd.rushes)


def _speed_lines(speed: Speed) -> list[str]:
    rows = [["way", "seconds", "records a second", "queries", "updates", "connections"]]
    for name, text in WAYS.items():
        way = getattr(speed, name)
        rows.append([text, f"{statistics.median(way.seconds):.3f}", f"{way.rate:.0f}", *_sent(way.sent)])
    ends = f"{min(speed.ratios):.1f} - {max(speed.ratios):.1f}"
    last = f"One message: {_ratio(speed):.1f} times the rate of one by one (rounds {ends})"
    return ["Publishing on BIND, looks before and after included:", *aligned(rows), last]


def _crowd_lines(figures: Figures) -> list[str]:
    rows = [["server", "present", "seconds", "last began", "records a second", "queries", "updates", "connections"]]
    for name, crowd in figures.crowds.items():
        rush = crowd.middle
        times = [f"{rush.seconds:.2f}", f"{rush.latest:.2f}", f"{PUBLISHERS / rush.seconds:.0f}"]
        rows.append([name, f"{_fewest(crowd)} of {PUBLISHERS}", *times, *_sent(rush.sent)])
    return [f"{PUBLISHERS} publishers at the same moment, a process each, one member each:", *aligned(rows)]


def _play_lines(plays: Plays) -> list[str]:
    rows = [["play", "CPU", "without start-up"]]
    names = {
        "a task that does nothing": plays.nothing,
        f"one task with {MEMBERS} members": plays.fat,
        f"a loop of {MEMBERS} tasks with one member each": plays.loop,
    }
    for text, cpu in names.items():
        rows.append([text, milliseconds(statistics.median(cpu)), milliseconds(plays.beyond_start_up(cpu))])
    ratio = "too little to tell" if plays.ratio is None else f"{plays.ratio:.1f} times the one task"
    return ["Publishing by tasks on BIND, a whole play:", *aligned(rows), f"The loop, without start-up: {ratio}"]


def _sent(sent: Sent) -> list[str]:
    return [str(sent.queries), str(sent.updates), str(sent.connections)]
