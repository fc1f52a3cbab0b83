# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening TCP ports that open and close while the process runs, one address and one port each, never a wildcard.

Three states of a port: closed (the kernel refuses, which is true to a machine that is down), accepting, and filtered
(a connection attempt times out). Refuses to know what is spoken.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
from collections.abc import Callable

_BACKLOG = 128


def _bound(address: str, port: int, backlog: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind((address, port))
        listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    return listener


class Accepting:
    """A port that accepts. The kernel takes connections from the moment of construction; OSError where it cannot."""

    def __init__(
        self, address: str, port: int, factory: Callable[[], asyncio.BaseProtocol], tls: ssl.SSLContext | None = None
    ) -> None:
        self._socket = _bound(address, port, _BACKLOG)
        self._server: asyncio.AbstractServer | None = None
        self._task = asyncio.get_running_loop().create_task(self._serve(factory, tls))

    async def _serve(self, factory: Callable[[], asyncio.BaseProtocol], tls: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            factory, sock=self._socket, ssl=tls, backlog=_BACKLOG, start_serving=False
        )
        await self._server.start_serving()

    def close(self) -> None:
        """Stop listening at once; established connections stay."""
        self._task.cancel()
        if self._server is not None:
            self._server.close()
        self._socket.close()


class Filtered:
    """A port behind a firewall that drops: a connection attempt times out.

    Without a real packet filter this takes a full queue: the backlog is 0 and a connection of our own is parked in the
    one place there is, so Linux leaves every further SYN unanswered. Nothing is ever accepted. The client sees exactly
    what a dropping firewall shows it, at the price of two descriptors a port.
    """

    def __init__(self, address: str, port: int) -> None:
        self._socket = _bound(address, port, 0)
        self._parked = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._parked.setblocking(False)
        self._parked.connect_ex((address, port))  # on loopback the kernel finishes the handshake by itself

    def close(self) -> None:
        """Stop listening at once."""
        self._parked.close()
        self._socket.close()


def raise_file_limit(needed: int) -> int:
    """Raise the soft limit of open files towards `needed`; returns the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return needed
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, ceiling), hard))
    return max(soft, ceiling)
