# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hardware a machine runs on, as far as licensing tells machines apart by it.

Knows that a machine keeps its hardware when it is renamed, and what it counts as when the hardware changes (a dial).
Refuses to know keys. What stands for serial numbers is made up from the first name of the machine, so that the same
estate gives the same numbers.
"""

from __future__ import annotations


class Hardware:
    """What one machine consists of."""

    def __init__(self, name: str, counts_as: str) -> None:
        """`name`: under which the machine is first met; `counts_as`: the dial hardware_counts_as."""
        self._name = name.lower()
        self._counts_as = counts_as
        self._changes = 0

    def change(self) -> None:
        """It is other hardware from now on."""
        self._changes += 1

    def _after(self, changes: int) -> str:
        return f"{self._name} {changes}"

    @property
    def serial(self) -> str:
        """Another one for other hardware, whatever that counts as."""
        return self._after(self._changes)

    @property
    def host(self) -> str:
        """As which host Microsoft counts it now."""
        return self.serial if self._counts_as == "another_host" else self._after(0)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host it has been."""
        return tuple(self._after(changes) for changes in range(self._changes + 1))
