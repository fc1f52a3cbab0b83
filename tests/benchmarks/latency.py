# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a network between the controller and its hosts: one relay for all of them, which delays what it passes on.

Run as a program of its own, so that its CPU is nobody else's. Knows TCP. Refuses to know what is sent; legs of a login,
TLS and the beginning of a connection each take their turns, as on a real line. Bandwidth is not limited.

    latency.py MILLISECONDS < "ADDRESS PORT BEHIND" a line: listens at ADDRESS:PORT for ADDRESS:BEHIND
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence

CHUNK = 64 * 1024
READY = "ready"


class RelayFailed(Exception):
    """The relay does not start; the message says what it printed."""


@contextlib.contextmanager
def delayed(ports: Sequence[tuple[str, int, int]], milliseconds: int) -> Iterator[None]:
    """The relay runs inside. `ports`: address, where it listens there, and what is behind. Raises RelayFailed."""
    command = [sys.executable, __file__, str(milliseconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdin is None or process.stdout is None:
                raise RelayFailed("the relay has no pipes")
            process.stdin.write("".join(f"{address} {port} {behind}\n" for address, port, behind in ports))
            process.stdin.close()
            if process.stdout.readline().strip() != READY:
                raise RelayFailed("the relay does not start; what it says stands above")
            yield
        finally:
            process.terminate()


async def _serve(lines: Sequence[str], seconds: float) -> None:
    for line in lines:
        address, port, behind = line.split()
        await asyncio.start_server(_Line(address, int(behind), seconds).connected, address, int(port))
    print(READY, flush=True)
    await asyncio.Event().wait()


class _Line:
    """The way to one host; `seconds` there and back."""

    def __init__(self, address: str, port: int, seconds: float) -> None:
        self._address, self._port, self._seconds = address, port, seconds

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the controller. Its three-way handshake was local, so its round trip is made up for."""
        await asyncio.sleep(self._seconds)
        try:
            host_reader, host_writer = await asyncio.open_connection(self._address, self._port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pass(reader, host_writer), self._pass(host_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Everything that comes, each piece half a round trip later; pieces do not wait for one another."""
        loop, waiting = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes]]()
        sender = asyncio.create_task(_send(waiting, writer))
        with contextlib.suppress(OSError):
            while piece := await reader.read(CHUNK):
                waiting.put_nowait((loop.time() + self._seconds / 2, piece))
        waiting.put_nowait((loop.time() + self._seconds / 2, b""))
        await sender


async def _send(waiting: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    """Send each piece when its time has come; an empty one ends it."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while True:
            due, piece = await waiting.get()
            await asyncio.sleep(due - loop.time())
            if not piece:
                break
            writer.write(piece)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.stdin.readlines(), int(sys.argv[1]) / 1000))
