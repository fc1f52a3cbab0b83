# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate: everything a change must pass, part by part.

    gate.py                all parts, as `make test` and CI run them
    gate.py lint unit      these parts, and the environments they need

Two jobs run at a time. A failed job does not stop the others; a job that cannot run has failed. The last line counts
the jobs. Logs are kept in .build/log. What the parts are stands in parts.py.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import jobs
from build_tree import ROOT, refresh
from environments import ALL, CORES, covered
from jobs import Job, Outcome
from parts import PARTS, TOOLS, Part

AT_A_TIME = 2


@dataclass(frozen=True)
class Started:
    """A part whose jobs are waiting or running."""

    part: Part
    jobs: Sequence[tuple[Job, Future[Outcome]]]


@dataclass(frozen=True)
class Ended:
    """A part whose jobs have ended."""

    part: Part
    outcomes: Sequence[Outcome]

    @property
    def seconds(self) -> float:
        """From the start of its first job to the end of its last."""
        if not self.outcomes:
            return 0.0
        return max(outcome.ended for outcome in self.outcomes) - min(outcome.started for outcome in self.outcomes)

    @property
    def failed(self) -> list[Outcome]:
        """Its jobs that failed."""
        return [outcome for outcome in self.outcomes if not outcome.passed]


def with_environments(parts: Sequence[Part]) -> list[Part]:
    """The parts, with one before them that makes the environments they need: the system's packages first."""
    needed = {job.environment for part in parts for job in part.jobs() if job.environment is not None}
    script = (sys.executable, f"{TOOLS}/environments.py")
    makers = [Job(f"environment {name}", (*script, name)) for name in ALL if name in needed]
    environments = Part("environments", "Python environments", lambda: makers, alone=True)
    early = [part for part in parts if part.name == "system"]
    late = [part for part in parts if part.name != "system"]
    return [*early, environments, *late]


def run_all(parts: Sequence[Part]) -> Iterator[Ended]:
    """Run the parts and yield them in their order, as they end."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        try:
            for batch in batches(parts):
                yield from finish([start(part, pool) for part in batch])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            jobs.end_all()
            raise


def start(part: Part, pool: ThreadPoolExecutor) -> Started:
    waiting = part.jobs()
    for job in waiting:
        job.log.unlink(missing_ok=True)  # what it printed last time is not to be taken for this time's
    return Started(part, [(job, pool.submit(jobs.run, job)) for job in waiting])


def batches(parts: Sequence[Part]) -> list[list[Part]]:
    """Parts that may run at the same time; what wants to be alone is a batch of its own."""
    together: list[list[Part]] = []
    for part in parts:
        if together and not part.alone and not together[-1][0].alone:
            together[-1].append(part)
        else:
            together.append([part])
    return together


def finish(waiting: Iterable[Started]) -> Iterator[Ended]:
    for started in waiting:
        say(f"\n== {started.part.heading} ({started.part.name})")
        outcomes = [wait_for(job, future) for job, future in started.jobs]
        ended = Ended(started.part, outcomes)
        say(f"   {started.part.name}: {ended.seconds:.1f} s")
        yield ended


def wait_for(job: Job, running: Future[Outcome]) -> Outcome:
    if job.shown:
        for text in jobs.follow(job, running):
            print(text, end="", flush=True)
    outcome = running.result()
    report(outcome)
    return outcome


def say(line: str) -> None:
    print(line, flush=True)


def report(outcome: Outcome) -> None:
    word = "ok    " if outcome.passed else "FAILED"
    say(f"   {word} {outcome.job.name:<32} {outcome.seconds:7.1f} s")
    if outcome.job.shown:
        return
    if not outcome.passed:
        for line in outcome.tail():
            say(f"        | {line}")
        say(f"        whole log: {outcome.job.log.relative_to(ROOT)}")
    for line in outcome.closing_lines():
        say(line)


def summarize(ended: Sequence[Ended], seconds: float) -> int:
    """Print what happened; the number of failed jobs."""
    say("\n== Summary")
    for part in ended:
        count = f"{len(part.failed)} of {len(part.outcomes)} failed" if part.failed else f"{len(part.outcomes)} ok"
        say(f"   {part.part.name:<14} {part.seconds:7.1f} s   {count}")
        for outcome in part.failed:
            say(f"      failed: {outcome.job.name}")
    for core in CORES:
        if not covered(core):
            say(f"   not covered: ansible-core {core.core}; no Python {' or '.join(core.pythons)} runs here")
    failed = sum(len(part.failed) for part in ended)
    total = sum(len(part.outcomes) for part in ended)
    say(f"   {seconds / 60:.1f} minutes in all")
    say(f"{total - failed} passed, {failed} failed")
    return failed


def chosen(names: Sequence[str]) -> list[Part]:
    return [part for part in PARTS if (part.name in names if names else part.usual)]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Run the gate, or parts of it.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(part.name for part in PARTS))
    names: list[str] = parser.parse_args(arguments).parts
    if unknown := set(names) - {part.name for part in PARTS}:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to end the jobs, as Ctrl-C does
    refresh()
    started = time.monotonic()
    try:
        ended = list(run_all(with_environments(chosen(names))))
    except KeyboardInterrupt:
        say("Interrupted; the jobs were ended.")
        return 130
    return 1 if summarize(ended, time.monotonic() - started) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
