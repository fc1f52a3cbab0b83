# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emulated Windows without sockets: bytes in, bytes out.

Knows one host as a whole. This is the only module others need; it re-exports what crosses the border.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from . import report
from .authority import Authority, Refused, confirmation_id
from .clock import Clock, VirtualClock, WallClock
from .contract import Event, HostOptions, Publish, PublishingError, Reply
from .dns_flavour import Aging
from .dns_zone import Zone
from .dns_zones import Zones
from .faults import FaultPlan, nothing, whole_number
from .machine.machine import Machine
from .machine.start import prepare
from .persona import Persona, dial_table, personas
from .wmi.licensing import FIRMWARE_KEY
from .wmi.values import Row
from .wsman.service import Service

__all__ = [
    "FIRMWARE_KEY",
    "Aging",
    "Authority",
    "Clock",
    "EmulatedHost",
    "Event",
    "HostOptions",
    "Persona",
    "Publish",
    "PublishingError",
    "Refused",
    "Reply",
    "VirtualClock",
    "WallClock",
    "Zone",
    "Zones",
    "confirmation_id",
    "dial_table",
    "personas",
]


class EmulatedHost:
    """One emulated Windows host."""

    def __init__(
        self,
        options: HostOptions,
        clock: Clock,
        authority: Authority,
        *,
        publish: Publish | None = None,
        zones: Iterable[Zone] | Zones = (),
    ) -> None:
        """`publish` is called when the licensing service publishes its own SRV record, `Zone.publish` for instance; an
        OSError of it (a PublishingError says why) is a failed publication. `zones`: those the host is the Microsoft DNS
        server of, if `options.dns_server`. ValueError, with a sentence, for options that make no sense."""
        self.options = options
        served = zones if isinstance(zones, Zones) else Zones(zones)
        self.machine = Machine(options, clock, authority, publish, served)
        if isinstance(clock, VirtualClock):
            clock.wakes(self.machine.schedule)
        prepare(self.machine)
        self._service = Service(self.machine)

    @property
    def dials(self) -> dict[str, str]:
        """The settings in force."""
        return self.machine.dials

    @property
    def clock_offset(self) -> float:
        """Seconds by which its own clock is ahead of the true time."""
        return self.machine.clock_offset

    # -- the wire ------------------------------------------------------------------------------------------------

    def handle(self, body: bytes, *, user: str, encrypted: bool, anonymous: bool = False) -> Reply:
        """Answer one WS-Management request. `encrypted`: sealed by the message or by TLS."""
        return self._service.handle(body, user=user, encrypted=encrypted, anonymous=anonymous)

    def reachable(self) -> bool:
        """Does WinRM accept connections now?"""
        self.machine.schedule.settle()
        return self.machine.answers()

    def dial(self, port: int, remote: str) -> str:
        """What a TCP connection to this port from this address meets: refused, filtered or accepted."""
        machine = self.machine
        machine.schedule.settle()
        if machine.power.state == "down" or machine.faults.no_kms_answer:
            return "filtered"
        if not machine.lets_in(port, remote):
            return "filtered"
        return "accepted" if machine.licensing.listening_port() == port else "refused"

    def kms_port(self) -> int | None:
        """The port the licensing service listens on now."""
        self.machine.schedule.settle()
        return None if self.machine.power.state == "down" else self.machine.licensing.listening_port()

    def wake_at(self) -> float | None:
        """When something next changes by itself."""
        self.machine.schedule.settle()
        return self.machine.schedule.next_time()

    # -- looking and meddling ------------------------------------------------------------------------------------

    def show(self) -> dict[str, Any]:
        """The state as JSON-able data."""
        self.machine.schedule.settle()
        return report.show(self.machine)

    def class_sources(self) -> dict[str, str]:
        """How we know the members of each WMI class: recording, dump, document or assumed."""
        return self._service.context.catalogue.sources()

    def load_class(self, name: str, rows: Sequence[Row], namespace: str = "root/cimv2") -> None:
        """Put a class made of given rows in the place of a modelled one. For comparing shapes with recordings."""
        self._service.context.catalogue.load(name, rows, namespace)

    def take_transport_fault(self) -> str | None:
        """Asked once for each HTTP request before `handle`: None, drop, drop-after, hang, hang-after,
        stale or reset."""
        return self.machine.faults.transport()

    def change_hardware(self) -> None:
        """The machine wakes up on other hardware: a virtual machine that was moved, a new mainboard."""
        self.machine.schedule.settle()
        self.machine.licensing.change_hardware()

    def inject(self, kind: str, args: Sequence[str]) -> None:
        """Make something go wrong. ValueError, with a sentence, for a fault that does not exist."""
        machine = self.machine
        machine.schedule.settle()
        if kind == "clear":
            nothing(kind, args)
            machine.faults = FaultPlan()
            machine.disk.fill(None)
            machine.power.slow_boot, machine.power.flaps = 0.0, 0
        elif kind == "disk-full":
            machine.disk.fill(whole_number(kind, args, 0))
        elif kind == "slow-boot":
            machine.power.slow_boot = float(whole_number(kind, args))
        elif kind == "flap":
            machine.power.flaps = whole_number(kind, args)
        elif kind == "service-stopped":
            service = machine.services.get(args[0]) if len(args) == 1 else None
            if service is None:
                raise ValueError(f"fault {kind} takes the name of a service of this machine")
            machine.services.stopped(service)
        elif kind == "hardware-changed":
            nothing(kind, args)
            self.change_hardware()
        else:
            machine.faults.plan(kind, args)
