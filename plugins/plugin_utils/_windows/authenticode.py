# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who signed a file, as far as that can be told on the controller.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import dataclasses
import mmap

MICROSOFT = "microsoft"
OTHER = "other"
UNSIGNED = "unsigned"
DAMAGED = "damaged"
NOT_CHECKED = "not_checked"


@dataclasses.dataclass(frozen=True)
class Signature:
    """Who signed a file.

    Attributes:
        state: MICROSOFT, OTHER, UNSIGNED, DAMAGED or NOT_CHECKED.
        signer: the name in the signer's certificate; "" if there is none.
        reason: why the state is no better, in words that end without a full stop; "" for MICROSOFT.
    """

    state: str
    signer: str = ""
    reason: str = ""

    def as_data(self) -> dict[str, str]:
        """Plain data for results."""
        return dataclasses.asdict(self)


NO_PROGRAM = Signature(NOT_CHECKED, reason="it is no Windows program")
CABINET = Signature(NOT_CHECKED, reason="signatures of cabinets cannot be checked yet")


def check(data: mmap.mmap) -> Signature:
    """Who signed this program."""
    return Signature(NOT_CHECKED, reason="library lief is not installed")
