# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a private PowerDNS Authoritative Server with one zone in SQLite; one TSIG key may change the whole of it.

A policy in Lua can limit the key to names and types. A second key is known to the server and allowed nothing. Needs no
root: everything lies in one folder, the port is above 1024, the address is loopback.

    powerdns_server.py start FOLDER [--zone corp.example] [--port 5301]
    powerdns_server.py stop FOLDER
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dns_server
from dns_server import CannotStart, DnsServer

PACKAGES = "pdns-server pdns-backend-sqlite3"
SCHEMAS = (
    Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"),  # Debian and Ubuntu
    Path("/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql"),
)

CONFIGURATION = """
launch=gsqlite3
gsqlite3-database={folder}/pdns.sqlite3
local-address={address}
local-port={port}
socket-dir={folder}
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
receiver-threads=1
distributor-threads=1
guardian=no
daemon=no
disable-syslog=yes
log-timestamp=no
query-cache-ttl=0
cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
"""


@dataclass(frozen=True)
class PowerDnsServer(DnsServer):
    """A running PowerDNS.

    Attributes:
        idle_key_name: a key with the same secret that is allowed nothing.
    """

    idle_key_name: str = "kms-idle"


def start(folder: Path, zone: str = "corp.example", port: int = 0, policy: str = "") -> PowerDnsServer:
    """Start a server in an empty or new folder; port 0 takes a free one, `policy` is a program in Lua that it asks.

    Raises:
        CannotStart: there is no PowerDNS here, or it does not answer.
    """
    folder = dns_server.new_folder(folder)
    program = dns_server.private_copy(dns_server.find("pdns_server", PACKAGES), folder)
    server = PowerDnsServer(
        str(folder),
        dns_server.ADDRESS,
        port or dns_server.free_port(),
        zone,
        f"ns1.{zone}",
        key_secret=dns_server.new_secret(),
    )
    settings = CONFIGURATION.format(**vars(server))
    if policy:
        (folder / "policy.lua").write_text(policy, encoding="utf-8")
        settings += f"lua-dnsupdate-policy-script={folder}/policy.lua\n"
    (folder / "pdns.conf").write_text(settings, encoding="utf-8")
    _fill(server)
    command = [program, f"--config-dir={folder}"]
    dns_server.launch(folder, server.log, command, lambda: dns_server.serves_zone(server))
    return server


def stop(folder: Path) -> None:
    """End the server of this folder, if it runs."""
    dns_server.stop(folder)


def _fill(server: PowerDnsServer) -> None:
    """The zone, its records and its keys, as rows: pdnsutil does the same, one process a row."""
    schema = next((path for path in SCHEMAS if path.is_file()), None)
    if schema is None:
        raise CannotStart(f"PowerDNS has no SQLite tables to begin with; apt-get install {PACKAGES}")
    soa = f"{server.host} hostmaster.{server.zone} 1 3600 900 604800 300"
    records = [(server.zone, "SOA", soa), (server.zone, "NS", server.host), (server.host, "A", server.address)]
    keys = [(name, server.key_algorithm, server.key_secret) for name in (server.key_name, server.idle_key_name)]
    database = sqlite3.connect(f"{server.folder}/pdns.sqlite3")
    database.executescript(schema.read_text(encoding="utf-8"))
    database.execute("INSERT INTO domains (id, name, type) VALUES (1, ?, 'NATIVE')", [server.zone])
    database.executemany("INSERT INTO records (domain_id, name, type, content, ttl) VALUES (1, ?, ?, ?, 3600)", records)
    database.executemany("INSERT INTO tsigkeys (name, algorithm, secret) VALUES (?, ?, ?)", keys)
    database.execute(
        "INSERT INTO domainmetadata (domain_id, kind, content) VALUES (1, 'TSIG-ALLOW-DNSUPDATE', ?)", [server.key_name]
    )
    database.commit()
    database.close()


def main(arguments: Sequence[str]) -> int:
    return dns_server.command_line(
        "PowerDNS",
        lambda chosen: start(chosen.folder, chosen.zone, chosen.port),
        stop,
        {"zone": "corp.example", "port": 0},
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
