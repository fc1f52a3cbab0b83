# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Toy resources over a toy world: counters that are to reach a number, switches, pauses and observations.

Knows the engine's vocabulary only. A part is a class, so that "touches" means something; the clock is virtual.
"""

from __future__ import annotations

import dataclasses
import io
import typing as t

from ansible_collections.activation.kms.plugins.plugin_utils._plan import (
    EVERYTHING,
    Item,
    Look,
    Observe,
    Pause,
    Reader,
    Resource,
    Seen,
    Step,
)
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._world import GssContext, Stream


@dataclasses.dataclass(frozen=True)
class A:
    """A counter."""

    value: int = 0


@dataclasses.dataclass(frozen=True)
class B:
    """Another counter."""

    value: int = 0


@dataclasses.dataclass(frozen=True)
class C:
    """A third one."""

    value: int = 0


@dataclasses.dataclass(frozen=True)
class Light:
    """What an observation looks at."""

    on: bool = True


Counter = type[A] | type[B] | type[C]
COUNTERS: tuple[Counter, ...] = (A, B, C)


class ToyWorld:
    """Counters behind doors.

    Attributes:
        state: what each counter really is.
        reads: which part was read, in order.
        ran: the ids of steps that were run, in order.
        before_read: called before each read with the part; may raise, or change the state.
    """

    host = "toy"
    operation_timeout = 60.0

    def __init__(self, **state: int) -> None:
        self.state: dict[str, int] = {"A": 0, "B": 0, "C": 0, "Light": 1, **state}
        self.reads: list[str] = []
        self.ran: list[str] = []
        self.logged: list[str] = []
        self.clock = 1000.0
        self.disconnected = 0
        self.before_read: t.Callable[[str], None] = lambda part: None

    def readers(self) -> dict[type, Reader]:
        """How every toy part is read."""

        def reader(part: type) -> Reader:
            def read(world: t.Any, look: Look) -> t.Any:
                self.before_read(part.__name__)
                self.reads.append(part.__name__)
                return part(self.state[part.__name__])

            return read

        return {part: reader(part) for part in (*COUNTERS, Light)}

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds

    def log(self, text: str) -> None:
        self.logged.append(text)

    def disconnect(self) -> None:
        self.disconnected += 1

    def send(self, message: bytes, *, timeout: float) -> tuple[int, bytes]:
        raise NotImplementedError

    def exchange(self, message: bytes, server: str, port: int, *, timeout: float) -> bytes:
        raise NotImplementedError

    def gss(self, host: str, principal: str, password: Secret | None, keytab: str) -> GssContext:
        raise NotImplementedError

    def resolve(self, name: str) -> list[str]:
        raise NotImplementedError

    def dial(self, address: str, port: int, *, timeout: float) -> Stream:
        raise NotImplementedError

    def open_file(self, path: str) -> t.BinaryIO:
        return io.BytesIO()

    def list_folder(self, path: str) -> list[str]:
        raise NotImplementedError

    def append(self, path: str, line: str) -> None:
        raise NotImplementedError


def add(world_part: Counter, by: int = 1) -> t.Callable[[Seen], Seen]:
    """The prediction that a counter grows."""
    return lambda seen: seen.having(world_part(seen[world_part].value + by))


def do_add(part: Counter, step_id: str) -> t.Callable[[t.Any], None]:
    """Really count."""

    def run(world: t.Any) -> None:
        world.ran.append(step_id)
        world.state[part.__name__] += 1

    return run


class CountTo(Resource):
    """A counter has at least this value. `changes` replaces fields of its steps."""

    def __init__(self, part: Counter, goal: int, after: tuple[type[Resource], ...] = (), **changes: t.Any) -> None:
        self.name = f"count {part.__name__}"
        self.part = part
        self.goal = goal
        self.needs: tuple[type, ...] = (part,)
        self.after = after
        self.changes = changes

    def next(self, seen: Seen) -> Item | None:
        value = seen[self.part].value
        if value >= self.goal:
            return None
        step_id = f"{self.part.__name__}.{value + 1}"
        step = Step(
            id=step_id,
            summary=f"count {self.part.__name__} to {value + 1}",
            predict=add(self.part),
            run=do_add(self.part, step_id),
            touches=(self.part,),
        )
        return dataclasses.replace(step, **self.changes)


class CountB(CountTo):
    """A kind of its own, to come `after`."""


class CountC(CountTo):
    """A kind of its own, to come `after`."""


class Wait(Resource):
    """Pauses while counter B is 0."""

    name = "wait"
    needs = (B,)

    def __init__(self, restart: bool = False) -> None:
        self.restart = restart

    def next(self, seen: Seen) -> Item | None:
        if seen[B].value:
            return None
        return Pause("somebody must turn B on", {"waiting": True}, add(B), restart=self.restart)


class Reboot(Resource):
    """Restarts while counter B is 0; touches everything."""

    name = "reboot"
    needs = (B,)

    def next(self, seen: Seen) -> Item | None:
        if seen[B].value:
            return None
        return Step("reboot", "restart", add(B), do_add(B, "reboot"), EVERYTHING)


class Watch(Resource):
    """Looks whether the light is on, once."""

    name = "watch"

    def __init__(self, fails: bool) -> None:
        self.fails = fails

    def next(self, seen: Seen) -> Item | None:
        if seen.get(Light) is not None:
            return None
        return Observe(Light(True), lambda later: None if later[Light].on else "it is dark", self.fails, "dark")
