# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine: everything that WMI classes show and command lines change.

Knows its parts and what happens to all of them when it goes down and comes up. Refuses to know SOAP, WQL and cmd.exe.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable

from .. import dials as dial_module
from ..authority import Authority
from ..clock import Clock
from ..contract import HostOptions, Publish
from ..dns_zones import Zones
from ..faults import FaultPlan
from ..language import language
from ..persona import persona
from . import firewall_start
from .disk import Disk
from .dns_admin import DnsRole
from .events import EventLog
from .filters import OtherFilters
from .hardware import Hardware
from .licensing import Licensing
from .logons import Logons
from .power import Power
from .processes import Processes
from .registry import Registry
from .schedule import Schedule, Task
from .services import Services
from .updates import Updates

USUAL_BOOT_SECONDS = 120.0
LICENSING_AFTER_BOOT = (8.0, 20.0)


class Machine:
    """One emulated Windows machine."""

    def __init__(
        self, options: HostOptions, clock: Clock, authority: Authority, publish: Publish | None, zones: Zones
    ) -> None:
        self.options = options
        self.persona = persona(options.persona)
        self.language = language(options.language)
        self.dials = dial_module.turn(self.persona.dial_settings, options.dials, options.seed, options.name)
        self.authority = authority
        self.publish = publish
        self.faults = FaultPlan()
        self.hardware = Hardware(options.fqdn, self.dials["hardware_counts_as"])
        self.rng = random.Random(f"machine {options.seed} {options.name}")
        self.schedule = Schedule(clock)
        self.registry = Registry()
        self.disk = Disk()
        self.events = EventLog()
        self.first_seen = self.now()
        booted = self.now() - self.rng.uniform(3_600, 864_000)
        self.services = Services(self.schedule, self.pace, self.persona.services, self.persona.windows)
        self.processes = Processes(self.persona.processes, booted)
        self.power = Power(self.schedule, self.rng, options.boot_seconds, booted)
        self.firewall = firewall_start.make(self)
        self.filters = OtherFilters(self.registry, self.services)
        self.updates = Updates(self.persona, self.registry, self.disk, self.dials, self.host_time)
        self.logons = Logons(self.rng, booted)
        self.licensing = Licensing(self)
        licensing = self.services.get(self.licensing.service_name)
        if licensing is not None:
            licensing.on_start.insert(0, self.updates.licensing_started)
        self.dns = DnsRole(self, zones) if options.dns_server else None
        self.open_shells: Callable[[], list[str]] = list
        self._until_down: list[Task] = []
        self.power.on_down.append(self._go_down)
        self.power.on_up.append(self._come_up)

    # -- time ----------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """The true time."""
        return self.schedule.now()

    def host_time(self, when: float) -> float:
        """What the machine's own clock shows at a true time."""
        return when + self.clock_offset

    @property
    def clock_offset(self) -> float:
        """Seconds by which the machine's own clock is ahead of the true time."""
        option = self.options.clock_offset
        return float(self.dials["clock_offset"] if option is None else option)

    def pace(self, seconds: float) -> float:
        """A duration on this machine: all keep their proportion to the time a restart takes."""
        return seconds * min(1.0, self.options.boot_seconds / USUAL_BOOT_SECONDS)

    def while_up(self, seconds: float, action: Callable[[], None]) -> Task:
        """Do something later, unless the machine goes down before."""
        self._until_down = [task for task in self._until_down if task.time >= self.now() and not task.cancelled]
        task = self.schedule.after(seconds, action)
        self._until_down.append(task)
        return task

    def new_guid(self) -> str:
        """An id in braces, as Windows makes them up."""
        return f"{{{str(uuid.UUID(int=self.rng.getrandbits(128), version=4)).upper()}}}"

    # -- what it is ----------------------------------------------------------------------------------------------

    @property
    def ubr(self) -> int:
        """The number behind the build; 0 before 10.0."""
        return self.persona.release.ubr if self.options.ubr is None else self.options.ubr

    @property
    def evaluation_edition(self) -> bool:
        """Is it an evaluation that names itself one?"""
        return bool(self.options.evaluation) and self.persona.evaluation_editions

    @property
    def edition_id(self) -> str:
        """EditionID of the registry."""
        return self.persona.release.edition_id + "Eval" * self.evaluation_edition

    @property
    def product_type(self) -> int:
        """1 client, 2 domain controller, 3 server."""
        return 2 if self.options.domain_controller else self.persona.release.product_type

    # -- network -------------------------------------------------------------------------------------------------

    def lets_in(self, port: int, remote: str) -> bool:
        """Does a TCP connection from this address get as far as a listener of the licensing service?"""
        return self.firewall.lets_in(port, remote) and self.filters.lets_in(port)

    def answers(self) -> bool:
        """Does WinRM accept connections?"""
        return not self.power.silent(self.now()) and self.services.running("WinRM")

    # -- restart -------------------------------------------------------------------------------------------------

    def _go_down(self) -> None:
        for task in self._until_down:
            task.cancel()
        self._until_down = []
        self.processes.kill_foreign()
        self.logons.end_all()
        self.services.stop_all()
        self.registry.forget_volatile()

    def _come_up(self) -> None:
        self.processes.reset(self.power.boot_time)
        self.updates.after_boot()
        self.services.start_automatic(except_for=self.licensing.service_name)
        service = self.services.get(self.licensing.service_name)
        if service is not None and service.mode == "Auto" and self.licensing.starts_at_boot():
            service.state = "Start Pending"
            self.while_up(self.pace(self.rng.uniform(*LICENSING_AFTER_BOOT)), self.licensing.start_now)
