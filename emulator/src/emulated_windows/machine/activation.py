# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activating a host key: at the emulated Microsoft, by confirmation ID, or by Windows itself.

Knows that an online activation takes its time and may outlast a request, and that Windows activates a fresh host key
unless Activation\\Manual forbids it. Refuses to know keys that cannot be activated here: a client would ask a KMS host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..authority import CONFIRMATION_DIGITS, confirmation_id
from .errors import ProviderError
from .keys import LICENSED, HostKey

if TYPE_CHECKING:
    from .licensing import Licensing
    from .machine import Machine

SHORT_ACTIVATION, LONG_ACTIVATION = 8.0, 75.0
SECONDS_TO_AUTO_ACTIVATION = 25.0
SL_E_ACTIVATION_IN_PROGRESS = 0xC004E028
SL_E_CLIENT_ACTIVATION = 0xC004F074
SL_E_CID_DATA, SL_E_CID_LENGTH = 0xC004F02C, 0xC004F02E
SL_E_CID_MISMATCH, SL_E_CID_CHECK_DIGITS = 0xC004F031, 0xC004F04D
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
        if not isinstance(key, HostKey):
            raise ProviderError(SL_E_CLIENT_ACTIVATION)  # there is no KMS host to ask here
        if self._machine.now() < self.busy_until:
            raise ProviderError(SL_E_ACTIVATION_IN_PROGRESS)
        seconds, hresult = self._go_online(key)
        if hresult:
            raise ProviderError(hresult, seconds)
        return seconds

    def _go_online(self, key: HostKey) -> tuple[float, int]:
        """Ask the emulated Microsoft now; the answer takes effect when it has come back."""
        machine = self._machine
        beyond = self._dials["activation_duration"] == "beyond_timeout"
        seconds = LONG_ACTIVATION if beyond else machine.pace(SHORT_ACTIVATION)
        hresult = machine.faults.microsoft or UNREACHABLE.get(self._dials["microsoft"], 0)
        if not hresult:
            self.requests += 1
            hresult = machine.authority.activate(key.key, machine.options.fqdn)
        self.busy_until = machine.now() + seconds
        if not hresult:
            machine.while_up(seconds, lambda: self._licensing.activated(key))
        return seconds, hresult

    def plan(self) -> None:
        """Windows activates a host key by itself unless Activation\\Manual forbids it ("all, not just KMS")."""
        key = self._licensing.key
        if key is not None and key.status != LICENSED and self._dials["auto_activation"] == "on":
            self._machine.while_up(self._machine.pace(SECONDS_TO_AUTO_ACTIVATION), lambda: self._auto_activate(key))

    def _auto_activate(self, key: HostKey) -> None:
        manual = self._machine.registry.number(rf"{self._licensing.root}\Activation", "Manual")
        busy = self._machine.now() < self.busy_until
        wanted = key is self._licensing.key and key.status != LICENSED
        if wanted and not manual and not busy and self._licensing.running:
            self._go_online(key)

    def offline(self, row_id: str, shown: str, confirmation: str) -> None:
        """DepositOfflineConfirmationId. Raises ProviderError."""
        self._licensing.ensure_running()
        _, key = self._licensing.keyed(row_id)
        digits = confirmation.replace("-", "").replace(" ", "")
        if not digits.isdigit():
            raise ProviderError(SL_E_CID_DATA)
        if len(digits) != CONFIRMATION_DIGITS:
            raise ProviderError(SL_E_CID_LENGTH)
        if not isinstance(key, HostKey) or shown != key.installation_id:
            raise ProviderError(SL_E_CID_MISMATCH)
        if digits != confirmation_id(key.installation_id):
            raise ProviderError(SL_E_CID_CHECK_DIGITS)
        self._licensing.activated(key)
