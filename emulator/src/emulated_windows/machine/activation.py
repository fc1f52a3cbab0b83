# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activating a host key: at the emulated Microsoft, by confirmation ID, or by Windows itself.

Knows that an online activation takes its time, may outlast a request and ends with the service; that Windows tries to
activate a host key again and again unless Activation\\Manual forbids it; that what was accepted may show later.
Refuses to know keys that cannot be activated here: a client would ask a KMS host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..authority import CONFIRMATION_DIGITS, confirmation_checks, confirmation_id, confirmation_version
from .errors import ProviderError
from .keys import LICENSED, HostKey, VolumeKey

if TYPE_CHECKING:
    from .licensing import Licensing
    from .machine import Machine
    from .schedule import Task

SHORT_ACTIVATION, LONG_ACTIVATION = 8.0, 75.0
SECONDS_TO_SHOW = 60.0
"""After which an accepted activation shows by itself, where it needs to be refreshed (assumed)."""
LEAST_SECONDS = 1.0
"""Between two attempts of Windows, however fast time goes on a machine."""
WRONG_CLOCK = 86_400.0
"""Seconds the clock must be wrong for certificates to be out of date (assumed)."""
SL_E_ACTIVATION_IN_PROGRESS = 0xC004E028
"""slerror.h; that it answers a confirmation ID too is assumed."""
SL_E_CLIENT_ACTIVATION = 0xC004F074
SL_E_CIDIID_INVALID_DATA, SL_E_CIDIID_INVALID_VERSION = 0xC004F02C, 0xC004F02D
SL_E_CIDIID_INVALID_DATA_LENGTH = 0xC004F02F
SL_E_CIDIID_MISMATCHED, SL_E_CIDIID_INVALID_CHECK_DIGITS = 0xC004F031, 0xC004F04D
"""slerror.h. Which of them says what of a confirmation ID is assumed, and for the common cases a dial."""
UNREACHABLE = {"name_not_resolved": 0x80072EE7, "timed_out": 0x80072EE2}


