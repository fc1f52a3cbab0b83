# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activating a host key: at the emulated Microsoft, by confirmation ID, or by Windows itself.

Knows that an online activation takes its time and may outlast a request, and that Windows activates a fresh host key
unless Activation\\Manual forbids it. Refuses to know keys that cannot be activated here: a client would ask a KMS host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..authority import CONFIRMATION_DIGITS, confirmation_checks, confirmation_id, confirmation_version
from .errors import ProviderError
from .keys import LICENSED, HostKey, VolumeKey

if TYPE_CHECKING:
    from .licensing import Licensing
    from .machine import Machine

SHORT_ACTIVATION, LONG_ACTIVATION = 8.0, 75.0
SECONDS_TO_AUTO_ACTIVATION = 25.0
WRONG_CLOCK = 86_400.0
"""Seconds the clock must be wrong for certificates to be out of date (assumed)."""
SL_E_ACTIVATION_IN_PROGRESS = 0xC004E028
SL_E_CLIENT_ACTIVATION = 0xC004F074
SL_E_CIDIID_INVALID_DATA, SL_E_CIDIID_INVALID_VERSION = 0xC004F02C, 0xC004F02D
SL_E_CIDIID_INVALID_DATA_LENGTH = 0xC004F02F
SL_E_CIDIID_MISMATCHED, SL_E_CIDIID_INVALID_CHECK_DIGITS = 0xC004F031, 0xC004F04D
"""slerror.h. Which of them says that a confirmation ID is of another host is a dial."""
UNREACHABLE = {"name_not_resolved": 0x80072EE7, "timed_out": 0x80072EE2}


class Activation:
    """How the host key of one machine gets activated."""

    def __init__(self, machine: Machine, licensing: Licensing) -> None:
        self._machine = machine
        self._licensing = licensing
        self._dials = machine.dials
        self.busy_until = 0.0
        self.requests = 0
        """How often the emulated Microsoft has been asked."""

    def online(self, row_id: str) -> float:
        """Activate. Returns the seconds it takes; raises ProviderError, whose `seconds` count too."""
        self._licensing.ensure_running()
        _, key = self._licensing.keyed(row_id)
        if not isinstance(key, VolumeKey):
            raise ProviderError(SL_E_CLIENT_ACTIVATION)  # there is no KMS host to ask here
        if self._machine.now() < self.busy_until:
            raise ProviderError(SL_E_ACTIVATION_IN_PROGRESS)
        seconds, hresult = self._go_online(key)
        if hresult:
            raise ProviderError(hresult, seconds)
        return seconds

    def _go_online(self, key: VolumeKey) -> tuple[float, int]:
        """Ask the emulated Microsoft now; the answer takes effect when it has come back."""
        machine = self._machine
        beyond = self._dials["activation_duration"] == "beyond_timeout"
        seconds = LONG_ACTIVATION if beyond else machine.pace(SHORT_ACTIVATION)
        hresult = machine.faults.microsoft or UNREACHABLE.get(self._dials["microsoft"], 0) or self._wrong_clock()
        if not hresult:
            self.requests += 1
            hresult = machine.authority.activate(key.key, machine.options.fqdn)
        self.busy_until = machine.now() + seconds
        if not hresult and isinstance(key, HostKey):
            machine.while_up(seconds, lambda: self._licensing.keyring.activated(key))
        return seconds, hresult

    def _wrong_clock(self) -> int:
        """A clock that is days off does not fit the servers' certificates (0x80072F8F: Windows activation errors)."""
        dial = self._dials["wrong_clock"]
        return 0 if abs(self._machine.clock_offset) < WRONG_CLOCK or dial == "works" else int(dial, 16)

    def plan(self, key: HostKey) -> None:
        """Windows activates a host key by itself unless Activation\\Manual forbids it ("all, not just KMS")."""
        if key.status != LICENSED and self._dials["auto_activation"] == "on":
            self._machine.while_up(self._machine.pace(SECONDS_TO_AUTO_ACTIVATION), lambda: self._auto_activate(key))

    def _auto_activate(self, key: HostKey) -> None:
        manual = self._machine.registry.number(rf"{self._licensing.root}\Activation", "Manual")
        busy = self._machine.now() < self.busy_until
        wanted = key in self._licensing.keyring.in_use and key.status != LICENSED
        if wanted and not manual and not busy and self._licensing.running:
            self._go_online(key)

    def offline(self, row_id: str, shown: str, confirmation: str) -> None:
        """DepositOfflineConfirmationId. Raises ProviderError."""
        self._licensing.ensure_running()
        _, key = self._licensing.keyed(row_id)
        digits = confirmation.replace("-", "").replace(" ", "")
        if not (digits.isascii() and digits.isdigit()):
            raise ProviderError(SL_E_CIDIID_INVALID_DATA)
        if len(digits) != CONFIRMATION_DIGITS:
            raise ProviderError(SL_E_CIDIID_INVALID_DATA_LENGTH)
        if not confirmation_checks(digits):
            raise ProviderError(SL_E_CIDIID_INVALID_CHECK_DIGITS)
        if not isinstance(key, HostKey) or shown != key.installation_id:
            raise ProviderError(SL_E_CIDIID_MISMATCHED)
        if digits[0] != confirmation_version(shown):
            raise ProviderError(SL_E_CIDIID_INVALID_VERSION)
        if digits != confirmation_id(shown):
            raise ProviderError(int(self._dials["foreign_confirmation_id"], 16))
        self._licensing.keyring.activated(key)
