# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole world in one process: emulated Windows, a DNS zone, a virtual clock, and faults at chosen requests.

The collection's real code runs against emulated Windows' real core; only sockets, processes and the passing of time
are left out. The same seed replays the same run to the last byte.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import typing as t
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

import dns.message
import dns.rcode
import dns.rrset
from personas import HOST_KEYS

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._world import GssContext, KerberosTrouble, NoAnswer
from emulated_windows.clock import VirtualClock
from emulated_windows.core import Authority, EmulatedHost, HostOptions
from emulated_windows.dns_server import Responder
from emulated_windows.dns_zone import Zone
from emulated_windows.dns_zones import Zones
from emulated_windows.rpc_listener import Malformed, answer_bind

PERSONA = "server-2003-sp2-x86"
ZONE = "corp.example"
HOST_KEY = HOST_KEYS["server_2008_r2_c"]
OLDER_KEY = HOST_KEYS["server_2008_c"]
"""A host key of the generation before, for Server 2008 and Vista clients."""
OFFICE_KEY, MAK = f"{HOST_KEY[:-1]}K", f"{HOST_KEY[:-1]}M"
"""A host key for Office 2016 and a Multiple Activation Key, which no rollout wishes."""
FOREIGN = f"_vlmcs._tcp.{ZONE}"
DIALS_MET: dict[str, set[str]] = defaultdict(set)
"""Every setting of every dial that a converged rollout has met, on whichever persona; filled by the tests."""
_MESSAGE_ID = re.compile(rb"<(\w+:)?MessageID[ >].*?</(\w+:)?MessageID>", re.DOTALL)
_OUTPUT = ("shell", "receive")
_ROUND_TRIP = 0.02  # seconds a request takes
_NUMBERS = itertools.count()
_READ_MARGIN = 10.0  # as long as the real adapter waits beyond the operation's time-out


Fault = str | Callable[[], None]
"""drop, lost, kill or kill_after; or what happens elsewhere just before the request is sent."""


class Killed(BaseException):
    """The controller dies here: no handler of the collection may run after it."""


@dataclasses.dataclass
class Exchange:
    """One request as the host saw it."""

    operation: str
    resource: str
    method: str
    mutation: bool
    question: bytes = b""
    """The whole message without its MessageID: two that are equal ask the same twice, parameters included."""
    body: bytes = b""
    """What was answered."""
    by: int = 0
    """Whose request it was: a number for each controller."""
    arrived: bool = False
    """Whether the answer reached who had asked."""

    @property
    def words(self) -> list[str]:
        """As the lists of reads write it."""
        return [self.operation, self.resource, self.method]


@dataclasses.dataclass
class Surroundings:
    """What outlives a controller: host, zone, clock, audit log. `ahead`: seconds by which the controllers' clock is."""

    clock: VirtualClock
    machine: EmulatedHost
    zone: Zone
    responder: Responder
    authority: Authority
    ahead: float = 0.0
    more_zones: tuple[Zone, ...] = ()
    """Served by the same DNS server."""
    exchanges: list[Exchange] = dataclasses.field(default_factory=list)
    audited: list[tuple[int, dict[str, t.Any]]] = dataclasses.field(default_factory=list)
    """The lines of the audit log, each with the number of exchanges there had been."""

    def unaudited(self) -> list[list[str]]:
        """What was changed on the host after the last line of the audit log."""
        last = self.audited[-1][0] if self.audited else 0
        return [one.words for one in self.exchanges[last:] if one.mutation]

    def asked_twice(self) -> list[list[str]]:
        """The questions that were sent more than once; to ask a command for more of its output is none."""
        counted = Counter(one.question for one in self.exchanges if (one.operation, one.resource) != _OUTPUT)
        return [one.words for one in self.exchanges if counted[one.question] > 1]

    def shells_made(self) -> int:
        """How many remote shells were opened."""
        return sum((one.operation, one.resource) == ("shell", "create") for one in self.exchanges)


