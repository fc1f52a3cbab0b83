# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the private servers of the tests have in common: a folder, a port on loopback, a process and its end.

Everything a server needs and leaves lies in its folder, so that servers side by side do not meet and nothing is left
when the folder is gone. Uses the standard library only, so that tests import it and molecule runs it. Knows DNS as far
as one question, and no server by name.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ADDRESS = "127.0.0.1"
KEY_NAME = "kms-rollout"
ALGORITHM = "hmac-sha256"
PATIENCE = 20.0  # seconds
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")


class CannotStart(Exception):
    """The server does not run; the message says why and what to do."""


@dataclass(frozen=True)
class DnsServer:
    """How to reach a running server, and where it keeps its files.

    Attributes:
        folder: its own.
        address, port: where it answers, over TCP at least.
        zone: the one it is primary for.
        host: its own name, the MNAME of that zone; resolves to nothing outside the zone.
        key_name, key_algorithm, key_secret: the TSIG key that may change SRV records; empty where there is none.
    """

    folder: str
    address: str
    port: int
    zone: str
    host: str
    key_name: str = KEY_NAME
    key_algorithm: str = ALGORITHM
    key_secret: str = ""

    @property
    def login(self) -> tuple[str, str]:
        """A principal that may change SRV records by its ticket, and its password; empty where there is none."""
        return "", ""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that lead to its Kerberos, where it has one."""
        return {}

    @property
    def log(self) -> Path:
        """What the server says."""
        return Path(self.folder) / "server.log"


def new_folder(folder: Path) -> Path:
    """The folder, made where it is missing."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def new_secret() -> str:
    """A TSIG secret for hmac-sha256."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def find(program: str, packages: str) -> str:
    """Where a program is. Raises CannotStart with the packages of Debian that bring it."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS])
    found = shutil.which(program, path=path)
    if found is None:
        raise CannotStart(
            f"These tests need `{program}`, which was not found: install it (Debian and Ubuntu: apt-get install"
            f" {packages}); it need not run by itself."
        )
    return found


def private_copy(program: str, folder: Path) -> str:
    """A copy in the folder: Debian and Ubuntu confine some servers to their own folders by path (AppArmor)."""
    return str(shutil.copy2(program, folder / Path(program).name))


def free_port() -> int:
    """A port free for UDP and for TCP, at this moment."""
    for _attempt in range(20):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind((ADDRESS, 0))
            port: int = udp.getsockname()[1]
            try:
                tcp.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    raise CannotStart(f"No port on {ADDRESS} is free for both UDP and TCP.")


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a tool to its end; its output. Raises CannotStart with what it said."""
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode != 0:
        raise CannotStart(f"{command[0]} ended with {done.returncode}: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def launch(
    folder: Path,
    log: Path,
    command: Sequence[str],
    answers: Callable[[], bool],
    *,
    environment: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
    inherited: Sequence[int] = (),
) -> None:
    """Start a server that stays in the foreground, and wait until it answers. Raises CannotStart.

    Args:
        folder: keeps the number of its process, for `stop`.
        answers: whether it answers by now.
        inherited: file descriptors it is given.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            pass_fds=inherited,
            start_new_session=True,
        )
    (folder / "process").write_text(str(process.pid), encoding="ascii")
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and process.poll() is None:
        if answers():
            return
        time.sleep(0.05)
    stop(folder)
    last_words = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    raise CannotStart(f"{Path(command[0]).name} does not answer; its last words:\n" + "\n".join(last_words))


def stop(folder: Path, signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGKILL)) -> None:
    """End the server of this folder, if it runs."""
    note = folder / "process"
    if not note.is_file():
        return
    number = int(note.read_text(encoding="ascii"))
    note.unlink()
    for wish in signals:
        if not _signal(number, wish):
            return
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not _signal(number, 0):
                return
            time.sleep(0.05)


def serves_zone(server: DnsServer) -> bool:
    """Ask for the SOA of its zone, by hand and over TCP: no error and one answer expected."""
    name = b"".join(bytes([len(label)]) + label.encode("ascii") for label in server.zone.split(".")) + b"\0"
    question = b"\x4b\x4d\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + b"\x00\x06\x00\x01"
    try:
        with socket.create_connection((server.address, server.port), 0.5) as connection:
            connection.settimeout(2)
            connection.sendall(len(question).to_bytes(2, "big") + question)
            answer = connection.recv(514)[2:]
    except OSError:
        return False
    return answer[:2] == b"KM" and answer[3] & 0x0F == 0 and answer[6:8] == b"\x00\x01"


def accepts(address: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((address, port), 0.5).close()
    except OSError:
        return False
    return True


def _signal(number: int, wish: int) -> bool:
    """Send a signal; False if nobody is there, or only a dead child of ours."""
    try:
        if os.waitpid(number, os.WNOHANG)[0] == number:
            return False
    except ChildProcessError:
        pass  # started by another process
    try:
        os.kill(number, wish)
    except ProcessLookupError:
        return False
    return True


def command_line(
    what: str,
    start: Callable[[argparse.Namespace], object],
    stop: Callable[[Path], None],
    options: Mapping[str, object],
    arguments: Sequence[str],
) -> int:
    """`start FOLDER [options]` prints how to reach the server, as JSON; `stop FOLDER`.

    Args:
        start: makes a dataclass of the parsed options.
        options: name without dashes: default, whose type is the option's.
    """
    parser = argparse.ArgumentParser(description=f"Start or stop a private {what}.")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("start")
    starting.add_argument("folder", type=Path)
    for name, default in options.items():
        starting.add_argument(f"--{name}", type=type(default), default=default)
    commands.add_parser("stop").add_argument("folder", type=Path)
    chosen = parser.parse_args(arguments)
    if chosen.command == "stop":
        stop(chosen.folder)
        return 0
    try:
        server = start(chosen)
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(asdict(server)) + "\n")  # type: ignore[call-overload]  # a dataclass, see above
    return 0
