# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A KMS host publishes itself in DNS: when its service starts, when it gets a key, and every 24 hours (KMSDNS page).

Knows the events 12293 and 12294 with their strings (message files of slsvc.exe and sppsvc.exe), and that nobody takes
the record away again. Refuses to know DNS servers: whoever made the machine says where a record goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..contract import PublishingError
from .events import PUBLISHING_FAILED, PUBLISHING_SUCCEEDED
from .publishing import Domain, domains
from .schedule import Task

if TYPE_CHECKING:
    from .licensing import Licensing
    from .machine import Machine

EVERY = 86_400.0  # a true day, however fast the machine restarts: DNS servers count in true hours
REFUSED = 9005
_EVENT_TYPES = {"error": 1, "warning": 2, "information": 3}
Data = tuple[int, int, int]
"""Priority, weight and port."""


class SelfPublication:
    """What one machine has published of itself."""

    def __init__(self, machine: Machine, licensing: Licensing) -> None:
        self._machine = machine
        self._licensing = licensing
        self._style = machine.persona.licensing
        self._task: Task | None = None
        self._registered: dict[str, Data] = {}
        """By domain, what the service remembers to have published there (operations guide, p. 26)."""
        self.published: list[tuple[str, int, float]] = []
        """Domain, port and time of every success."""

    def renew(self) -> None:
        """Publish now, and every day from now on for as long as this is a KMS host."""
        self.pause()
        if not self._licensing.serving or not self._licensing.running:
            return
        self._task = self._machine.schedule.after(EVERY, self.renew)
        if not self._licensing.publishes():
            self._withdraw()
            return
        numbers = self._machine.persona.since >= (6, 1)
        home = self._machine.options.domain
        for domain in domains(self._licensing.settings, home, self._machine.dials, numbers=numbers):
            self._publish(domain)

    def pause(self) -> None:
        """The service does not run any more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def end(self) -> None:
        """This is no KMS host any more."""
        self.pause()
        self._withdraw()

    def _publish(self, domain: Domain) -> None:
        wanted = domain.priority, domain.weight, self._licensing.settings.port
        before = self._registered.get(domain.name.lower())
        replaces = self._machine.dials["published_before"] == "replaced" and before != wanted
        try:
            self._send(domain.name, wanted, before if replaces else None)
        except OSError as error:
            self._failed(domain.name, error)
            return
        self._registered[domain.name.lower()] = wanted
        self.published.append((domain.name, wanted[2], self._machine.now()))
        said = f"The licensing service published itself to DNS in the '{domain.name}' domain."
        self._write(PUBLISHING_SUCCEEDED, "information", (domain.name,), said)

    def _withdraw(self) -> None:
        """No document says that a record is ever taken back: a dial."""
        if self._machine.dials["publishing_ends"] == "record_goes":
            for domain, data in self._registered.items():
                try:
                    self._send(domain, data, withdrawn=True)
                except OSError as error:
                    self._failed(domain, error)
            self._registered = {}

    def _send(self, domain: str, data: Data, before: Data | None = None, *, withdrawn: bool = False) -> None:
        machine = self._machine
        if machine.publish is not None:
            machine.publish(
                domain,
                machine.options.fqdn,
                data[2],
                account=machine.options.account,
                priority=data[0],
                weight=data[1],
                ttl=int(machine.dials["published_ttl"]),
                before=before,
                withdrawn=withdrawn,
            )

    def _failed(self, domain: str, error: OSError) -> None:
        """The HRESULT stands first, the domain second; the message names them the other way round."""
        known = error if isinstance(error, PublishingError) else PublishingError("")
        dials = self._machine.dials
        code = f"0x{0x80070000 + known.number:08X}"
        if known.number == REFUSED:
            code = dials["publishing_refused"]
        if dials["publishing_hresult"] == "lower":
            code = code.lower()
        said = f"Publishing the licensing service to DNS in the '{domain}' domain failed. Info: {code}"
        self._write(PUBLISHING_FAILED, dials["publishing_failed_level"], (code, domain), said)

    def _write(self, code: int, level: str, strings: tuple[str, ...], said: str) -> None:
        other = self._machine.dials["licensing_event_source"] == "other"
        source = self._style.other_event_source if other else self._style.event_source
        self._machine.events.write(self._machine.now(), code, source, _EVENT_TYPES[level], strings, said)
