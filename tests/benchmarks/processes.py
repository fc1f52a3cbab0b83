# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command to its end and says what it cost: CPU of its whole process tree, time, and its peak memory.

Knows wait4 and /proc (Linux). Refuses to know what the command does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT = 1800.0  # seconds after which a command hangs
POLL = 0.05
KIB, MIB = 1024, 1024 * 1024
TICK = os.sysconf("SC_CLK_TCK")


class CommandFailed(Exception):
    """The command did not end well; the message holds the end of what it printed."""


@dataclass(frozen=True)
class Cost:
    """What a command cost.

    Attributes:
        cpu: seconds, user and system, of the command and all its descendants that were waited for.
        largest: bytes, the highest resident size any one process of the tree ever had (as the kernel kept it).
        tree: bytes, the highest sum over the tree of proportional sizes, which count a shared page once; it is
            polled, so a short peak may be missed; 0 where nobody asked for it.
        wall: seconds from start to end, which say as much of the machine as of the command.
        output: what was printed.
    """

    cpu: float
    largest: int
    tree: int
    wall: float
    output: str


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str], *, watch_memory: bool = False) -> Cost:
    """Run it. Raises CommandFailed."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        limit = threading.Timer(LIMIT, _end, (process.pid,))
        limit.start()
        watcher = _TreeWatcher(process.pid) if watch_memory else None
        # The usage wait4 tells is that of this child and of what it waited for. RUSAGE_CHILDREN would mix in others,
        # and its peak is that of every child so far.
        _, status, usage = os.wait4(process.pid, 0)
        limit.cancel()
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        tree = watcher.stop() if watcher is not None else 0
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if process.returncode != 0:
        tail = "\n".join(text.splitlines()[-40:])
        raise CommandFailed(f"{' '.join(command)}\nended with {process.returncode}:\n{tail}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * KIB, tree, wall, text)


def cpu_of(pid: int) -> float:
    """Seconds of CPU a running process has used, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_of(pid: int) -> int:
    """Bytes, the highest resident size of a running process so far."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmHWM:") * KIB


def say(text: str) -> None:
    """Progress, for the log."""
    print(text, file=sys.stderr, flush=True)


class _TreeWatcher:
    """Adds up, again and again, the memory of a session's processes."""

    def __init__(self, session: int) -> None:
        self._session = session
        self._peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """The highest sum, in bytes."""
        self._ended.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._ended.wait(POLL):
            sizes = (_kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") for pid in _session_members(self._session))
            self._peak = max(self._peak, sum(sizes) * KIB)


def _session_members(session: int) -> list[int]:
    found = []
    for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        try:
            if os.getsid(pid) == session:
                found.append(pid)
        except (ProcessLookupError, PermissionError):
            continue
    return found


def _kilobytes(file: Path, name: str) -> int:
    """A line `Name:  123 kB` of a file under /proc; 0 for a process that has gone."""
    try:
        lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def _end(session: int) -> None:
    try:
        os.killpg(session, signal.SIGKILL)
    except ProcessLookupError:
        return
