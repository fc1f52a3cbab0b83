# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fake machine behind real sockets, and the command line with an estate: what the tests of this folder talk to."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import emulated_windows
from emulated_windows.auth import Accounts
from emulated_windows.clock import WallClock
from emulated_windows.contract import Event, HostOptions, Reply
from emulated_windows.estate import HostSettings
from emulated_windows.host_server import HostServer, Slots, Surroundings
from emulated_windows.journal import Journal

SOURCE = Path(emulated_windows.__file__).parents[1]
PASSWORD = "Correct horse 7"
T = TypeVar("T")
_numbers = itertools.count(1)


def fresh_address() -> str:
    """A loopback address no other test of this process, or of another worker, uses."""
    number = next(_numbers)
    return f"127.{64 + os.getpid() % 128}.{number // 250}.{1 + number % 250}"


def wait_for(condition: Callable[[], T], seconds: float = 10.0) -> T:
    """Ask until the answer is true; a state is asserted, not a time."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def dialled(address: str, port: int) -> str:
    """What a TCP connection meets: refused, filtered or accepted."""
    with socket.socket() as connection:
        connection.settimeout(0.5)
        try:
            connection.connect((address, port))
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "filtered"
        return "accepted"


@dataclass
class FakeMachine:
    """Answers `echo: <body>` and does as it is told."""

    clock_offset: float = 0.0
    seen: list[tuple[bytes, str, bool, bool]] = field(default_factory=list)
    faults: list[str | None] = field(default_factory=list)
    up: bool = True
    port: int | None = None
    wall: str = "accepted"
    wake: float | None = None
    status: int = 200
    delay: float = 0.0
    drop: bool = False
    on_wake: Callable[[], None] | None = None
    on_handle: Callable[[], None] | None = None

    def handle(self, body: bytes, *, user: str, encrypted: bool, anonymous: bool = False) -> Reply:
        self.seen.append((body, user, encrypted, anonymous))
        if self.on_handle is not None:
            self.on_handle()
        event = Event("invoke", "Win32_Thing", "Poke", True)
        return Reply(self.status, b"echo: " + body, event, self.delay, self.drop)

    def reachable(self) -> bool:
        self._tick()
        return self.up

    def _tick(self) -> None:
        if self.wake is not None and time.time() >= self.wake:
            self.wake = None
            if self.on_wake is not None:
                self.on_wake()

    def dial(self, port: int, remote: str) -> str:
        assert remote == "127.0.0.1"
        if self.wall == "accepted" and port != self.port:
            return "refused"
        return self.wall

    def kms_port(self) -> int | None:
        return self.port

    def wake_at(self) -> float | None:
        return self.wake

    def show(self) -> dict[str, Any]:
        return {"seen": len(self.seen)}

    def inject(self, kind: str, args: Sequence[str]) -> None:
        self.faults.append(kind)

    def take_transport_fault(self) -> str | None:
        return self.faults.pop(0) if self.faults else None


class Served:
    """A HostServer on a loop in a thread of its own."""

    def __init__(self, folder: Path, connections: int, **settings: Any) -> None:
        self.machine = FakeMachine(clock_offset=settings.pop("clock_offset", 0.0))
        transport = settings.pop("transport", "ntlm")
        options = settings.pop("options", HostOptions(name="kms03"))
        self.settings = HostSettings(
            name=options.name,
            address=fresh_address(),
            port=5985,
            scheme=settings.pop("scheme", "http"),
            transport=transport,
            allow_unencrypted=settings.pop("allow_unencrypted", transport == "basic"),
            options=options,
            certificate=settings.pop("certificate", "trusted"),
        )
        self.address = self.settings.address
        self.endpoint = f"{self.settings.scheme}://{self.address}:5985/wsman"
        self._journal = folder / "journal.jsonl"
        self.accounts = Accounts(
            "Administrator", PASSWORD, ["corp.example", "corp", "kms03", "other"], folder / "accounts"
        )
        self.slots = Slots(connections)
        self._around = Surroundings(
            WallClock(), Journal(self._journal), self.accounts, ("corp.example", "corp"), self.slots, **settings
        )
        self.server = HostServer(self.settings, self.machine, self._around)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.call(self.server.open)

    def call(self, function: Callable[[], T]) -> T:
        """Run something on the server's loop and wait for it."""

        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)

    def journal(self) -> list[dict[str, Any]]:
        """The lines written so far."""
        return [json.loads(line) for line in self._journal.read_text(encoding="utf-8").splitlines()]

    def journal_text(self) -> str:
        """The journal as it stands in the file."""
        return self._journal.read_text(encoding="utf-8")

    def stop(self) -> None:
        self.call(self.server.close)
        self.call(lambda: None)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()
        self._around.journal.close()
        self.accounts.close()


def sent_again(winrm: Any, served: Served) -> int:
    """The status of a sealed message that comes a second time on its own connection. `winrm`: pywinrm's transport."""
    winrm.send_message(b"one")
    sent: list[Any] = []
    winrm.session.hooks["response"].append(lambda answer, *_, **__: sent.append(answer.request))
    winrm.send_message(b"two")
    again = {"Content-Type": sent[0].headers["Content-Type"]}
    return int(winrm.session.post(served.endpoint, data=sent[0].body, headers=again).status_code)


class Command:
    """The command line of emulated Windows, with a state folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "EMULATED_WINDOWS_STATE": str(folder / "state"),
        }
        self._servers: list[subprocess.Popen[str]] = []

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "emulated_windows", *map(str, arguments)],
            env=self._environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def serve(self, estate: Path, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start serving and wait until it listens."""
        ready = self.folder / f"ready-{len(self._servers)}"
        server = subprocess.Popen(
            [sys.executable, "-m", "emulated_windows", "serve", str(estate), "--ready-file", str(ready)]
            + [str(argument) for argument in arguments],
            env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._servers.append(server)
        wait_for(lambda: ready.exists() or server.poll() is not None, 30)
        assert ready.exists(), server.communicate(timeout=10)[1]
        return server

    def stop(self, server: subprocess.Popen[str]) -> tuple[int, str]:
        """Ask it to stop; its exit code and what it said on stderr."""
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=20)
        return server.returncode, errors

    def clean(self) -> None:
        """Stop what still runs."""
        for server in self._servers:
            if server.poll() is None:
                server.kill()
            with contextlib.suppress(ValueError):
                server.communicate(timeout=10)
