# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the latest figures of the fleets into the documentation: tables in guide_fleet.rst, and a picture of the growth.

Knows .build/bench/latest.json and where the documentation has its place for figures. Invents none: what was not
measured is not shown.

    make bench-docs
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from build_tree import BUILD, ROOT
from fleet_picture import Line, picture

RESULT = BUILD / "bench" / "latest.json"
GUIDE = ROOT / "docs" / "docsite" / "rst" / "guide_fleet.rst"
PICTURE = ROOT / "docs" / "images" / "fleet_growth.svg"
PICTURE_LINES = """\
.. image:: https://raw.githubusercontent.com/activation-kms/activation.kms/main/docs/images/fleet_growth.svg
   :alt: CPU of the controller for one look at all hosts, by the number of hosts
"""
BEGIN, END = ".. Figures of make bench-docs begin here.\n", ".. Figures of make bench-docs end here.\n"
WAYS = {
    "floor": "``debug``, which does nothing",
    "options": "``debug`` with the options of ``host``, their templates filled in",
    "host": "``activation.kms.host``",
    "role": "the same with the role ``kms_host``",
    "modules": "the same with a module for each part",
    "raw": "the same with ``raw``: ``slmgr.vbs``, ``netsh``, ``reg``, ``sc``",
}
TRANSPORTS = {"ntlm": "NTLM", "basic": "Basic over HTTPS", "": ""}
TEXT_WIDTH = 138
Table = list[list[str]]


def main() -> int:
    try:
        part: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8"))["fleet"]
    except (OSError, ValueError, KeyError):
        print(f"{RESULT} has no figures of fleets; run `make bench ONLY=fleet` first.", file=sys.stderr)
        return 2
    before, begin, rest = GUIDE.read_text(encoding="utf-8").partition(BEGIN)
    between, end, after = rest.partition(END)
    if not (begin and end):
        print(
            f"{GUIDE} has lost the place for figures, between `{BEGIN.strip()}` and `{END.strip()}`.", file=sys.stderr
        )
        return 2
    GUIDE.write_text(f"{before}{BEGIN}\n{_text(part)}\n{END}{after}", encoding="utf-8")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(
        picture(list(_growth(part["fleets"])), "hosts", "CPU seconds of the controller"), encoding="utf-8"
    )
    return 0


def _text(part: Mapping[str, Any]) -> str:
    machine, about, fleets = part["machine"], part["about"], part["fleets"]
    method = (
        f"Measured on {about['date']} (commit {machine['commit']}) with ansible-core {machine['ansible-core']}, Python"
        f" {machine['Python']} and pywinrm {about['pywinrm']} on {machine['processors']} processors, with"
        f" {about['forks']} forks; load average before it {about['load']:.1f}; personas {about['personas']}."
    )
    sizing = _rst("Duration of an in-spec run, start-up included", _sizing(fleets))
    looks = _rst(f"A look at one host of {fleets[-1]['hosts']}", _looks(fleets[-1]))
    return "\n\n".join([textwrap.fill(method, TEXT_WIDTH), sizing, looks, PICTURE_LINES])


def _sizing(fleets: Sequence[Mapping[str, Any]]) -> Table:
    delays = list(fleets[0]["wall"]["host"])
    last = delays[-1]
    others = {"role": "With the role", "raw": "With ``raw``"}
    times = [*(f"At {delay} ms" for delay in delays), *(f"{name}, at {last} ms" for name in others.values())]
    rows = [["Hosts", "Forks", *times, "Memory"]]
    for fleet in fleets:
        walls = [_duration(fleet["wall"]["host"][delay]) for delay in delays]
        walls += [_duration(fleet["wall"][way][last]) for way in others]
        rows.append([str(fleet["hosts"]), str(fleet["forks"]), *walls, f"{fleet['peak'] / 1024 / 1024:.0f} MB"])
    return rows


def _looks(fleet: Mapping[str, Any]) -> Table:
    rows = [["Way", "Transport", "HTTP requests", "KB", "CPU, x ``debug``"]]
    floor = fleet["looks"]["floor"][""]["cpu_median"]
    for way, looks in fleet["looks"].items():
        for transport, look in looks.items():
            seen = look["traffic"]
            traffic = ["", ""]
            if seen:
                size = (seen["bytes_in"][1] + seen["bytes_out"][1]) / 1024
                traffic = [f"{seen['requests'][1]:.1f}", f"{size:.0f}"]
            ratio = f"{look['cpu_median'] / floor:.1f}" if floor > 0 else ""
            rows.append([WAYS[way], TRANSPORTS[transport], *traffic, ratio])
    return rows


def _growth(fleets: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """CPU of a look at the whole fleet, half of it over each transport, by its size."""
    names = {
        "floor": "debug",
        "host": "activation.kms.host",
        "role": "role kms_host",
        "modules": "small modules",
        "raw": "raw",
    }
    for way, name in names.items():
        points = []
        for fleet in fleets:
            looks = list(fleet["looks"][way].values())
            mean = sum(look["cpu_median"] for look in looks) / len(looks)
            points.append((float(fleet["hosts"]), fleet["hosts"] * mean))
        yield Line(name, points)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.1f} min"


def _rst(title: str, rows: Table) -> str:
    lines = [f".. list-table:: {title}", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'  -' if number else '* -'} {cell}".rstrip() for number, cell in enumerate(row)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
