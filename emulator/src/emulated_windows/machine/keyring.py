# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product keys of one machine, in the product rows they belong to.

Knows what a new key replaces:

* Windows has one key at a time. A host key takes the place of the host key before it (a dial: the row keeps it) and
  of the machine's own key (a dial: it stays), which may come back when the host key is uninstalled (a dial). A setup
  key or a MAK takes the place of every other key of Windows: the machine is no KMS host any more ("Convert a computer
  from KMS host, MAK or retail to KMS client": the setup key is installed, nothing is uninstalled before).
* Each Office licence pack has a key of its own, which replaces none and is replaced by none of another product.

Knows the installation IDs as well: they change with the hardware, and whoever sees one may read it out to Microsoft at
any later time. Refuses to know who may install what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..authority import installation_id, partial_key
from .keys import (
    EVALUATION_OVER,
    LICENSED,
    NOTIFICATION,
    OUT_OF_BOX,
    REASONS,
    UNKNOWN_COUNT,
    HostKey,
    KeyEvent,
    ProductKey,
    VolumeKey,
    grace_minutes,
)
from .products import EVALUATION, KMS_CLIENT, OWN_WORDS, ProductRow, own_product, own_rows

if TYPE_CHECKING:
    from .machine import Machine

EVALUATION_DAYS = 180
_MINUTES = {KMS_CLIENT: 259_200, EVALUATION: EVALUATION_DAYS * 24 * 60}
"""How long what a machine itself is stays licensed at first; what is not here stays for ever."""
_GENERIC_PARTIAL = "3V66T"
"""Of a key that is no volume key."""


class Keyring:
    """Which product has which key."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._dials = machine.dials
        self._keys: dict[str, ProductKey] = {}
        """By the id of the product, the newest key last."""
        self._office: set[str] = set()
        self._set_aside: dict[str, ProductKey] = {}
        """The machine's own key, gone while there is a host key (a dial)."""
        self._installations = 0
        self.history: list[KeyEvent] = []
        self._own = {row.word: row.id for row in own_rows(machine.persona, machine.options)}
        product = own_product(machine.persona.release.id)
        if product is not None:
            self._at_first(product.key)

    def _at_first(self, setup_key: str) -> None:
        """The key the machine was installed with."""
        evaluation = self._machine.options.evaluation
        word = EVALUATION if evaluation else OWN_WORDS[self._dials["own_product"]]
        partial = partial_key(setup_key) if word == KMS_CLIENT else _GENERIC_PARTIAL
        status = self._evaluation_status() if evaluation else LICENSED
        reason = EVALUATION_OVER if status == NOTIFICATION else REASONS[status]
        minutes = 0 if status == NOTIFICATION else _MINUTES.get(word, 0)
        key = ProductKey(partial, status, reason, minutes, setup_key if word == KMS_CLIENT else "")
        self._keys[self._own[word]] = key

    def _evaluation_status(self) -> int:
        """Up to 6.1 an evaluation is an edition like any other, not yet activated (assumed); later it is licensed."""
        if self._machine.options.evaluation == "expired":
            return NOTIFICATION
        return LICENSED if self._machine.evaluation_edition else OUT_OF_BOX

    # -- looking -------------------------------------------------------------------------------------------------

    def of(self, row: ProductRow) -> ProductKey | None:
        """The key a product has."""
        return self._keys.get(row.id)

    def holds(self, key: ProductKey) -> bool:
        """Is this very key still installed, and not the same installed anew?"""
        return key in self._keys.values()

    @property
    def host_keys(self) -> tuple[HostKey, ...]:
        """Every host key, of Windows and of Office, the newest last."""
        return tuple(key for key in self._keys.values() if isinstance(key, HostKey))

    @property
    def windows(self) -> HostKey | None:
        """The host key of Windows: the newest, where an older one has stayed in its row."""
        found = [key for id_, key in self._keys.items() if isinstance(key, HostKey) and id_ not in self._office]
        return found[-1] if found else None

    @property
    def in_use(self) -> tuple[HostKey, ...]:
        """The host keys no other one has taken the place of: one of Windows, any number of Office."""
        office = [key for id_, key in self._keys.items() if isinstance(key, HostKey) and id_ in self._office]
        return tuple(office) if self.windows is None else (self.windows, *office)

    def installation_id(self, row: ProductRow) -> str | None:
        """What OfflineInstallationId of a product shows. That every row with a key has one, and whether the others
        have, nobody has said: a dial. It depends on the hardware and on the key (and on the installation: a dial)."""
        key, hardware = self._keys.get(row.id), self._machine.hardware
        if key is None and self._dials["installation_id_shown"] == "keyed_rows":
            return None
        each = self._dials["installation_id_depends_on"] == "also_each_installation"
        state = f"{hardware.serial} {key.installation if key is not None and each else 0}"
        digits = int(self._dials["installation_id_digits"])
        shown = installation_id(state, key.key if key is not None and key.key else row.id, digits)
        if key is not None:
            self._machine.authority.remember(shown, key.key, hardware.host)
        return shown

    def note(self, what: str, partial: str, group: str | None) -> None:
        """Remember what has happened to a key."""
        self.history.append(KeyEvent(what, partial, group, self._machine.now()))

    # -- installing ----------------------------------------------------------------------------------------------

    def place_host(self, row: ProductRow, text: str) -> HostKey:
        """A host key is in."""
        status = int(self._dials["status_after_key"])
        before = self._keys.get(row.id) if row.office else self.windows
        fresh = UNKNOWN_COUNT if self._dials["count_after_new_key"] == "unknown" else 0
        count = before.count if isinstance(before, HostKey) and before.key == text.upper() else fresh
        if row.office:
            self._office.add(row.id)
        elif self._dials["old_host_key"] == "replaced":
            self._drop_windows(hosts=True, own=False)
        partial, minutes = partial_key(text), grace_minutes(status)
        key = HostKey(partial, status, self.reason(status), minutes, text.upper(), group=row.group or "", count=count)
        self._put(row, key)
        if not row.office and self._dials.get("own_key_after_host_key") == "gone":
            self._set_aside |= {id_: key for id_, key in self._keys.items() if id_ in self._own.values()}
            self._drop_windows(hosts=False, own=True)
        self.note("installed", key.partial, row.group)
        return key

    def place_own(self, row: ProductRow, text: str) -> None:
        """A setup key, or a MAK, is in: Windows has no other key now, and waits to be activated."""
        for id_, host in self._keys.items():
            if isinstance(host, HostKey) and id_ not in self._office:
                self.note("removed", host.partial, host.group)
        self._drop_windows(hosts=True, own=True)
        self._set_aside.clear()
        kind = ProductKey if row.word == KMS_CLIENT else VolumeKey
        minutes = grace_minutes(OUT_OF_BOX)
        key = kind(partial_key(text), OUT_OF_BOX, REASONS[OUT_OF_BOX], minutes, text.upper())
        self._put(row, key)
        self.note("installed", key.partial, None)

    def remove(self, row: ProductRow) -> None:
        """A key is uninstalled. Whether the machine's own comes back with the last host key is a dial."""
        key = self._keys.pop(row.id)
        self.note("removed", key.partial, row.group)
        if self.windows is None and row.group is not None and not row.office:
            if self._dials.get("key_after_uninstall") == "own":
                self._keys |= self._set_aside
            self._set_aside.clear()

    def _put(self, row: ProductRow, key: ProductKey) -> None:
        self._keys.pop(row.id, None)  # the newest is the last
        self._keys[row.id] = key
        self._installations += 1
        key.installation = self._installations

    def _drop_windows(self, *, hosts: bool, own: bool) -> None:
        owned = set(self._own.values())
        self._keys = {
            id_: key for id_, key in self._keys.items() if id_ in self._office or not (own if id_ in owned else hosts)
        }

    # -- activating ----------------------------------------------------------------------------------------------

    def reason(self, status: int) -> int:
        """LicenseStatusReason beside a status of a product that has a key."""
        return REASONS[status] if status else int(self._dials["unlicensed_reason"], 16)

    def activated(self, key: HostKey) -> None:
        """A host key has been activated, if it is still there. Its count stays as it is until a client asks."""
        if self.holds(key):
            key.status, key.reason, key.minutes = LICENSED, REASONS[LICENSED], 0
            self.note("activated", key.partial, key.group)

    def unaffected(self, key: HostKey, status: int, reason: int) -> None:
        """An activation was accepted and made nothing licensed: a fault."""
        key.status, key.reason, key.minutes = status, reason or self.reason(status), grace_minutes(status)

    def change_hardware(self) -> None:
        """Other hardware: what was activated is no longer (which status is a dial).

        The machine's own key is left alone: a client would renew it by itself.
        """
        status, reason = self._dials["after_hardware_change"].split("_")
        for key in self.host_keys:
            if key.status == LICENSED:
                key.status, key.reason, key.minutes = int(status), int(reason, 16), grace_minutes(int(status))
