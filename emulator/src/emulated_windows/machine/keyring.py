# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product keys of one machine, in the product rows they belong to.

Knows what a new key replaces:

* Windows has one key at a time. A host key takes the place of the host key before it (a dial: the row keeps it) and
  leaves the machine's own key (a dial: it goes, and may come back when the host key is uninstalled). A setup key or a
  MAK takes the place of every other key of Windows: the machine is no KMS host any more ("Convert a computer from KMS
  host, MAK or retail to KMS client": the setup key is installed, nothing is uninstalled before).
* Each Office licence pack has a key of its own, which replaces none and is replaced by none of another product.

Knows the installation IDs as well: they change with the hardware. Refuses to know who may install what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..authority import installation_id, partial_key
from .keys import GRACE_MINUTES, LICENSED, OUT_OF_TOLERANCE, REASONS, HostKey, KeyEvent, ProductKey, VolumeKey
from .keys import UNKNOWN_COUNT as UNKNOWN
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
        self._hardware = 0
        self._installations = 0
        self.history: list[KeyEvent] = []
        release = machine.persona.release.id
        self._own = {row.word: row.id for row in own_rows(release, evaluation=machine.options.evaluation)}
        product = own_product(release)
        if product is not None:
            self._at_first(product.key)

    def _at_first(self, setup_key: str) -> None:
        """The key the machine was installed with. An evaluation is licensed until its days are over."""
        word = EVALUATION if self._machine.options.evaluation else OWN_WORDS[self._dials["own_product"]]
        partial = partial_key(setup_key) if word == KMS_CLIENT else _GENERIC_PARTIAL
        self._keys[self._own[word]] = ProductKey(partial, LICENSED, REASONS[LICENSED], _MINUTES.get(word, 0))

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

    def showing(self, installation: str) -> str | None:
        """The whole key of the product that shows an installation ID."""
        volume = (key for key in self._keys.values() if isinstance(key, VolumeKey))
        return next((key.key for key in volume if key.installation_id == installation), None)

    def note(self, what: str, partial: str, group: str | None) -> None:
        """Remember what has happened to a key."""
        self.history.append(KeyEvent(what, partial, group, self._machine.now()))

    # -- installing ----------------------------------------------------------------------------------------------

    def place_host(self, row: ProductRow, text: str) -> HostKey:
        """A host key is in."""
        status = int(self._dials["status_after_key"])
        before = self._keys.get(row.id) if row.office else self.windows
        fresh = UNKNOWN if self._dials["count_after_new_key"] == "unknown" else 0
        count = before.count if isinstance(before, HostKey) and before.key == text.upper() else fresh
        if row.office:
            self._office.add(row.id)
        elif self._dials["old_host_key"] == "replaced":
            self._drop_windows(hosts=True, own=False)
        key = HostKey(
            partial_key(text), status, REASONS[status], GRACE_MINUTES, text.upper(), group=row.group or "", count=count
        )
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
        key: ProductKey = ProductKey(partial_key(text), 2, REASONS[2], GRACE_MINUTES)
        if row.word != KMS_CLIENT:
            key = VolumeKey(key.partial, key.status, key.reason, key.minutes, text.upper())
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
        if isinstance(key, VolumeKey):
            self._installations += 1
            key.installation = self._installations
            key.installation_id = self._installation_id(key)

    def _drop_windows(self, *, hosts: bool, own: bool) -> None:
        owned = set(self._own.values())
        self._keys = {
            id_: key for id_, key in self._keys.items() if id_ in self._office or not (own if id_ in owned else hosts)
        }

    # -- activating ----------------------------------------------------------------------------------------------

    def activated(self, key: HostKey) -> None:
        """A host key has been activated, if it is still there."""
        if self.holds(key):
            key.status, key.reason, key.minutes = LICENSED, REASONS[LICENSED], 0
            key.count = 0 if key.count == UNKNOWN else key.count
            self.note("activated", key.partial, key.group)

    def change_hardware(self) -> None:
        """Other hardware: other installation IDs, and what was activated is no longer (which status is a dial).

        The machine's own key is left alone: a client would renew it by itself.
        """
        self._hardware += 1
        status, reason = self._dials["after_hardware_change"].split("_")
        for key in self._keys.values():
            if isinstance(key, VolumeKey):
                key.installation_id = self._installation_id(key)
            if isinstance(key, HostKey) and key.status == LICENSED:
                key.status, key.reason = int(status), int(reason, 16)
                key.minutes = GRACE_MINUTES if key.status == OUT_OF_TOLERANCE else 0

    def _installation_id(self, key: VolumeKey) -> str:
        """What it depends on is a dial; always on the machine's hardware and on the key."""
        each = self._dials["installation_id_depends_on"] == "also_each_installation"
        state = f"{self._machine.options.fqdn} {self._hardware} {key.installation if each else 0}"
        return installation_id(state, key.key, int(self._dials["installation_id_digits"]))
