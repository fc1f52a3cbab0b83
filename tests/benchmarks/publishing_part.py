# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the benchmarks on real DNS servers: how fast KMS hosts are published, and by how many at once.

Knows which servers there are and in which order things are measured. Refuses to know how, and what is good enough (see
publishing_report.py).
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import bind_server
import dns_server
import knot_server
import powerdns_server
import publishing_crowd
import publishing_plays
import publishing_report
import publishing_speed
import samba_server
from dns_server import DnsServer
from processes import say
from report import Section


def measure(folder: Path, collections: Path, options: argparse.Namespace) -> Section:
    """All of it.

    Raises:
        CannotStart: a server or a tool is missing here.
        NotPublished, processes.CommandFailed: what is measured does not work.
    """
    with _servers(folder) as servers:
        bind = servers["BIND"]
        figures = publishing_report.Figures(
            about={
                "dnspython": version("dnspython"),
                "rounds": options.publishing_rounds,
                "rounds of plays": options.rounds,
            },
            speed=publishing_speed.measure(bind, options.publishing_rounds),
            crowds={
                name: publishing_crowd.measure(server, name, options.publishing_rounds)
                for name, server in servers.items()
            },
            plays=publishing_plays.measure(bind, folder / "plays", collections, options.rounds),
        )
    return publishing_report.section(figures)


@contextlib.contextmanager
def _servers(folder: Path) -> Iterator[Mapping[str, DnsServer]]:
    """All servers, by their names for people. Started before anything is measured, so that a missing one is told."""
    for tool in ("dig", "nsupdate"):
        dns_server.find(tool, bind_server.PACKAGES)
    with contextlib.ExitStack() as running:
        servers: dict[str, DnsServer] = {}
        for name, (start, stop) in _STARTERS.items():
            say(f"starting {name}")
            servers[name] = start(folder / name)
            running.callback(stop, folder / name)
        yield servers


def _bind(folder: Path) -> DnsServer:
    return bind_server.start(folder, domains=publishing_speed.DOMAINS)


_STARTERS: dict[str, tuple[Callable[[Path], DnsServer], Callable[[Path], None]]] = {
    "BIND": (_bind, bind_server.stop),
    "Knot": (knot_server.start, knot_server.stop),
    "PowerDNS": (powerdns_server.start, powerdns_server.stop),
    "Samba": (samba_server.start, samba_server.stop),
}
