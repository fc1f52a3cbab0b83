# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of the fleets as a table and as JSON, and the bars they must clear.

Knows what is good enough there: ratios within one run, and growth from one fleet to the next. No bar is a number of
seconds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fleet_estate import TRANSPORTS
from fleet_growth import Fleet, Look
from processes import MIB
from report import Bar, Section, aligned, milliseconds, rounded

MOST_CPU = {"ntlm": 3.1, "basic": 2.4}  # times the floor
FEWER_REQUESTS, LESS_CPU = 3, 4  # than the raw way
MOST_CURVE = 1.15  # CPU a host in the largest fleet, beside that in the one before; and the same times the floor
MOST_MEMORY = 1.0  # MB by which the controller may grow with each host more
NAMES = {"ntlm": "NTLM", "basic": "Basic/HTTPS"}


def section(about: Mapping[str, Any], fleets: Sequence[Fleet]) -> Section:
    """All of it, smallest fleet first."""
    return Section(
        about=about,
        figures={"fleets": [dataclasses.asdict(fleet) for fleet in fleets]},
        lines=[line for fleet in fleets for line in (*_lines(fleet), "")],
        comparable=_comparable(fleets),
        bars=[*(bar for fleet in fleets for bar in _bars(fleet)), *_growth_bars(fleets)],
    )


def _bars(fleet: Fleet) -> Iterator[Bar]:
    """What must hold in each fleet."""
    for transport in TRANSPORTS:
        case = f"{fleet.hosts} hosts, {NAMES[transport]}"
        host, raw = fleet.looks["host"][transport], fleet.looks["raw"][transport]
        cpu = _ratio(host, fleet.floor)
        most = MOST_CPU[transport]
        yield Bar(f"{case}: host at most {most} x floor", f"{cpu:.2f}", 0 < cpu <= most)
        fewer = _requests(raw) / _requests(host)
        yield Bar(f"{case}: {FEWER_REQUESTS} x fewer requests than raw", f"{fewer:.2f}", fewer >= FEWER_REQUESTS)
        less = _ratio(raw, host)
        yield Bar(f"{case}: {LESS_CPU} x less CPU than raw", f"{less:.2f}", less >= LESS_CPU)
        changes = host.traffic.mutations if host.traffic else 0
        yield Bar(f"{case}: host sends nothing that could change a host", str(changes), changes == 0)
    yield Bar(f"{fleet.hosts} hosts: no change reported", str(int(fleet.changed)), not fleet.changed)


def _growth_bars(fleets: Sequence[Fleet]) -> Iterator[Bar]:
    """What must hold from the last but one to the largest fleet."""
    if len(fleets) < 2:
        return
    smaller, larger = fleets[-2:]
    for transport in TRANSPORTS:
        curve = _ratio(larger.looks["host"][transport], smaller.looks["host"][transport])
        floor = _ratio(larger.floor, smaller.floor)
        beside = curve / floor if floor > 0 else 0.0
        for what, times in (("CPU of host", curve), ("CPU of host, x floor", beside)):
            text = f"{NAMES[transport]}: {what}, {smaller.hosts} to {larger.hosts} hosts, at most x {MOST_CURVE}"
            yield Bar(text, f"{times:.2f}", 0 < times <= MOST_CURVE)
    grown = (larger.peak - smaller.peak) / MIB / (larger.hosts - smaller.hosts)
    text = f"controller grows by at most {MOST_MEMORY:g} MB a host, {smaller.hosts} to {larger.hosts} hosts"
    yield Bar(text, f"{grown:.2f} MB", grown <= MOST_MEMORY)


def _comparable(fleets: Sequence[Fleet]) -> dict[str, float]:
    found: dict[str, float] = {}
    for fleet in fleets:
        for way, looks in fleet.looks.items():
            for transport, look in looks.items():
                case = f"{fleet.hosts} hosts, {way}, {NAMES[transport]}" if transport else f"{fleet.hosts} hosts, {way}"
                found[f"{case}: CPU, x floor"] = _ratio(look, fleet.floor)
                if look.traffic is not None:
                    found[f"{case}: requests"] = _requests(look)
                    found[f"{case}: bytes"] = _bytes(look)
        found[f"{fleet.hosts} hosts: controller, MB"] = fleet.peak / MIB
    return rounded(found)


def _lines(fleet: Fleet) -> Iterator[str]:
    rows = [["way", "transport", "HTTP", "bytes", "CPU", "x floor", "rounds", "emulated CPU"]]
    for way, looks in fleet.looks.items():
        for transport, look in looks.items():
            traffic = ["-"] * 2 if look.traffic is None else [f"{_requests(look):.1f}", f"{_bytes(look):.0f}"]
            rounds = f"{milliseconds(min(look.cpu))} - {milliseconds(max(look.cpu))}"
            ratio = f"{_ratio(look, fleet.floor):.2f}"
            cpu = [milliseconds(look.cpu_median), ratio, rounds, milliseconds(look.server_cpu)]
            rows.append([way, NAMES.get(transport, "-"), *traffic, *cpu])
    yield f"{fleet.hosts} hosts in spec, a look at one of them:"
    yield from aligned(rows)
    delays = [f"{delay} ms" for delay in fleet.wall["host"]]
    times = [["seconds, start-up included", *delays]]
    for way, walls in fleet.wall.items():
        times.append([way, *(f"{wall:.1f}" for wall in walls.values()), *[""] * (len(delays) - len(walls))])
    yield f"A play on all {fleet.hosts} hosts with {fleet.forks} forks, by latency of the hosts' network:"
    yield from aligned(times)
    yield f"Memory of the controller, all processes: {fleet.peak / MIB:.0f} MB"


def _ratio(one: Look, other: Look) -> float:
    """CPU of one to that of another; 0 where that is too little to tell."""
    return one.cpu_median / other.cpu_median if other.cpu_median > 0 else 0.0


def _requests(look: Look) -> float:
    return look.traffic.requests[1] if look.traffic else 0.0


def _bytes(look: Look) -> float:
    return look.traffic.bytes_in[1] + look.traffic.bytes_out[1] if look.traffic else 0.0
