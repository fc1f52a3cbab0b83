# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a private Knot DNS with one zone; a TSIG key may change SRV records at `_vlmcs._tcp` and nothing else.

Needs no root: everything lies in one folder, the port is above 1024, the address is loopback.

    knot_server.py start FOLDER [--zone corp.example] [--port 5301]
    knot_server.py stop FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import dns_server
from dns_server import DnsServer

PACKAGES = "knot"

CONFIGURATION = """
server:
    rundir: "{folder}"
    listen: {address}@{port}
    udp-workers: 1
    tcp-workers: 2
    background-workers: 1
database:
    storage: "{folder}"
log:
  - target: stdout
    any: info
key:
  - id: {key_name}
    algorithm: {key_algorithm}
    secret: "{key_secret}"
{rule}
zone:
  - domain: {zone}
    storage: "{folder}"
    file: zone.db
    acl: kms
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
"""

# The owner is relative to the zone (Knot DNS, "Access control list").
RULE = """
acl:
  - id: kms
    action: update
    key: {key_name}
    update-type: SRV
    update-owner: name
    update-owner-match: equal
    update-owner-name: _vlmcs._tcp
"""

ZONE = """$TTL 3600
@ IN SOA {host}. hostmaster.{zone}. 1 3600 900 604800 300
@ IN NS {host}.
{host}. IN A {address}
"""


def start(folder: Path, zone: str = "corp.example", port: int = 0, rule: str = "") -> DnsServer:
    """Start a server in an empty or new folder; port 0 takes a free one, `rule` is an access rule `kms` of its own.

    Raises:
        CannotStart: there is no Knot here, or it does not answer.
    """
    folder = dns_server.new_folder(folder)
    program = dns_server.private_copy(dns_server.find("knotd", PACKAGES), folder)
    server = DnsServer(
        str(folder),
        dns_server.ADDRESS,
        port or dns_server.free_port(),
        zone,
        f"ns1.{zone}",
        key_secret=dns_server.new_secret(),
    )
    rule = rule or RULE.format(**vars(server))
    (folder / "knot.conf").write_text(CONFIGURATION.format(**vars(server), rule=rule), encoding="utf-8")
    (folder / "zone.db").write_text(ZONE.format(**vars(server)), encoding="utf-8")
    command = [program, "--config", str(folder / "knot.conf")]
    dns_server.launch(folder, server.log, command, lambda: dns_server.serves_zone(server))
    return server


def stop(folder: Path) -> None:
    """End the server of this folder, if it runs."""
    dns_server.stop(folder)


def main(arguments: Sequence[str]) -> int:
    return dns_server.command_line(
        "Knot DNS",
        lambda chosen: start(chosen.folder, chosen.zone, chosen.port),
        stop,
        {"zone": "corp.example", "port": 0},
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
