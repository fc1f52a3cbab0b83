# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One emulated machine on the network: its WinRM listener, its KMS port, and what happens to each request.

Knows the order of things: path, method, login, unsealing, transport faults, the machine, the journal, the answer; and
that the listeners follow the machine. Refuses to know what a machine is: that is the core's, in bytes and back.
"""

from __future__ import annotations

import asyncio
import errno
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .auth import Accounts, Admitted, BasicGate, Challenge, Gate, Headers, NtlmGate
from .clock import Clock
from .contract import Event, Reply
from .estate import HostSettings
from .http_protocol import HttpConnection, Request, Response
from .journal import NOTHING, Journal
from .kerberos import KerberosGate, Realm
from .persona import personas
from .rpc_listener import RpcConnection
from .sealing import Opened, SealError
from .section import EstateError
from .sockets import Accepting, Filtered
from .tls import CertificateAuthority, Identity

KMS_PORT = 1688
WATCHED_PORTS = 8  # KMS ports a machine had before stay watched, so that a probe of the old port sees the firewall
CONTROLLER = "127.0.0.1"  # the source address Linux gives to every connection within 127.0.0.0/8
_PATH = "/wsman"


class Machine(Protocol):
    """What is served: one emulated machine, in-process."""

    @property
    def clock_offset(self) -> float:
        """Seconds by which its own clock is ahead of the true time."""
        ...

    def handle(self, body: bytes, *, user: str, encrypted: bool, anonymous: bool = False) -> Reply:
        """Carry out one WS-Management request."""
        ...

    def reachable(self) -> bool:
        """Does WinRM accept connections now?"""
        ...

    def dial(self, port: int, remote: str) -> str:
        """What a TCP connection from `remote` to another port meets: refused, filtered or accepted."""
        ...

    def kms_port(self) -> int | None:
        """The port the licensing service listens on now."""
        ...

    def wake_at(self) -> float | None:
        """Clock time of the next change that happens by itself."""
        ...

    def show(self) -> dict[str, Any]:
        """The state, for people."""
        ...

    def inject(self, kind: str, args: Sequence[str]) -> None:
        """Make something go wrong; ValueError with a sentence for an unknown kind."""
        ...

    def take_transport_fault(self) -> str | None:
        """The fault the next request meets on its way: None, or as `EmulatedHost` has it."""
        ...


@dataclass
class Slots:
    """A bound on connections, shared by all machines of a process."""

    free: int

    def take(self) -> bool:
        """Take a slot if there is one."""
        if self.free <= 0:
            return False
        self.free -= 1
        return True

    def give(self) -> None:
        """Give a slot back."""
        self.free += 1


@dataclass
class Surroundings:
    """What all machines of one process share."""

    clock: Clock
    journal: Journal
    accounts: Accounts
    domains: tuple[str, ...]
    slots: Slots
    certificates: CertificateAuthority | None = None
    realm: Realm | None = None


@dataclass
class HostServer:
    """Serves one machine."""

    settings: HostSettings
    machine: Machine
    around: Surroundings
    connections: set[HttpConnection] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._winrm: Accepting | None = None
        self._identity = self._made_identity()
        self.gate = self._gates()
        self._ports: dict[int, Accepting | Filtered] = {}
        self._watched: list[int] = [KMS_PORT]
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def _made_identity(self) -> Identity | None:
        settings, certificates = self.settings, self.around.certificates
        if settings.scheme != "https" or certificates is None:
            return None
        return certificates.identity([settings.fqdn, settings.name.lower()], [settings.address], settings.certificate)

    def _gates(self) -> Callable[[], Gate]:
        """Makes the login of a connection. Raises EstateError."""
        settings, around = self.settings, self.around
        if settings.transport == "basic":
            return lambda: BasicGate(around.accounts, settings.name)
        binding = None if self._identity is None else self._identity.binding
        if settings.transport == "ntlm" or around.realm is None:
            return lambda: NtlmGate((*around.domains, settings.name), binding)
        old = personas()[settings.options.persona].release.version.startswith("5.")
        keys = around.realm.keys(settings.name, settings.fqdn, old)
        return lambda: KerberosGate(keys, around.accounts.user, binding, self.machine.clock_offset)

    def open(self) -> None:
        """Begin to listen as the machine's state demands. Raises EstateError where an address cannot be had."""
        try:
            self._follow_winrm()
        except OSError as error:
            where = f"{self.settings.address}:{self.settings.port}"
            raise EstateError(f"cannot listen on {where} for {self.settings.name}: {_reason(error)}.") from None
        self.sync()

    def close(self) -> None:
        """Stop listening and drop all connections."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for port in (self._winrm, *self._ports.values()):
            if port is not None:
                port.close()
        self._winrm, self._ports = None, {}
        self.drop_connections()

    def drop_connections(self) -> None:
        """Close what is connected; answers already written are still sent."""
        for connection in list(self.connections):
            connection.drop()

    def sync(self) -> None:
        """Let the listeners follow the machine, and come back when it next changes by itself."""
        if self._closed:
            return
        try:
            self._follow_winrm()
            self._follow_kms()
        except OSError as error:
            print(f"{self.settings.name}: a port cannot be opened: {_reason(error)}", file=sys.stderr, flush=True)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wake = self.machine.wake_at()
        if wake is not None:
            delay = min(max(wake - self.around.clock.now(), 0.01), 86400.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self.sync()
        self.cut_off()

    def cut_off(self) -> None:
        """A machine that is down keeps no connection."""
        if self._winrm is None:
            self.drop_connections()

    def _follow_winrm(self) -> None:
        reachable = self.machine.reachable()
        if self._winrm is not None and not reachable:
            self._winrm.close()
            self._winrm = None
        elif self._winrm is None and reachable:
            tls = None if self._identity is None else self._identity.context
            self._winrm = Accepting(self.settings.address, self.settings.port, self._connection, tls)

    def _connection(self) -> HttpConnection:
        return HttpConnection(Exchange(self))

    def _follow_kms(self) -> None:
        listening = self.machine.kms_port()
        if listening is not None and listening not in self._watched:
            self._watched = [*self._watched, listening][-WATCHED_PORTS:]
        for port in [port for port in self._ports if port not in self._watched]:
            self._ports.pop(port).close()
        for port in self._watched:
            if port != self.settings.port:
                self._follow_port(port, port == listening)

    def _follow_port(self, port: int, listening: bool) -> None:
        state = self.machine.dial(port, CONTROLLER)
        wanted: type[Accepting] | type[Filtered] | None = None
        if state == "filtered":
            wanted = Filtered
        elif state == "accepted" and listening:
            wanted = Accepting
        present = self._ports.get(port)
        if type(present) is (wanted or type(None)):
            return
        if present is not None:
            self._ports.pop(port).close()
        if wanted is Filtered:
            self._ports[port] = Filtered(self.settings.address, port)
        elif wanted is Accepting:
            self._ports[port] = Accepting(self.settings.address, port, self._probe(port))

    def _probe(self, port: int) -> Callable[[], RpcConnection]:
        slots = self.around.slots
        return lambda: RpcConnection(port, slots.take, slots.give)


class Exchange:
    """What happens on one connection to WinRM."""

    def __init__(self, server: HostServer) -> None:
        self._server = server
        self._around = server.around
        self._settings = server.settings
        self._pending: asyncio.TimerHandle | None = None
        self._holds_slot = False
        self._gate = server.gate()

    def opened(self, connection: HttpConnection) -> bool:
        self._holds_slot = self._around.slots.take()
        if self._holds_slot:
            self._server.connections.add(connection)
        return self._holds_slot

    def lost(self, connection: HttpConnection) -> None:
        self._server.connections.discard(connection)
        if self._holds_slot:
            self._around.slots.give()
            self._holds_slot = False
        if self._pending is not None:
            self._pending.cancel()

    def unreadable(self, connection: HttpConnection, response: Response, bytes_in: int) -> None:
        self._record(NOTHING, bytes_in, response)

    def request(self, connection: HttpConnection, request: Request) -> None:
        refusal = _not_wsman(request)
        if refusal is not None:
            self._answer(connection, request, refusal)
            return
        if request.headers.get("wsmanidentify", "").lower() == "unauthenticated":
            self._carry_out(connection, request, Opened(request.body, None), (), anonymous=True)
            return
        verdict = self._gate.admit(request.headers.get("authorization"))
        if isinstance(verdict, Challenge):
            self._answer(connection, request, Response(401, headers=verdict.headers), auth_only=True)
        elif not request.body:
            self._answer(connection, request, Response(200, headers=verdict.headers), auth_only=True)
        else:
            self._opened_request(connection, request, verdict)

    def _opened_request(self, connection: HttpConnection, request: Request, verdict: Admitted) -> None:
        try:
            opened = self._gate.open(request.headers.get("content-type", ""), request.body)
        except SealError:
            self._stale(connection, request)
            return
        self._carry_out(connection, request, opened, verdict.headers)

    def _stale(self, connection: HttpConnection, request: Request) -> None:
        self._gate.forget()
        self._answer(connection, request, Response(400))

    def _carry_out(
        self, connection: HttpConnection, request: Request, opened: Opened, headers: Headers, anonymous: bool = False
    ) -> None:
        machine = self._server.machine
        fault = machine.take_transport_fault()
        if fault == "stale":
            self._stale(connection, request)
            return
        if fault in ("drop", "reset", "hang"):
            self._record(NOTHING, request.wire_size, None)
            if fault != "hang":
                connection.reset() if fault == "reset" else connection.drop()
            return
        encrypted = opened.protocol is not None or self._settings.scheme == "https" or self._settings.allow_unencrypted
        reply = self._handled(opened.body, encrypted, anonymous)
        lost = reply.drop or fault in ("drop-after", "hang-after")
        response = None if lost else self._response(reply, opened, headers)
        self._record(reply.event, request.wire_size, response)
        if reply.event.mutation or reply.event.operation == "shell":  # else the machine is what it was; time is watched
            self._server.sync()
        if fault != "hang-after":
            self._deliver(connection, response, reply.delay)

    def _handled(self, body: bytes, encrypted: bool, anonymous: bool) -> Reply:
        user = "" if anonymous else self._settings.options.user
        try:
            return self._server.machine.handle(body, user=user, encrypted=encrypted, anonymous=anonymous)
        except Exception:  # a defect of the core must show, and must not take the other machines down
            print(f"{self._settings.name}: a request failed inside emulated Windows:", file=sys.stderr)
            traceback.print_exc()
            return Reply(500, b"", Event("invalid", "", "", False))

    def _response(self, reply: Reply, opened: Opened, headers: Headers) -> Response:
        if reply.status == 401:
            return Response(401, reply.body, headers=self._gate.challenge.headers)
        if opened.protocol is None or not reply.body:
            return Response(reply.status, reply.body, headers=headers)
        content_type, sealed = self._gate.seal(reply.body, opened.protocol)
        return Response(reply.status, sealed, content_type, headers)

    def _deliver(self, connection: HttpConnection, response: Response | None, delay: float) -> None:
        def send() -> None:
            self._pending = None
            if response is None:
                connection.drop()
            else:
                connection.respond(response.wire)
            self._server.cut_off()

        if delay > 0:
            self._pending = asyncio.get_running_loop().call_later(delay, send)
        else:
            send()

    def _answer(
        self, connection: HttpConnection, request: Request, response: Response, auth_only: bool = False
    ) -> None:
        self._record(NOTHING, request.wire_size, response, auth_only)
        connection.respond(response.wire)

    def _record(self, event: Event, bytes_in: int, response: Response | None, auth_only: bool = False) -> None:
        self._around.journal.record(
            self._settings.name,
            event,
            bytes_in=bytes_in,
            bytes_out=0 if response is None else len(response.wire),
            status=None if response is None else response.status,
            auth_only=auth_only,
            dropped=response is None,
        )


def _not_wsman(request: Request) -> Response | None:
    if request.target.partition("?")[0].lower() != _PATH:
        return Response(404)
    if request.method != "POST":
        return Response(405, headers=(("Allow", "POST"),))
    return None


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the address is in use (is this estate, or another one, running already?)"
    return (error.strerror or str(error)).lower()
