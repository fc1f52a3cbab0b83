# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports follow the machine: WinRM while it is up, the KMS port as the service and the firewall have it."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Callable

import pytest
from served import PASSWORD, Served, dialled, wait_for

from emulated_windows.section import EstateError

Serve = Callable[..., Served]


def poke(served: Served, change: Callable[[], None]) -> None:
    """Send one request; `change` happens while it is carried out."""
    served.machine.on_handle = change
    login = base64.b64encode(f"Administrator:{PASSWORD}".encode()).decode()
    with socket.create_connection((served.address, 5985), timeout=10) as connection:
        head = f"POST /wsman HTTP/1.1\r\nAuthorization: Basic {login}\r\nContent-Length: 1\r\n\r\nx"
        connection.sendall(head.encode())
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
    served.machine.on_handle = None


def test_a_machine_that_is_down_refuses_and_comes_back_by_itself(serve: Serve) -> None:
    served = serve(transport="basic")
    idle = socket.create_connection((served.address, 5985), timeout=10)

    def restart() -> None:
        served.machine.up = False
        served.machine.wake = time.time() + 0.3
        served.machine.on_wake = lambda: setattr(served.machine, "up", True)

    poke(served, restart)
    assert dialled(served.address, 5985) == "refused"
    assert idle.recv(1) == b""
    assert wait_for(lambda: dialled(served.address, 5985) == "accepted")


def test_kms_port_opens_moves_and_closes_with_the_service(serve: Serve) -> None:
    served = serve(transport="basic")
    assert dialled(served.address, 1688) == "refused"
    poke(served, lambda: setattr(served.machine, "port", 1688))
    assert dialled(served.address, 1688) == "accepted"
    poke(served, lambda: setattr(served.machine, "port", 1700))
    assert (dialled(served.address, 1688), dialled(served.address, 1700)) == ("refused", "accepted")
    poke(served, lambda: setattr(served.machine, "port", None))
    assert dialled(served.address, 1700) == "refused"


def test_a_filtered_port_times_out_and_can_be_opened_and_closed_again(serve: Serve) -> None:
    served = serve(transport="basic")
    served.machine.port = 1688
    for wall in ("filtered", "accepted", "filtered"):
        poke(served, lambda wall=wall: setattr(served.machine, "wall", wall))
        assert dialled(served.address, 1688) == wall
    assert dialled(served.address, 1688) == "filtered"


def test_the_firewall_hides_that_nothing_listens(serve: Serve) -> None:
    served = serve(transport="basic")
    poke(served, lambda: setattr(served.machine, "wall", "filtered"))
    assert dialled(served.address, 1688) == "filtered"


def test_an_address_in_use_is_a_sentence(serve: Serve) -> None:
    served = serve(transport="basic")
    other = type(served.server)(served.settings, served.machine, served.server.around)
    with pytest.raises(EstateError, match=r"cannot listen on 127\.\S+:5985 for kms03: the address is in use"):
        served.call(other.open)
