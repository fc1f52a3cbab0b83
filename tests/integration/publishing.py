# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publications as srv_record makes them, and what other hands see of them on a real DNS server.

The doors are the controller's real ones; the witnesses are dig and nsupdate, BIND's own tools, over TCP.
"""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t

import dns_server
import kdc
from dns_server import DnsServer
from samba_server import SambaServer

from ansible_collections.activation.kms.plugins.plugin_utils._ansible.world import ControllerWorld
from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._kms.publication import (
    Publication,
    PublishWish,
    Zones,
    read_zones,
)
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Scrubber, Secret
from ansible_collections.activation.kms.plugins.plugin_utils._srv import client
from ansible_collections.activation.kms.plugins.plugin_utils._srv.gss import GssKey
from ansible_collections.activation.kms.plugins.plugin_utils._srv.members import ZoneState
from ansible_collections.activation.kms.plugins.plugin_utils._srv.tsig import TsigKey

WRONG_SECRET = "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItMTI="


def key_of(server: DnsServer, **other: str) -> TsigKey | GssKey | None:
    """The server's key, or one that differs from it in these; its user where it has one; None where it has neither."""
    principal, password = server.login
    if principal:
        return GssKey(principal, Secret(password))
    known = {"name": server.key_name, "algorithm": server.key_algorithm, "secret": server.key_secret, **other}
    return TsigKey(known["name"], known["algorithm"], Secret(known["secret"])) if known["name"] else None


def wish(server: DnsServer, target: str | None = "kms1.corp.example", **more: t.Any) -> PublishWish:
    """A wish that works, but for these."""
    zone = more.pop("zone", server.zone)
    more = {"server_port": server.port, "server_address": server.address, "key": key_of(server), **more}
    return PublishWish(zone, server.host, target, **more)


def run(wished: PublishWish, *, check: bool = False, world: ControllerWorld | None = None) -> Outcome:
    """What the module does with it, in this world or in a new one."""
    world = world or ControllerWorld("kms1", Scrubber())
    return converge(world, [Publication(wished)], {Zones: read_zones([wished])}, check=check)


def look(server: DnsServer) -> ZoneState:
    """The members as the module sees them."""
    return client.read(ControllerWorld("kms1", Scrubber()), wish(server).place)


def apply(wished: PublishWish, seen: ZoneState) -> None:
    """The update of somebody who looked a while ago."""
    client.apply(ControllerWorld("kms1", Scrubber()), wished.place, wished.aimed_at(wished.target), seen)


def records(server: DnsServer) -> list[str]:
    """What dig finds: `priority weight port target`."""
    return sorted(record for _ttl, record in _dig(server, "SRV", f"_vlmcs._tcp.{server.zone}"))


def ttls(server: DnsServer) -> set[int]:
    """The TTLs dig finds; of one record set there should be one."""
    return {ttl for ttl, _record in _dig(server, "SRV", f"_vlmcs._tcp.{server.zone}")}


def serial(server: DnsServer) -> str:
    """The zone's serial number, as dig finds it."""
    return _dig(server, "SOA", server.zone)[0][1].split()[2]


def _dig(server: DnsServer, kind: str, name: str) -> list[tuple[int, str]]:
    command = ["dig", "+tcp", "+norecurse", "+noall", "+answer", f"@{server.address}", "-p", str(server.port)]
    done = subprocess.run([*command, kind, name], capture_output=True, text=True, check=True)
    fields = [line.split(maxsplit=4) for line in done.stdout.splitlines() if line and not line.startswith(";")]
    return [(int(ttl), data) for _name, ttl, _class, found, data in fields if found == kind]


def log_in(server: DnsServer) -> None:
    """Get a ticket of the server's user, for nsupdate, into the cache its environment names."""
    principal, password = server.login
    if principal:
        variables = {**os.environ, **server.environment}
        command = [dns_server.find("kinit", kdc.PACKAGES), principal]
        subprocess.run(command, input=f"{password}\n", text=True, capture_output=True, check=True, env=variables)


def nsupdate(server: DnsServer, *lines: str) -> None:
    """Somebody else's update. Samba's DNS server signs its answer wrongly, and has done what was asked."""
    key = ["-y", f"{server.key_algorithm}:{server.key_name}:{server.key_secret}"]
    if server.login[0]:
        key = ["-g"]
    script = "\n".join([f"server {server.address} {server.port}", f"zone {server.zone}", *lines, "send", ""])
    variables = {**os.environ, **server.environment}
    done = subprocess.run(
        ["nsupdate", "-v", *key], input=script, text=True, capture_output=True, check=False, env=variables
    )
    excused = isinstance(server, SambaServer) and "tsig verify failure" in done.stderr
    assert done.returncode == 0 or excused, done.stderr


def foreign(server: DnsServer, *members: str, ttl: int = 3600) -> None:
    """Members written by somebody else: `priority weight port target`."""
    nsupdate(server, *(f"update add _vlmcs._tcp.{server.zone}. {ttl} SRV {one}" for one in members))


def clear(server: DnsServer) -> None:
    """Nobody is published any more."""
    nsupdate(server, f"update delete _vlmcs._tcp.{server.zone}. SRV")


# --- as a task. The host of the play is a Windows machine nobody can reach, and become is set: neither matters.

INVENTORY = {
    "all": {
        "hosts": {
            "localhost": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
            "kms1": {
                "ansible_connection": "winrm",
                "ansible_host": "192.0.2.1",
                "ansible_user": "nobody",
                "ansible_password": "secret",
            },
        }
    }
}


def options_of(server: DnsServer, **other: t.Any) -> dict[str, t.Any]:
    """The options of srv_record that lead to this server, and these."""
    options = {"zone": server.zone, "server": server.host, "server_address": server.address, "auth": "none"}
    options |= {"server_port": server.port, **other}
    principal, password = server.login
    if principal:
        options.update(auth="gss_tsig", principal=principal, password=password)
    elif server.key_name:
        options.update(auth="tsig", key_name=server.key_name, key_secret=server.key_secret)
    return options


def play_of(server: DnsServer, *tasks: dict[str, t.Any], **defaults: t.Any) -> dict[str, t.Any]:
    """A play of srv_record tasks that publish on this server, as Run and Estate take it."""
    return {
        "name": "Publish",
        "hosts": "kms1",
        "gather_facts": False,
        "become": True,
        "module_defaults": {"activation.kms.srv_record": options_of(server, **defaults)},
        "tasks": list(tasks),
    }