def microsoft(*blocked: str) -> Authority:
    """An emulated Microsoft that knows all keys; these are blocked."""
    known = {key: group for group, key in HOST_KEYS.items()}
    return Authority({**known, OFFICE_KEY: "office_2016", MAK: "mak"}, blocked)


def surroundings(
    options: HostOptions,
    start: float = 1_795_000_000.0,
    authority: Authority | None = None,
    more_zones: t.Sequence[str] = (),
) -> Surroundings:
    """A host and a zone with one foreign KMS host in it. `authority`: a Microsoft that other hosts share with it."""
    clock = VirtualClock(start)
    authority = authority or microsoft()
    zone, *more = zones = [Zone(name, "127.0.0.1") for name in (ZONE, *more_zones)]
    zone.add_address(options.fqdn, "127.0.0.1")
    for one in zones:
        one.publish(one.name, f"foreign.{ZONE}", 1688)
    machine = EmulatedHost(options, clock, authority, publish=zone.publish)
    return Surroundings(clock, machine, zone, Responder(Zones(zones), None), authority, more_zones=tuple(more))


def neighbour(around: Surroundings, options: HostOptions) -> Surroundings:
    """Another host in the same zone, with the same DNS server, Microsoft and time."""
    around.zone.add_address(options.fqdn, "127.0.0.1")
    machine = EmulatedHost(options, around.clock, around.authority, publish=around.zone.publish)
    return dataclasses.replace(around, machine=machine, exchanges=[], audited=[])


def all_zones(around: Surroundings) -> tuple[Zone, ...]:
    """The zones of the DNS server."""
    return around.zone, *around.more_zones


class _Bound:
    """A connection to the KMS port: answers one bind."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._answer = b""

    def send(self, data: bytes) -> None:
        try:
            self._answer = answer_bind(data, self._port)
        except Malformed:
            self._answer = b""

    def receive(self, size: int) -> bytes:
        piece, self._answer = self._answer[:size], self._answer[size:]
        return piece

    def close(self) -> None:
        self._answer = b""


class _Resolver:
    """A resolver that asks the zone's server, over UDP."""

    peer = "DNS server 127.0.0.1"

    def __init__(self, world: SimulatedWorld, responder: Responder) -> None:
        self._world = world
        self._responder = responder

    def ask(self, name: str, rdtype: str) -> dns.rrset.RRset | None:
        self._world.sleep(_ROUND_TRIP)
        self._world.looked_up.append(name)
        answer = self._responder.answer(dns.message.make_query(name, rdtype).to_wire(), udp=True)
        message = dns.message.from_wire(answer or b"")
        if message.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise Failure(f"{self.peer} could not tell {name}", name="dns_not_told")
        return message.answer[0] if message.answer else None


