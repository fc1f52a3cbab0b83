# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of keys and activation have in common: a host with a key, its IDs, its licensing service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corewire import KEY, Wire, codes

from emulated_windows.core import Reply

MakeWire = Callable[..., Wire]
QUIET = {"auto_activation": "off"}


def host_with_key(wire: MakeWire, text: str = KEY, **options: Any) -> Wire:
    """A host on which a key was installed; Server 2003 unless said otherwise. Windows does not activate by itself."""
    dials = {**QUIET, **options.pop("dials", {})}
    host = wire(**{"start": "kms_1_2", **options}, dials=dials)
    assert host.licensing("InstallProductKey", ProductKey=text).status == 200
    return host


def shown_id(host: Wire) -> str:
    """The installation ID of the host key."""
    found = host.product()["OfflineInstallationId"]
    assert isinstance(found, str)
    return found


def deposit(host: Wire, confirmation: str, installation: str | None = None) -> Reply:
    """DepositOfflineConfirmationId for the host key."""
    return host.on_product(
        "DepositOfflineConfirmationId", InstallationId=installation or shown_id(host), ConfirmationId=confirmation
    )


def hresult(reply: Reply) -> int:
    """The HRESULT of a failed method with the dial at its default."""
    assert reply.status == 500
    return codes(reply)[-1]


def stop_service(host: Wire) -> None:
    """Stop the licensing service."""
    host.output("Win32_Service", "StopService", selectors={"Name": host.host.machine.licensing.service_name})
    host.pass_time(5)


def start_service(host: Wire) -> None:
    """Start the licensing service."""
    host.output("Win32_Service", "StartService", selectors={"Name": host.host.machine.licensing.service_name})
    host.pass_time(5)


def restart_service(host: Wire) -> None:
    """Stop and start the licensing service."""
    stop_service(host)
    start_service(host)
