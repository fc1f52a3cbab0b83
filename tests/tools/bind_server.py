# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a private BIND 9 with one zone, the way a careful administrator would let KMS hosts publish in it.

One TSIG key may change SRV records at `_vlmcs._tcp` and nothing else (BIND 9 ARM, "Dynamic Update Policies"). Needs
no root: everything lies in one folder, the port is above 1024, the address is loopback. Uses the standard library only,
so that tests import it and molecule runs it:

    bind_server.py start FOLDER [--zone corp.example] [--port 5301]     prints how to reach it, as JSON
    bind_server.py stop FOLDER
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
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ADDRESS = "127.0.0.1"
KEY_NAME = "kms-rollout"
ALGORITHM = "hmac-sha256"
PATIENCE = 20.0
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")

CONFIGURATION = """
options {{
    directory "{folder}";
    pid-file "{folder}/named.pid";
    session-keyfile "{folder}/session.key";
    listen-on port {port} {{ {address}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    allow-transfer {{ key "{key_name}"; }};
}};
controls {{ }};
key "{key_name}" {{ algorithm {key_algorithm}; secret "{key_secret}"; }};
zone "{zone}" {{
    type primary;
    file "zone.db";
    notify no;
    update-policy {{ grant {key_name}. name _vlmcs._tcp.{zone}. SRV; }};
}};
"""

ZONE = """$TTL 3600
@ IN SOA ns1.{zone}. hostmaster.{zone}. ( 1 3600 900 604800 300 )
@ IN NS ns1.{zone}.
ns1 IN A {address}
"""


class CannotStart(Exception):
    """The server does not run; the message says why and what to do."""


@dataclass(frozen=True)
class BindServer:
    """How to reach a running server, and where it keeps its files."""

    folder: str
    address: str
    port: int
    zone: str
    key_name: str
    key_algorithm: str
    key_secret: str

    @property
    def log(self) -> Path:
        """What named says."""
        return Path(self.folder) / "named.log"


def start(folder: Path, zone: str = "corp.example", port: int = 0, records: str = "") -> BindServer:
    """Start a server in an empty or new folder; port 0 takes a free one; `records` are more lines of the zone file.

    Raises:
        CannotStart: there is no BIND here, or it does not answer.
    """
    program = _find_named()
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    server = BindServer(str(folder), ADDRESS, port or _free_port(), zone, KEY_NAME, ALGORITHM, secret)
    (folder / "named.conf").write_text(CONFIGURATION.format(**asdict(server)), encoding="utf-8")
    (folder / "zone.db").write_text(ZONE.format(**asdict(server)) + records, encoding="utf-8")
    # Debian and Ubuntu confine /usr/sbin/named to its own folders (AppArmor); a copy is not confined.
    private = shutil.copy2(program, folder / "named")
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            [str(private), "-c", str(folder / "named.conf"), "-n", "1", "-g"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    (folder / "process").write_text(str(process.pid), encoding="ascii")
    _wait_until_it_answers(server, process)
    return server


def stop(folder: Path) -> None:
    """End the server of this folder, if it runs."""
    note = folder / "process"
    if not note.is_file():
        return
    number = int(note.read_text(encoding="ascii"))
    note.unlink()
    for wish in (signal.SIGTERM, signal.SIGKILL):
        if not _signal(number, wish):
            return
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not _signal(number, 0):
                return
            time.sleep(0.05)


def _find_named() -> str:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS])
    program = shutil.which("named", path=path)
    if program is None:
        raise CannotStart(
            "These tests need BIND 9, and `named` was not found: install it (Debian and Ubuntu: apt-get install bind9"
            " bind9-dnsutils bind9-utils); it need not run by itself."
        )
    return program


def _free_port() -> int:
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


def _wait_until_it_answers(server: BindServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(server):
            return
        time.sleep(0.05)
    process.kill()
    last_words = server.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    raise CannotStart("named does not answer; its last words:\n" + "\n".join(last_words))


def _answers(server: BindServer) -> bool:
    """Ask for the SOA of the zone, by hand: one question, no error and one answer expected."""
    name = b"".join(bytes([len(label)]) + label.encode("ascii") for label in server.zone.split(".")) + b"\0"
    question = b"\x4b\x4d\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + b"\x00\x06\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.5)
        try:
            udp.connect((server.address, server.port))
            udp.send(question)
            answer = udp.recv(512)
        except OSError:
            return False
    return answer[:2] == b"KM" and answer[3] & 0x0F == 0 and answer[6:8] == b"\x00\x01"


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


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Start or stop a private BIND 9.")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("start")
    starting.add_argument("folder", type=Path)
    starting.add_argument("--zone", default="corp.example")
    starting.add_argument("--port", type=int, default=0)
    commands.add_parser("stop").add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    if options.command == "stop":
        stop(options.folder)
        return 0
    try:
        server = start(options.folder, options.zone, options.port)
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(asdict(server)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
