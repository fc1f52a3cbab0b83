# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of Ansible's connections lead to a managed host, and what is said of the others.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import typing as t

from .._errors import Refusal
from .door import Door
from .psrp import psrp_door
from .winrm import winrm_door

_DOORS: t.Final[t.Mapping[str, t.Callable[[t.Any, str], Door]]] = {"winrm": winrm_door, "psrp": psrp_door}


def door_of(connection: t.Any, host: str) -> Door:
    """The way to the host through the task's connection; nothing is sent yet.

    Raises:
        Refusal: a connection that carries no WS-Management, or one that cannot be used as it is set up.
    """
    kind = getattr(connection, "transport", None)
    make = _DOORS.get(str(kind))
    if make is None:
        raise Refusal(
            f"{host}: this module speaks WS-Management, which Ansible's connections winrm and psrp carry, but the "
            f"connection of this host is {kind!r}; set ansible_connection: winrm (and ansible_port, "
            "ansible_winrm_transport) for it, or ansible_connection: psrp",
            name="connection_not_usable",
            advice="Set ansible_connection: winrm (or psrp) for the host or the delegate.",
        )
    return make(connection, host)
