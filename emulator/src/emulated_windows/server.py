# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process that serves an estate, from the first socket to the last.

Knows the order of starting and stopping, signals, and what `show`, `fault` and `confirm` ask. Refuses to know HTTP and
Windows.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dns import name

from .auth import Accounts
from .authority import Authority, Refused, confirmation_groups
from .clock import Clock, WallClock
from .control import ControlServer, state_folder, trusted_certificate
from .core import EmulatedHost
from .dns_server import DnsServer
from .dns_zones import Zones
from .estate import Estate, HostSettings
from .estate_dns import DnsSettings
from .host_server import HostServer, Slots, Surroundings
from .journal import Journal
from .kerberos import Realm
from .report import zone_data
from .section import EstateError
from .sockets import raise_file_limit
from .tls import CertificateAuthority

MAX_CONNECTIONS = 4096
_DESCRIPTORS_A_HOST = 5  # WinRM, and for a filtered KMS port two, twice while a port changes
_DESCRIPTORS_SPARE = 128


class EstateServer:
    """Serves one estate until told to stop."""

    def __init__(self, estate: Estate, journal: Path | None) -> None:
        self._estate = estate
        self._journal_path = journal
        self._stack = ExitStack()
        self._hosts: dict[str, HostServer] = {}
        self._clock = WallClock()
        self._zones = None if estate.dns is None else make_zones(estate, estate.dns, self._clock)
        self._authority = make_authority(estate)

    async def start(self) -> None:
        """Open every socket. Raises EstateError and leaves nothing open."""
        try:
            control = ControlServer(self._estate.path, self.command)
            await control.open()
            self._stack.callback(control.close)
            self._open_hosts(self._around())
            if self._zones is not None and self._estate.dns is not None:
                dns = DnsServer(self._zones, self._estate.dns.tsig, self._estate.dns.address, self._estate.dns.port)
                self._stack.callback(dns.close)
                await dns.open()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Close everything."""
        self._stack.close()

    def command(self, request: Mapping[str, Any]) -> object:
        """Carry out one command that came through the control socket."""
        kind = request.get("command")
        if kind == "dns":
            return self._show_dns(self._served_zones())
        if kind == "show" and request.get("host") is None:
            return {name: self._show(server) for name, server in self._hosts.items()}
        if kind == "confirm":
            try:
                return {"groups": confirmation_groups(self._authority.confirm(str(request["installation_id"])))}
            except Refused as refusal:
                return {"refused": str(refusal)}
        if kind == "fault" and request.get("host") is None:
            self._served_zones().inject(str(request["kind"]), [str(arg) for arg in request["args"]])
            return None
        server = self._server(str(request.get("host")))
        if kind == "show":
            return self._show(server)
        if kind == "fault":
            if request["kind"] == "stale" and server.settings.transport == "basic":
                raise ValueError(
                    f"fault stale is about sealed messages, and with Basic {server.settings.name} has none"
                )
            server.machine.inject(str(request["kind"]), [str(arg) for arg in request["args"]])
            server.sync()
            server.cut_off()
            return None
        raise ValueError(f"there is no command {kind}")

    def _show(self, server: HostServer) -> dict[str, Any]:
        server.sync()
        return server.machine.show()

    def _served_zones(self) -> Zones:
        if self._zones is None:
            raise ValueError("this estate has no embedded DNS server (key `dns`)")
        return self._zones

    def _show_dns(self, zones: Zones) -> dict[str, Any]:
        """All zones, after whatever the machines had to do by themselves."""
        for server in self._hosts.values():
            server.sync()
        return {
            "zone": "".join(zone.to_text() for zone in zones),
            "counters": dict(zones.counters()),
            "zones": [zone_data(zone) for zone in zones],
        }

    def _server(self, name: str) -> HostServer:
        for known, server in self._hosts.items():
            if name.lower() in (known.lower(), server.settings.fqdn):
                return server
        names = list(self._hosts)
        listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        raise ValueError(f"there is no host {name} in this estate; there are {listed}")

    def _around(self) -> Surroundings:
        estate = self._estate
        needed = len(estate.hosts) * _DESCRIPTORS_A_HOST + MAX_CONNECTIONS + _DESCRIPTORS_SPARE
        limit = raise_file_limit(needed)
        slots = limit - len(estate.hosts) * _DESCRIPTORS_A_HOST - _DESCRIPTORS_SPARE
        if slots < 16:
            raise EstateError(
                f"{len(estate.hosts)} hosts need about {needed} open files, the limit is {limit}; raise `ulimit -n`."
            )
        try:
            journal = Journal(self._journal_path)
        except OSError as error:
            raise EstateError(f"the journal {self._journal_path} cannot be written: {error.strerror}.") from None
        self._stack.callback(journal.close)
        domains = tuple(dict.fromkeys(name for host in estate.hosts for name in _domains(host)))
        computers = [host.name for host in estate.hosts]
        file = state_folder(estate.path) / "accounts"  # private, and replaced by the next start after a crash
        accounts = Accounts(estate.credentials.user, estate.credentials.password, [*domains, *computers], file)
        self._stack.callback(accounts.close)
        bound = Slots(min(slots, MAX_CONNECTIONS))
        return Surroundings(self._clock, journal, accounts, domains, bound, self._certificates(), self._realm())

    def _certificates(self) -> CertificateAuthority | None:
        if all(host.scheme != "https" for host in self._estate.hosts):
            return None
        file = trusted_certificate(self._estate.path)
        certificates = CertificateAuthority(file.parent)
        file.write_bytes(certificates.pem)
        self._stack.callback(file.unlink, missing_ok=True)
        return certificates

    def _realm(self) -> Realm | None:
        if self._estate.kerberos is None:
            return None
        replays = state_folder(self._estate.path) / "replays"
        self._stack.callback(replays.unlink, missing_ok=True)
        try:
            return Realm(self._estate.kerberos, replays)
        except EstateError as error:
            raise EstateError(f"{self._estate.path}: {error}") from None

    def _open_hosts(self, around: Surroundings) -> None:
        zones = self._zones or Zones(())
        publish = None if self._zones is None else zones.publish
        for settings in self._estate.hosts:
            try:
                machine = EmulatedHost(settings.options, around.clock, self._authority, publish=publish, zones=zones)
            except (ValueError, KeyError) as error:
                message = str(error.args[0] if error.args else error).rstrip(".")
                raise EstateError(f"{self._estate.path}: {settings.name}: {message}.") from None
            server = HostServer(settings, machine, around)
            self._hosts[settings.name] = server
            self._stack.callback(server.close)
            server.open()


def make_authority(estate: Estate) -> Authority:
    """The Microsoft of an estate. Raises EstateError."""
    try:
        return Authority(estate.host_keys, estate.blocked_keys)
    except ValueError as error:
        raise EstateError(f"{estate.path}: host_keys: {error}.") from None


def make_zones(estate: Estate, dns: DnsSettings, clock: Clock) -> Zones:
    """The zones at the start: SOA, NS, and an address record for each machine inside them."""
    zones = Zones(zone.zone(dns.address, clock) for zone in dns.zones)
    for host in estate.hosts:
        zone = zones.of(name.from_text(host.fqdn))
        if zone is not None:
            zone.add_address(host.fqdn, host.address)
    return zones


def _domains(host: HostSettings) -> tuple[str, ...]:
    domain = host.options.domain
    return (domain, domain.partition(".")[0])


async def serve(estate: Estate, journal: Path | None, ready_file: Path | None) -> None:
    """Serve until SIGTERM or SIGINT. `ready_file` exists exactly while everything listens."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = EstateServer(estate, journal)
    await server.start()
    try:
        if ready_file is not None:
            _write_ready(ready_file, estate)
        await stop.wait()
    finally:
        server.stop()
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
        await asyncio.sleep(0)  # closing transports finish


def _write_ready(path: Path, estate: Estate) -> None:
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(json.dumps({"pid": os.getpid(), "hosts": len(estate.hosts)}) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise EstateError(f"the ready file {path} cannot be written: {error.strerror}.") from None
