# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole of a machine and of its zones as flat data, to find whatever a run has touched.

Knows the insides of emulated Windows: the whole registry, all files, firewall entries, services, every record.
Refuses to know what may be touched, and why.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator

from simulated import Surroundings, all_zones

from emulated_windows.core import dial_table

Whole = dict[str, t.Any]
"""`registry\\...`, `file\\...`, `service\\...`, `firewall\\...`, `zone\\...`, `machine\\...`: what each is."""


def whole(around: Surroundings) -> Whole:
    """Everything there is. What passes by itself (times, process ids, the journal of events) is no part of it."""
    machine = around.machine.machine
    machine.schedule.settle()
    return dict([*_registry(around), *_files(around), *_rest(around), *_zones(around)])


def _registry(around: Surroundings) -> Iterator[tuple[str, t.Any]]:
    for path, key in around.machine.machine.registry.walk(""):
        yield rf"registry{path}", None
        for value in key.values.values():
            yield rf"registry{path}\{value.name}", (value.type, value.data)


def _files(around: Surroundings) -> Iterator[tuple[str, t.Any]]:
    disk = around.machine.machine.disk
    yield from ((rf"file\{path}", file.size) for path, file in disk.files.items())
    yield from ((rf"file\{path}", "folder") for path in disk.folders)


def _rest(around: Surroundings) -> Iterator[tuple[str, t.Any]]:
    machine, state = around.machine.machine, around.machine.show()
    for service in machine.services:
        yield rf"service\{service.name}", (service.mode, service.state)
    for entry in state["open_ports"]:
        yield rf"firewall\{entry['port']}\{sorted(entry.items(), key=str)}", entry
    yield from ((rf"machine\{name}", state[name]) for name in _STATE)
    yield from ((rf"hotfix\{name}", True) for name in state["hotfixes"])
    yield from ((rf"spent\{five}", number) for five, number in state["activations_spent"].items())
    for one in state["products"]:
        if one["partial_product_key"]:
            yield rf"key\{one['partial_product_key']}", (one["license_status"], one["channel"])


_STATE = ("firewall", "boot_count", "shells_open", "processes", "logons", "restart_pending", "self_publishing")


_OF_WINDOWS = tuple(map(int, dial_table("server-2022")["published_ttl"]))
"""A host that publishes itself gives its TTL to all records of the name, where a zone keeps one for the set."""


def _zones(around: Surroundings) -> Iterator[tuple[str, t.Any]]:
    for zone in all_zones(around):
        for name, rdata, held in zone.records():
            yield rf"zone\{name} {rdata}", "as Windows publishes" if held.ttl in _OF_WINDOWS else held.ttl


def touched(before: Whole, after: Whole) -> dict[str, tuple[t.Any, t.Any]]:
    """What differs, with what it was and is; None where there is nothing."""
    names = [*before, *(name for name in after if name not in before)]
    pairs = ((name, before.get(name), after.get(name)) for name in names)
    return {name: (was, now) for name, was, now in pairs if was != now or (name in before) != (name in after)}


def unexpected(found: Iterable[str], *allowed: str) -> list[str]:
    """Those that none of the patterns fits."""
    pattern = re.compile("|".join(allowed), re.IGNORECASE)
    return [name for name in found if not pattern.fullmatch(name)]
