# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a private BIND 9 with one zone, the way a careful administrator would let KMS hosts publish in it.

One TSIG key may change SRV records at `_vlmcs._tcp` and nothing else (BIND 9 ARM, "Dynamic Update Policies"). With a
realm the same is granted to a principal of a private Kerberos realm, and to the hosts of that realm (GSS-TSIG, RFC
3645). Needs no root: everything lies in one folder, the port is above 1024, the address is loopback.

    bind_server.py start FOLDER [--zone corp.example] [--port 5301] [--realm CORP.EXAMPLE]
    bind_server.py stop FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dns_server
import kdc
from dns_server import CannotStart, DnsServer
from kdc import Kdc

__all__ = ["BindServer", "CannotStart", "resolver", "start", "stop"]

PACKAGES = "bind9 bind9-dnsutils bind9-utils"
KEYTAB = "dns.keytab"

OPTIONS = """
options {{
    directory "{folder}";
    pid-file "{folder}/named.pid";
    session-keyfile "{folder}/session.key";
    listen-on port {port} {{ {address}; }};
    listen-on-v6 {{ none; }};
    dnssec-validation no;
    {more}
}};
controls {{ }};
"""

PRIMARY = """
key "{key_name}" {{ algorithm {key_algorithm}; secret "{key_secret}"; }};
zone "{zone}" {{
    type primary;
    file "zone.db";
    notify no;
    allow-transfer {{ key "{key_name}"; }};
    {policy}
}};
"""

POLICY = "update-policy {{ grant {key_name} name _vlmcs._tcp.{zone} SRV; {grants} }};"

# Beside one exact principal the hosts themselves, by the principals of MIT's and of Active Directory's kind.
GRANTS = """
        grant {user} name _vlmcs._tcp.{zone}. SRV;
        grant {realm} krb5-subdomain _tcp.{zone}. SRV;
        grant {realm} ms-subdomain _tcp.{zone}. SRV;
"""

ZONE = """$TTL 3600
@ IN SOA {host}. hostmaster.{zone}. ( 1 3600 900 604800 300 )
@ IN NS {host}.
{host}. IN A {address}
"""


@dataclass(frozen=True)
class BindServer(DnsServer):
    """A running BIND.

    Attributes:
        kdc: whose tickets it takes, or None; kdc.user may change SRV records.
    """

    kdc: Kdc | None = None

    @property
    def login(self) -> tuple[str, str]:
        """The user of its realm."""
        return (self.kdc.user, self.kdc.password) if self.kdc else ("", "")

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that lead to its realm."""
        return self.kdc.environment if self.kdc else {}


def start(
    folder: Path,
    zone: str = "corp.example",
    port: int = 0,
    realm: str = "",
    records: str = "",
    domains: Sequence[str] = (),
    policy: str = "",
) -> BindServer:
    """Start a server in an empty or new folder; port 0 takes a free one, a realm gets a KDC of its own.

    `records` are more lines of the zone file, `domains` labels below the zone, where the key may publish as well.
    `policy` is a statement of its own about who may change what, instead of all of that.

    Raises:
        CannotStart: there is no BIND here, or it does not answer.
    """
    folder = dns_server.new_folder(folder)
    centre = kdc.start(folder / "kdc", realm) if realm else None
    server = BindServer(
        str(folder),
        dns_server.ADDRESS,
        port or dns_server.free_port(),
        zone,
        f"ns1.{zone}",
        key_secret=dns_server.new_secret(),
        kdc=centre,
    )
    more = "recursion no;"
    grants = "".join(f"grant {server.key_name} name _vlmcs._tcp.{domain}.{zone} SRV;\n" for domain in domains)
    if centre is not None:
        centre.add(f"DNS/{server.host}")
        centre.write_keytab(f"DNS/{server.host}", folder / KEYTAB)
        more += f' tkey-gssapi-keytab "{folder}/{KEYTAB}";'
        grants += GRANTS.format(user=centre.user, realm=centre.realm, zone=zone)
    policy = policy or POLICY.format(**vars(server), grants=grants)
    values = {**vars(server), "more": more, "policy": policy}
    (folder / "zone.db").write_text(ZONE.format(**values) + records, encoding="utf-8")
    _launch(server, (OPTIONS + PRIMARY).format(**values), lambda: dns_server.serves_zone(server))
    return server


def resolver(folder: Path, primary: DnsServer) -> BindServer:
    """Start a BIND that holds no zone, and asks `primary` for everything. Raises CannotStart."""
    folder = dns_server.new_folder(folder)
    server = BindServer(str(folder), dns_server.ADDRESS, dns_server.free_port(), primary.zone, primary.host)
    forward = f"recursion yes; forward only; forwarders {{ {primary.address} port {primary.port}; }};"
    _launch(
        server, OPTIONS.format(**vars(server), more=forward), lambda: dns_server.accepts(server.address, server.port)
    )
    return server


def stop(folder: Path) -> None:
    """End the server of this folder, and its KDC, where they run."""
    dns_server.stop(folder)
    kdc.stop(folder / "kdc")


def _launch(server: BindServer, configuration: str, answers: Callable[[], bool]) -> None:
    folder = Path(server.folder)
    program = dns_server.private_copy(dns_server.find("named", PACKAGES), folder)
    (folder / "named.conf").write_text(configuration, encoding="utf-8")
    dns_server.launch(
        folder,
        server.log,
        [program, "-c", str(folder / "named.conf"), "-n", "1", "-g"],
        answers,
        environment=server.environment,
    )


def main(arguments: Sequence[str]) -> int:
    return dns_server.command_line(
        "BIND 9",
        lambda chosen: start(chosen.folder, chosen.zone, chosen.port, chosen.realm),
        stop,
        {"zone": "corp.example", "port": 0, "realm": ""},
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
