# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An estate of emulated Windows for a test, and Ansible run against it as an administrator would.

Serves the hosts a test asks for, each run of pytest on loopback addresses of its own; writes inventory and playbook,
starts ansible-playbook of the running interpreter, and reads what came of it: registered results, the estate's journal,
the state of a machine. Knows the command `emulated-windows` and ansible-playbook; nothing of what is tested.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import yaml

PERSONA = "server-2003-sp2-x86"
DOMAIN = "corp.example"
USER = "Administrator"
PASSWORD = "Rem0te&<Pass>word"
HOST_KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"  # made up; the emulated Microsoft knows it
KEY_GROUP = "server_2008_r2_c"
PATIENCE = 120.0  # seconds after which something that must happen is taken for stuck

Data = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Play:
    """A finished run of ansible-playbook."""

    returncode: int
    stdout: str
    stderr: str
    results: Data

    @property
    def output(self) -> str:
        """Everything it said."""
        return self.stdout + self.stderr


@dataclasses.dataclass
class Estate:
    """A running estate. `network` is the /24 its hosts stand in, "127.93.7" for instance."""

    folder: Path
    network: str
    hosts: tuple[str, ...]
    _emulator: subprocess.Popen[bytes]

    @property
    def file(self) -> Path:
        """ESTATE.yml."""
        return self.folder / "estate.yml"

    def command(self, *arguments: str) -> str:
        """Run `emulated-windows`; its output."""
        done = subprocess.run([*EMULATED_WINDOWS, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def show(self, host: str) -> Data:
        """The state of a machine, in the estate's own words."""
        found: Data = json.loads(self.command("show", str(self.file), host))
        return found

    def fault(self, host: str, *what: str) -> None:
        """Make something go wrong."""
        self.command("fault", str(self.file), host, *what)

    def packages(self, *arguments: str) -> Path:
        """A new folder with stand-ins for Microsoft's packages."""
        folder = self.folder / "-".join(["packages", *(word.strip("-") for word in arguments)])
        if not folder.is_dir():
            self.command("packages", str(folder), *arguments)
        return folder

    def exchanges(self) -> list[Data]:
        """The journal: every HTTP exchange so far, oldest first."""
        lines = (self.folder / "journal.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def journal(self, host: str | None = None) -> list[Data]:
        """Those that are no legs of a login."""
        return [entry for entry in self.exchanges() if not entry["auth_only"] and host in (None, entry["host"])]

    def mutations(self, host: str | None = None) -> list[Data]:
        """Those that could have changed the machine."""
        return [entry for entry in self.journal(host) if entry["mutation"]]

    def shells(self, host: str | None = None) -> list[Data]:
        """Those that opened a remote shell."""
        return [e for e in self.journal(host) if e["operation"] == "shell" and e["resource"].lower() == "create"]

    def wait_for(self, what: Callable[[], object], sign: str) -> None:
        """Look until it is so. A run in which it never is so fails with `sign`."""
        until = time.monotonic() + PATIENCE
        while not what():
            assert time.monotonic() < until, f"never happened: {sign}"
            time.sleep(0.02)

    def inventory(self) -> Data:
        """The estate's own inventory, as data to be changed."""
        tree: Data = yaml.safe_load(self.command("inventory", str(self.file)))
        tree["all"]["hosts"] = {
            "localhost": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        }
        return tree

    def start(self, plays: Sequence[Mapping[str, t.Any]], *arguments: str, **more: t.Any) -> Run:
        """Start ansible-playbook; see Run. `inventory`: other than the estate's; `environment`: more variables."""
        return Run(self.folder, plays, more.pop("inventory", None) or self.inventory(), arguments, **more)

    def play(self, plays: Sequence[Mapping[str, t.Any]], *arguments: str, **more: t.Any) -> Play:
        """Run ansible-playbook to its end."""
        return self.start(plays, *arguments, **more).finish()

    def stop(self) -> None:
        """End the process that serves the estate."""
        self._emulator.terminate()
        self._emulator.wait(PATIENCE)


class Run:
    """A run of ansible-playbook on its way, in a folder of its own.

    The results that its tasks register (variables that begin with r_) are written by a play of its own at the end.
    """

    def __init__(
        self,
        folder: Path,
        plays: Sequence[Mapping[str, t.Any]],
        inventory: Mapping[str, t.Any],
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = _new_folder(folder)
        self._results = self.folder / "results.json"
        written = [*plays, _writing_results(plays, self._results)]
        (self.folder / "play.yml").write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
        (self.folder / "hosts.yml").write_text(yaml.safe_dump(dict(inventory), sort_keys=False), encoding="utf-8")
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.yml", "play.yml", *arguments]
        # Files rather than pipes: a killed controller leaves children that keep a pipe open.
        with (self.folder / "stdout").open("wb") as out, (self.folder / "stderr").open("wb") as err:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, **_SETTINGS, "ANSIBLE_HOME": str(self.folder / "home"), **(environment or {})},
                start_new_session=True,
            )

    def finish(self) -> Play:
        """Wait for the end."""
        code = self.process.wait(3 * PATIENCE)
        results: Data = json.loads(self._results.read_text(encoding="utf-8")) if self._results.is_file() else {}
        return Play(code, self._said("stdout"), self._said("stderr"), results)

    def kill(self) -> None:
        """kill -9, the controller and all it has started: a power cut. Its workers have sessions of their own."""
        self.process.send_signal(signal.SIGSTOP)
        for process in [*_descendants(self.process.pid), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def _said(self, where: str) -> str:
        return (self.folder / where).read_text(encoding="utf-8", errors="replace")


EMULATED_WINDOWS = (sys.executable, "-m", "emulated_windows")
_SETTINGS = {
    "ANSIBLE_RETRY_FILES_ENABLED": "1",
    "ANSIBLE_DEPRECATION_WARNINGS": "0",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_FORKS": "10",
}


@contextlib.contextmanager
def serving(folder: Path, hosts: Mapping[str, Mapping[str, t.Any]], **top: t.Any) -> Iterator[Estate]:
    """An estate with these hosts. Keys of a host: those of ESTATE.yml; persona, address and transport have defaults."""
    folder.mkdir(parents=True, exist_ok=True)
    network = _free_network()
    machines = {
        name: {"persona": PERSONA, "address": f"{network}.{number}", "transport": "ntlm", **settings}
        for number, (name, settings) in enumerate(hosts.items(), 1)
    }
    content = {
        "domain": DOMAIN,
        "credentials": {"user": USER, "password": PASSWORD},
        "boot_seconds": 2,
        "host_keys": {HOST_KEY: KEY_GROUP},
        **top,
        "hosts": machines,
    }
    (folder / "estate.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    estate = Estate(folder, network, tuple(hosts), _serve(folder))
    try:
        yield estate
    finally:
        estate.stop()


def host_options(packages: Path, **other: t.Any) -> Data:
    """A whole rollout in the words of activation.kms.host; other options replace or join these."""
    options = {
        "serve": ["windows_7", "server_2008_r2"],
        "packages": str(packages),
        "reboot": True,
        "product_key": HOST_KEY,
        "key_group": KEY_GROUP,
        "firewall": "open",
        "firewall_remote_addresses": ["10.0.0.0/8", "127.0.0.0/8"],
        **other,
    }
    return {name: value for name, value in options.items() if value is not None}


def one_task(
    host: str | list[str], module: str, options: Mapping[str, t.Any], register: str = "r_it", **task: t.Any
) -> Data:
    """A play of one task of this collection."""
    return {
        "name": module,
        "hosts": host,
        "gather_facts": False,
        "tasks": [
            {
                "name": module,
                f"activation.kms.{module}": dict(options),
                "register": register,
                "ignore_errors": True,
                "ignore_unreachable": True,
                **task,
            }
        ],
    }


def _serve(folder: Path) -> subprocess.Popen[bytes]:
    ready = folder / "ready"
    command = [*EMULATED_WINDOWS, "serve", str(folder / "estate.yml")]
    command += ["--journal", str(folder / "journal.jsonl"), "--ready-file", str(ready)]
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    until = time.monotonic() + PATIENCE
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise AssertionError(f"the estate did not start: {(folder / 'emulator.log').read_text(encoding='utf-8')}")
        time.sleep(0.05)
    return process


def _free_network() -> str:
    """A /24 of loopback that no other run uses: whoever holds port 5985 of its last address has it."""
    while True:
        network = f"127.{random.randrange(64, 250)}.{random.randrange(1, 250)}"
        with socket.socket() as trial:
            try:
                trial.bind((f"{network}.1", 5985))
            except OSError:
                continue
        return network


def _new_folder(folder: Path) -> Path:
    number = 1
    while (folder / f"run{number}").exists():
        number += 1
    (folder / f"run{number}").mkdir()
    return folder / f"run{number}"


def _writing_results(plays: Sequence[Mapping[str, t.Any]], path: Path) -> Data:
    """A play that writes {variable: result}, of plays with a list of hosts {variable: {host: result}}."""

    def of(host: str, name: str) -> str:
        return f"{{{{ hostvars['{host}']['{name}'] | default(none) }}}}"

    found = {
        name: of(play["hosts"], name) if isinstance(play["hosts"], str) else {h: of(h, name) for h in play["hosts"]}
        for play in plays
        for name in _registered(play.get("tasks", ()))
    }
    content = {"dest": str(path), "mode": "0600", "content": "{{ found | to_json }}"}
    task = {"name": "Write", "ansible.builtin.copy": content, "vars": {"found": found}}
    return {"name": "Write what was registered", "hosts": "localhost", "gather_facts": False, "tasks": [task]}


def _descendants(ancestor: int) -> list[int]:
    """The processes below one, by what Linux says of everybody's parent (proc(5))."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [ancestor]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found[1:]


def _registered(tasks: Sequence[Mapping[str, t.Any]]) -> Iterator[str]:
    for task in tasks:
        if str(task.get("register", "")).startswith("r_"):
            yield task["register"]
        for part in ("block", "rescue", "always"):
            yield from _registered(task.get(part, ()))
