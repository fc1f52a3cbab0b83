# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many publishers at the same moment, each a process of its own as the forks of Ansible are, each its own member.

The last time of each server is the worst case: nobody updates before all have looked, and seen that nobody is there.
Knows processes and their clock (CLOCK_MONOTONIC is one for all of them). dig is the witness of who is there at the end.
Refuses to know what is good enough (see publishing_report.py).
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
import unittest.mock
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext
from multiprocessing.synchronize import Barrier

import publishing
from dns_server import DnsServer
from processes import say
from publishing_speed import NotPublished
from publishing_world import CountingWorld, Sent, total

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Problem
from ansible_collections.activation.kms.plugins.plugin_utils._kms.publication import PublishWish

PUBLISHERS = 50
START_LIMIT = 60.0  # seconds until all are ready
LEAD = 2.0  # seconds from then on until they begin: a barrier lets them go one after the other, which takes a while


@dataclass(frozen=True)
class Told:
    """What one publisher tells of itself.

    Attributes:
        late: seconds from the common beginning to its own.
        ended: seconds from the common beginning to its end.
        trouble: why it has not published; empty if it has.
    """

    late: float
    ended: float
    trouble: str
    sent: Sent


@dataclass(frozen=True)
class Rush:
    """One time.

    Attributes:
        present: publishers whose member dig finds at the end.
        reported: publishers that say they published.
        latest: seconds after the common beginning until the last publisher got the processor.
        seconds: from the common beginning to the last publisher's end.
        sent: by all of them.
        troubles: what the others say.
    """

    present: int
    reported: int
    latest: float
    seconds: float
    sent: Sent
    troubles: Sequence[str]


@dataclass(frozen=True)
class Crowd:
    """What became of it on one server.

    Attributes:
        rushes: everybody as fast as it can.
        worst: the one where all look before anybody updates; its seconds say nothing.
    """

    rushes: Sequence[Rush]
    worst: Rush

    @property
    def middle(self) -> Rush:
        """The one of the middle duration; of an even number the longer one."""
        seconds = statistics.median_high(rush.seconds for rush in self.rushes)
        return next(rush for rush in self.rushes if rush.seconds == seconds)


def measure(server: DnsServer, name: str, rounds: int) -> Crowd:
    """So many times, each on a server where nobody is published."""
    rushes = []
    with unittest.mock.patch.dict(os.environ, server.environment):
        publishing.log_in(server)
        for number in range(rounds):
            say(f"{PUBLISHERS} publishers at once on {name}, round {number + 1} of {rounds}")
            rushes.append(_rush(server))
        return Crowd(rushes, _rush(server, all_look_first=True))


def _rush(server: DnsServer, *, all_look_first: bool = False) -> Rush:
    publishing.clear(server)
    targets = [f"kms{number}.{server.zone}" for number in range(PUBLISHERS)]
    told = _at_once([publishing.wish(server, target) for target in targets], all_look_first)
    there = {record.split()[3] for record in publishing.records(server)}
    troubles = [one.trouble for one in told if one.trouble]
    return Rush(
        present=sum(f"{target}." in there for target in targets),
        reported=len(told) - len(troubles),
        latest=max(one.late for one in told),
        seconds=max(one.ended for one in told),
        sent=total(one.sent for one in told),
        troubles=troubles,
    )


class _Start:
    """When all begin: LEAD seconds after the last of them is ready."""

    def __init__(self, context: ForkContext, publishers: int) -> None:
        self._moment = context.Value("d", 0.0)
        self._ready = context.Barrier(publishers, self._set)

    def wait(self) -> float:
        """Returns the moment when all begin, at that moment."""
        self._ready.wait(START_LIMIT)
        moment: float = self._moment.value
        time.sleep(max(0.0, moment - time.monotonic()))
        return moment

    def _set(self) -> None:
        self._moment.value = time.monotonic() + LEAD


def _at_once(wishes: Sequence[PublishWish], all_look_first: bool) -> list[Told]:
    """Everybody at the same moment. Raises NotPublished when one of them ends without a word."""
    context = multiprocessing.get_context("fork")
    start = _Start(context, len(wishes))
    all_looked = context.Barrier(len(wishes)) if all_look_first else None
    running = []
    for wish in wishes:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_publish, args=(wish, start, all_looked, sender))
        process.start()
        sender.close()
        running.append((receiver, process))
    try:
        return [receiver.recv() for receiver, _process in running]
    except EOFError as silence:
        raise NotPublished("a publisher ended without a word; what it printed says why") from silence
    finally:
        for _receiver, process in running:
            process.join()


def _publish(wish: PublishWish, start: _Start, all_looked: Barrier | None, sender: Connection) -> None:
    """One publisher."""
    world = CountingWorld(before_update=lambda: all_looked and all_looked.wait(START_LIMIT))
    moment = start.wait()
    began = time.monotonic()
    try:
        outcome = publishing.run(wish, world=world)
        trouble = outcome.problem.message if outcome.problem else "" if outcome.changed else "no change"
    except Problem as problem:
        trouble = problem.message
    sender.send(Told(began - moment, time.monotonic() - moment, trouble, world.sent))
