# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs commands, two at a time, each with a log, a time limit and nothing of the caller's Ansible or pytest settings.

Knows processes and logs; knows nothing of what the commands check.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from build_tree import BUILD, ROOT
from environments import ALL

LOGS = BUILD / "log"
FOREIGN_SETTINGS = ("ANSIBLE_", "MOLECULE_", "PYTEST_", "MYPY", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
TAIL = 60
# "==== 12 passed in 0.34s ====", what pytest says when there is nothing to run, and every skipped test with its reason.
CLOSING_LINE = re.compile(r"^=+ .*\b(passed|failed|error|errors|skipped|no tests ran)\b.* in [0-9.:]+|^SKIPPED \[")

_running: set[subprocess.Popen[bytes]] = set()
_running_guard = threading.Lock()


@dataclass(frozen=True)
class Job:
    """One command.

    Attributes:
        name: what it is about, in a few words; unique.
        command: program and arguments; the program is looked for in the environment first.
        environment: whose programs come first on PATH (see environments.py); None for this machine's own.
        variables: environment variables besides.
        directory: where it runs.
        minutes: after which it is ended and counts as failed.
        shown: what it prints is for people, so it is shown while it runs; of the others only the end of a failure.
    """

    name: str
    command: tuple[str, ...]
    environment: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    directory: Path = ROOT
    minutes: float = 20
    shown: bool = False

    @property
    def log(self) -> Path:
        """Everything it prints goes here."""
        return LOGS / (re.sub(r"[^a-z0-9.]+", "-", self.name.lower()).strip("-") + ".log")


@dataclass(frozen=True)
class Outcome:
    """How a job ended; times in seconds of the monotonic clock."""

    job: Job
    passed: bool
    started: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.started

    def tail(self) -> list[str]:
        """The end of its log."""
        return self.job.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]

    def closing_lines(self) -> list[str]:
        """What pytest counted and what it skipped, if it was pytest."""
        lines = self.job.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if CLOSING_LINE.match(line)]


def run(job: Job) -> Outcome:
    """Run one job to its end."""
    started = time.monotonic()
    LOGS.mkdir(parents=True, exist_ok=True)
    with job.log.open("wb") as log:
        log.write(f"$ {' '.join(job.command)}\n".encode())
        log.flush()
        try:
            status = _wait(job, log.fileno())
        except OSError as error:
            log.write(f"{error}\n".encode())
            status = 127
        except subprocess.TimeoutExpired:
            log.write(f"\nEnded after {job.minutes:g} minutes, its limit.\n".encode())
            status = 124
    return Outcome(job, status == 0, started, time.monotonic())


def follow(job: Job, running: Future[Outcome]) -> Iterator[str]:
    """What a job prints, while it does."""
    while not job.log.exists() and not running.done():
        time.sleep(0.1)
    with job.log.open(encoding="utf-8", errors="replace") as log:
        while True:
            ended = running.done()
            yield log.read()
            if ended:
                return
            time.sleep(0.2)


def end_all() -> None:
    """End whatever runs; for the impatient."""
    with _running_guard:
        processes = list(_running)
    for process in processes:
        _end(process)


def _wait(job: Job, log: int) -> int:
    process = subprocess.Popen(
        _located(job),
        cwd=job.directory,
        env=_surroundings(job),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with _running_guard:
        _running.add(process)
    try:
        return process.wait(timeout=job.minutes * 60)
    except subprocess.TimeoutExpired:
        _end(process)
        raise
    finally:
        with _running_guard:
            _running.discard(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and the children that stayed in its group: politely, then not."""
    for wish in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, wish)
            process.wait(timeout=10)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _located(job: Job) -> list[str]:
    """The command with its program's full name: PATH of the child is not asked for the child itself."""
    program, *arguments = job.command
    if job.environment is not None and (ALL[job.environment].programs / program).exists():
        program = str(ALL[job.environment].programs / program)
    return [program, *arguments]


def _surroundings(job: Job) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_SETTINGS)}
    path = [str(ALL[job.environment].programs)] if job.environment is not None else []
    return {
        **kept,
        "PATH": os.pathsep.join([*path, kept.get("PATH", os.defpath), "/usr/sbin", "/sbin"]),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOME": str(BUILD / "ansible-home" / job.log.stem),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        **job.variables,
    }
