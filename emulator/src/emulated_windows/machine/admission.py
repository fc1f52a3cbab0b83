# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which product a key is for, or why this machine refuses it.

Knows InstallProductKey's errors (volume activation error codes; KB948003, KB968915, KB968912). A key Microsoft has
blocked is refused by Microsoft, not here. Refuses to know what becomes of the keys that are installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..authority import looks_like_key
from ..key_groups import MAK, office_groups
from .products import KMS_CLIENT, VOLUME_MAK, ProductRow, own_product

if TYPE_CHECKING:
    from .machine import Machine

SL_E_INVALID_PRODUCT_KEY = 0xC004F050
SL_E_MISMATCHED_PRODUCT_SKU = 0xC004F069
SL_E_VM_NOT_SUPPORTED = 0xC004F06B


class Admission:
    """The judge of one machine's keys."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._dials = machine.dials
        self._too_early: set[str] = set()

    def group_of(self, text: str) -> str | None:
        """The key group, or the word for a MAK; None for what nobody sold."""
        return self._machine.authority.group_of(text) if looks_like_key(text) else None

    def judge(self, text: str) -> ProductRow | int:
        """The product a key is for, or the HRESULT that refuses it."""
        machine, group = self._machine, self.group_of(text)
        product = own_product(machine.persona.release.id)
        setup = product is not None and text.upper() == product.key
        if group is None and not setup:
            return SL_E_INVALID_PRODUCT_KEY
        if group in office_groups():
            return self._row(group=group) or self._missing_office()
        if machine.options.evaluation:
            return SL_E_MISMATCHED_PRODUCT_SKU
        if setup or group == MAK:
            # the KMS for Server 2003 has products for KMS hosts only
            return self._row(word=KMS_CLIENT if setup else VOLUME_MAK) or SL_E_INVALID_PRODUCT_KEY
        return self._host(text, group)

    def _row(self, *, group: str | None = None, word: str = "") -> ProductRow | None:
        rows = self._machine.licensing.rows
        return next((row for row in rows if (row.group == group if group else row.word == word)), None)

    def _missing_office(self) -> int:
        """Without its licence pack. Before Server 2012 no pack is for these classes: an unknown group."""
        dial = self._dials.get("office_pack_missing") or self._dials.get("unknown_group", "0xC004F050")
        return int(dial, 16)

    def _host(self, text: str, group: str | None) -> ProductRow | int:
        machine = self._machine
        if machine.persona.packages == "update_exe" and machine.updates.unfinished:
            return SL_E_INVALID_PRODUCT_KEY
        row = self._row(group=group)
        if row is None:
            self._too_early.add(text.upper())
            return int(self._dials.get("unknown_group", "0xC004F050"), 16)
        if text.upper() in self._too_early and self._dials.get("key_used_too_early") == "spoilt":
            return SL_E_INVALID_PRODUCT_KEY
        if machine.options.virtual and self._refuses_virtual():
            return SL_E_VM_NOT_SUPPORTED
        return row

    def _refuses_virtual(self) -> bool:
        dial = self._dials.get("kms_in_vm", "allowed")
        return dial == "refused" or (dial == "refused_by_1_0" and self._machine.updates.version == "1.0")