class SimulatedWorld:
    """One controller's doors. `faults` names what happens at which request; at -1, -2, ...: at which DNS message."""

    operation_timeout = 60.0
    encrypted = True

    def __init__(
        self, around: Surroundings, files: Mapping[str, str], faults: Mapping[int, Fault] | None = None
    ) -> None:
        self.host = around.machine.options.name
        self._around = around
        self._files = files
        self._faults = dict(faults or {})
        self.number = next(_NUMBERS)
        self.requests = self.messages = 0
        self.met: list[str] = []
        self.unanswered: list[bytes] = []
        """Requests to the host that got no answer, whether they arrived or not."""
        self.looked_up: list[str] = []

    def send(self, message: bytes, *, timeout: float) -> tuple[int, bytes]:
        try:
            return self._sent(message, timeout)
        except NoAnswer:
            self.unanswered.append(message)
            raise

    def _sent(self, message: bytes, timeout: float) -> tuple[int, bytes]:
        machine = self._around.machine
        self.requests += 1
        self.sleep(_ROUND_TRIP)
        fault = self._meet(self.requests)
        if not machine.reachable():
            raise NoAnswer("the connection was refused", sent=False)
        if fault == "drop":
            raise NoAnswer("the connection was reset")
        reply = machine.handle(message, user="Administrator", encrypted=True)
        event = reply.event
        question = _MESSAGE_ID.sub(b"", message)
        exchange = Exchange(
            event.operation, event.resource, event.method, event.mutation, question, reply.body, self.number
        )
        self._around.exchanges.append(exchange)
        if fault == "kill_after":
            raise Killed
        if reply.delay > timeout + _READ_MARGIN:
            self.sleep(timeout + _READ_MARGIN)
            raise NoAnswer("no answer within the time-out")
        self.sleep(reply.delay)
        if reply.drop or fault == "lost":
            raise NoAnswer("the connection was closed without an answer")
        exchange.arrived = True
        return reply.status, reply.body

    def _meet(self, number: int) -> Fault | None:
        """What goes wrong at this request, or message; what has to happen before it has happened."""
        fault = self._faults.get(number)
        if callable(fault):
            fault()
        elif fault is not None:
            self.met.append(fault)
        if fault == "kill":
            raise Killed
        return fault

    def disconnect(self) -> None:
        return None

    def exchange(self, message: bytes, server: str, port: int, *, timeout: float) -> bytes:
        self.messages += 1
        self.sleep(_ROUND_TRIP)
        fault = self._meet(-self.messages)
        if fault == "drop":
            raise NoAnswer("the connection was reset")
        answer = self._around.responder.answer(message, udp=False)
        if fault == "kill_after":
            raise Killed
        if answer is None or fault == "lost":
            raise NoAnswer("closed")
        return answer

    def gss(self, host: str, principal: str, password: Secret | None, keytab: str) -> GssContext:
        raise KerberosTrouble("kdc_unreachable")

    def resolve(self, name: str) -> list[str]:
        return ["127.0.0.1"]

    def resolver(self, servers: t.Sequence[str], port: int, timeout: float) -> _Resolver:
        return _Resolver(self, self._around.responder)

    def dial(self, address: str, port: int, *, timeout: float) -> _Bound:
        answer = self._around.machine.dial(port, "10.1.2.3")
        if answer == "accepted":
            return _Bound(port)
        if answer == "filtered":
            self.sleep(timeout)
            raise NoAnswer("timed out", sent=False)
        raise NoAnswer("refused", sent=False)

    def open_file(self, path: str) -> t.BinaryIO:
        return open(path, "rb")

    def list_folder(self, path: str) -> list[str]:
        return list(self._files)

    def append(self, path: str, line: str) -> None:
        if self.met[-1:] in (["kill"], ["kill_after"]):
            raise Killed
        if line:
            self._around.audited.append((len(self._around.exchanges), json.loads(line)))

    def now(self) -> float:
        return self._around.clock.now() + self._around.ahead

    def sleep(self, seconds: float) -> None:
        """Let time pass; every wait of this controller goes through here."""
        self._around.clock.advance(seconds)

    def log(self, text: str) -> None:
        return None


def publishes_itself(around: Surroundings) -> bool:
    """Whether the machine is set to publish its own record."""
    registry = around.machine.show()["registry"]
    return not any(values.get("DisableDnsPublishing") for values in registry.values())


def srv_members(zone: Zone) -> set[str]:
    """The KMS hosts published in the zone, read from the zone itself."""
    return {target for target, _port in srv_ports(zone)}


def srv_ports(zone: Zone) -> list[tuple[str, int]]:
    """Each record of a KMS host in the zone: its target and its port, in order."""
    records = [line.split() for line in zone.to_text().splitlines()]
    found = [one for one in records if "SRV" in one and one[0].startswith("_vlmcs._tcp")]
    return sorted((one[-1].rstrip(".").lower(), int(one[-2])) for one in found)
