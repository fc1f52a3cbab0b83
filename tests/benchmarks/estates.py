# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Estates of emulated Windows for measuring: which machines there are, started and stopped, and plays run on them.

Knows ESTATE.yml and the command emulated-windows. Refuses to know what is measured.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from player import PROGRAMS, run_play
from processes import Cost
from traffic import Journal

PERSONA = "server-2003-sp2-x86"
ZONE = "bench.example"
BLOCK = f"127.{64 + os.getpid() % 128}"  # two runs at a time do not meet on an address
DNS_ADDRESS, DNS_PORT = f"{BLOCK}.255.1", 5301
TSIG = {"name": "bench", "algorithm": "hmac-sha256", "secret": "b25seSBmb3IgdGhlIGJlbmNobWFya3MsIG5vIHNlY3JldA=="}
NETWORKS = {"ntlm": f"{BLOCK}.0", "basic": f"{BLOCK}.1"}
HOSTS_PER_KEY = 6  # the emulated Microsoft refuses a seventh
MOST_HOSTS = 48  # twice as many members in one zone; BIND takes no more than 100 records of one name
KEY_ENDINGS = "BCDFGHJKMPQRTVWXY2346789"
START_LIMIT = 60.0


class EstateFailed(Exception):
    """The emulated Windows does not do what it should; the message says what."""


@dataclass(frozen=True)
class Host:
    """One machine of an estate.

    Attributes:
        installed: whether the key, and the updates it needs, are there from the beginning.
        variables: what the inventory says of it besides.
    """

    name: str
    transport: str
    address: str
    key: str
    persona: str = PERSONA
    group: str = "server_2008_r2_c"
    scheme: str = "http"
    installed: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)


class Estate:
    """An estate in a folder of its own, with the inventory, while it runs."""

    def __init__(self, folder: Path, collections: Path, hosts: Sequence[Host]) -> None:
        self.folder = folder
        self.hosts = hosts
        self.pid = 0
        self._collections = collections
        self.journal = Journal(folder / "journal.jsonl")

    def names(self, transport: str) -> list[str]:
        """The hosts of one transport."""
        return [host.name for host in self.hosts if host.transport == transport]

    def play(
        self,
        content: Sequence[Mapping[str, Any]],
        forks: int,
        variables: Mapping[str, Any] | None = None,
        *,
        watch_memory: bool = False,
    ) -> Cost:
        """Run a playbook on it. Raises processes.CommandFailed when a host fails."""
        return run_play(self.folder, self._collections, content, forks, variables, watch_memory=watch_memory)

    def show(self, host: str) -> dict[str, Any]:
        """The machine's own state."""
        found: dict[str, Any] = json.loads(emulated("show", str(self.folder / "estate.yml"), host))
        return found

    def dns_counters(self) -> dict[str, int]:
        """What the embedded DNS server has counted."""
        lines = emulated("show", str(self.folder / "estate.yml"), "--dns").splitlines()
        words = [line[2:].split() for line in lines if line.startswith("; ")]
        return {line[0]: int(line[1]) for line in words if len(line) == 2 and line[1].isdigit()}


def hosts(transport: str, count: int, first_key: int = 0) -> list[Host]:
    """Some machines of one transport, with as many host keys as they need."""
    return [
        Host(
            name=f"{transport}{number + 1:02d}",
            transport=transport,
            address=f"{NETWORKS[transport]}.{number + 1}",
            key=f"BCDFG-HJKMP-QRTVW-XY234-6789{KEY_ENDINGS[first_key + number // HOSTS_PER_KEY]}",
        )
        for number in range(count)
    ]


@contextlib.contextmanager
def serving(folder: Path, collections: Path, machines: Sequence[Host], zones: Sequence[str] = ()) -> Iterator[Estate]:
    """The estate runs inside; `zones` are there besides the usual one."""
    folder.mkdir(parents=True)
    (folder / "estate.yml").write_text(yaml.safe_dump(_settings(machines, zones)), encoding="utf-8")
    inventory = yaml.load(emulated("inventory", str(folder / "estate.yml")), Loader=yaml.SafeLoader)
    group = inventory["all"]["children"]["kms_hosts"]
    for machine in machines:
        group["hosts"][machine.name].update(bench_key=machine.key, **machine.variables)
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    ready, journal = folder / "ready", folder / "journal.jsonl"
    command = [str(PROGRAMS / "emulated-windows"), "serve", str(folder / "estate.yml")]
    command += ["--journal", str(journal), "--ready-file", str(ready)]
    estate = Estate(folder, collections, machines)
    with (folder / "serve.log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            until = time.monotonic() + START_LIMIT
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > until:
                    raise EstateFailed(f"it does not start: {(folder / 'serve.log').read_text(encoding='utf-8')}")
                time.sleep(0.1)
            estate.pid = process.pid
            yield estate
        finally:
            process.terminate()


def emulated(*arguments: str) -> str:
    """Run the command emulated-windows; its output. Raises EstateFailed."""
    command = [str(PROGRAMS / "emulated-windows"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EstateFailed(f"{arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _settings(machines: Sequence[Host], zones: Sequence[str]) -> dict[str, Any]:
    return {
        "domain": ZONE,
        "credentials": {"user": "Administrator", "password": "Bench-Only-1"},
        "boot_seconds": 1,
        "dns": {"address": DNS_ADDRESS, "port": DNS_PORT, "zone": ZONE, "zones": list(zones), "tsig": TSIG},
        "host_keys": {machine.key: machine.group for machine in machines},
        "hosts": {
            machine.name: {
                "persona": machine.persona,
                "address": machine.address,
                "transport": machine.transport,
                "scheme": machine.scheme,
                "allow_unencrypted": machine.transport == "basic" and machine.scheme == "http",
                **({"host_key": machine.key} if machine.installed else {}),
            }
            for machine in machines
        },
    }