class Activation:
    """How the host keys of one machine get activated."""

    def __init__(self, machine: Machine, licensing: Licensing) -> None:
        self._machine = machine
        self._licensing = licensing
        self._dials = machine.dials
        self._busy_until = 0.0
        self._in_flight: Task | None = None
        self._planned: dict[HostKey, Task] = {}
        """When Windows tries by itself."""
        self._accepted: list[HostKey] = []
        """Activated, and nothing shows it yet (a dial)."""
        self.requests = 0
        """How often the emulated Microsoft has been asked."""

    # -- online --------------------------------------------------------------------------------------------------

    def online(self, row_id: str) -> float:
        """Activate. Returns the seconds it takes; raises ProviderError, whose `seconds` count too."""
        self._licensing.ensure_running()
        _, key = self._licensing.keyed(row_id)
        if not isinstance(key, VolumeKey):
            raise ProviderError(SL_E_CLIENT_ACTIVATION)  # there is no KMS host to ask here
        self._refuse_while_busy()
        seconds, hresult = self._go_online(key)
        if hresult:
            raise ProviderError(hresult, seconds)
        return seconds

    def _refuse_while_busy(self) -> None:
        if self._machine.now() < self._busy_until:
            raise ProviderError(SL_E_ACTIVATION_IN_PROGRESS)

    def _go_online(self, key: VolumeKey) -> tuple[float, int]:
        """Ask the emulated Microsoft now; the answer takes effect when it has come back."""
        machine, serial = self._machine, self._machine.hardware.serial
        beyond = self._dials["activation_duration"] == "beyond_timeout"
        seconds = LONG_ACTIVATION if beyond else machine.pace(SHORT_ACTIVATION)
        hresult = machine.faults.microsoft or UNREACHABLE.get(self._dials["microsoft"], 0) or self._wrong_clock()
        if not hresult:
            self.requests += 1
            hresult = machine.authority.activate(key.key, machine.hardware.host)
        self._busy_until = machine.now() + seconds
        if not hresult and isinstance(key, HostKey):
            self._in_flight = machine.while_up(seconds, lambda: self._answered(key, serial))
        return seconds, hresult

    def _wrong_clock(self) -> int:
        """A clock that is days off does not fit the servers' certificates (0x80072F8F: Windows activation errors)."""
        dial = self._dials["wrong_clock"]
        return 0 if abs(self._machine.clock_offset) < WRONG_CLOCK or dial == "works" else int(dial, 16)

    def _answered(self, key: HostKey, serial: str) -> None:
        """A licence that was made for other hardware than there is by now fits nothing (assumed)."""
        if serial == self._machine.hardware.serial:
            self._accept(key)

    # -- what comes of it ----------------------------------------------------------------------------------------

    def _accept(self, key: HostKey) -> None:
        without_effect = self._machine.faults.without_effect
        if without_effect is not None:
            self._licensing.keyring.unaffected(key, *without_effect)
        elif self._dials["status_shown"] == "after_refresh":
            self._accepted.append(key)
            self._machine.while_up(self._machine.pace(SECONDS_TO_SHOW), self.refresh)
        else:
            self._licensing.keyring.activated(key)

    def refresh(self) -> None:
        """What has been accepted shows."""
        for key in self._accepted:
            self._licensing.keyring.activated(key)
        self._accepted.clear()

    def stopped(self) -> None:
        """The service is gone, and what it was doing with it. What was asked of Microsoft is spent."""
        for task in (self._in_flight, *self._planned.values()):
            if task is not None:
                task.cancel()
        self._in_flight = None
        self._planned.clear()
        self._busy_until = 0.0

    # -- by itself -----------------------------------------------------------------------------------------------

    def plan(self, key: HostKey, seconds: float | None = None) -> None:
        """Windows activates a host key by itself unless Activation\\Manual forbids it ("all, not just KMS").

        `seconds`: until then; None: as soon as it does after a key, a start of the service or other hardware.
        """
        if key in self._planned:
            self._planned.pop(key).cancel()
        if self._dials["auto_activation"] == "off":
            return
        soon = self._machine.pace(float(self._dials["auto_activation_after"]))
        after = soon if seconds is None else max(seconds, LEAST_SECONDS)
        self._planned[key] = self._machine.while_up(after, lambda: self._by_itself(key))

    def _by_itself(self, key: HostKey) -> None:
        """One attempt, and the plan for the next as long as the key is unlicensed. (How often is assumed.)"""
        machine, keyring = self._machine, self._licensing.keyring
        if key in self._accepted or key.status == LICENSED or not keyring.holds(key):
            return
        busy = self._busy_until - machine.now()
        if busy > 0:
            self.plan(key, busy)
            return
        manual = machine.registry.number(rf"{self._licensing.root}\Activation", "Manual")
        if key in keyring.in_use and not manual:
            self._go_online(key)
        self.plan(key, machine.pace(self._licensing.interval("VLActivationInterval") * 60))

    # -- offline -------------------------------------------------------------------------------------------------

    def offline(self, row_id: str, shown: str, confirmation: str) -> None:
        """DepositOfflineConfirmationId. Raises ProviderError."""
        self._licensing.ensure_running()
        row, key = self._licensing.keyed(row_id)
        self._refuse_while_busy()
        self._refuse_malformed(confirmation)
        if not isinstance(key, HostKey) or shown != self._licensing.keyring.installation_id(row):
            raise ProviderError(SL_E_CIDIID_MISMATCHED)
        if confirmation[0] != confirmation_version(shown):
            raise ProviderError(SL_E_CIDIID_INVALID_VERSION)
        if confirmation != confirmation_id(shown):
            raise ProviderError(int(self._dials["foreign_confirmation_id"], 16))
        self._accept(key)

    def _refuse_malformed(self, confirmation: str) -> None:
        """48 digits and nothing between them: slmgr.vbs hands over what was typed, as it is."""
        plain = confirmation.isascii() and confirmation.isdigit()
        if not plain or len(confirmation) != CONFIRMATION_DIGITS:
            dial = self._dials["malformed_confirmation_id"]
            by_kind = SL_E_CIDIID_INVALID_DATA_LENGTH if plain else SL_E_CIDIID_INVALID_DATA
            raise ProviderError(by_kind if dial == "by_kind" else int(dial, 16))
        if not confirmation_checks(confirmation):
            raise ProviderError(SL_E_CIDIID_INVALID_CHECK_DIGITS)
