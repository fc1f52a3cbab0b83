# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vocabulary of a plan: what is seen, what a resource may answer, what comes out.

Internal to the collection activation.kms; not a public interface.

A *part* is one immutable value that somebody read (System, Licensing, Firewall, ...). *Seen* holds one value a part. A
*resource* is a pure function from Seen to the next step that is missing. The engine in `_converge` does the rest.
"""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from ._errors import Problem
    from ._world import World

P = t.TypeVar("P")


class Seen:
    """One immutable value a part, found by its type."""

    def __init__(self, parts: t.Mapping[type, t.Any] | None = None) -> None:
        self._parts: dict[type, t.Any] = dict(parts or {})

    def __getitem__(self, part: type[P]) -> P:
        return t.cast(P, self._parts[part])

    def get(self, part: type[P]) -> P | None:
        """The part, or None when nobody has looked at it yet."""
        return t.cast("P | None", self._parts.get(part))

    def having(self, *values: t.Any) -> Seen:
        """The same with these parts replaced (or added), each under its own type."""
        return Seen({**self._parts, **{type(value): value for value in values}})

    def without(self, parts: t.Collection[type]) -> Seen:
        """The same without these parts, to be read anew."""
        return Seen({part: value for part, value in self._parts.items() if part not in parts})

    def parts(self) -> dict[type, t.Any]:
        """A copy of everything, for reports."""
        return dict(self._parts)


Reader = t.Callable[["World", "Look"], t.Any]
"""Reads one part from the world; may ask the look for other parts it builds on."""


class Look:
    """One look at the world: each part is read when it is first asked for, and once only."""

    def __init__(self, world: World, readers: t.Mapping[type, Reader], known: Seen) -> None:
        self._world = world
        self._readers = readers
        self.seen = known

    def __getitem__(self, part: type[P]) -> P:
        value = self.seen.get(part)
        if value is None:
            value = t.cast(P, self._readers[part](self._world, self))
            self.seen = self.seen.having(value)
        return value


EVERYTHING: t.Final = "everything"
"""What a restart touches."""


@dataclasses.dataclass(frozen=True)
class Step:
    """One change.

    Attributes:
        id: stable id, "host_key.activate" for instance.
        summary: what it does, for a person; never a secret.
        predict: what will be seen after it; pure; changes only parts in `touches`.
        run: does it; raises Problem.
        touches: the parts to be read again afterwards, or EVERYTHING (a restart).
        settle: seconds it may take until the change shows.
        once: never repeated after a lost answer (it spends something).
        upkeep: keeps things in order without being a change: at most once a run, not verified, not in the plan.
        subject: what it is done to, where several upkeep steps of one run have the same id.
        before, after: the lines a diff shows for it.
    """

    id: str
    summary: str
    predict: t.Callable[[Seen], Seen]
    run: t.Callable[[World], None]
    touches: t.Collection[type] | t.Literal["everything"]
    settle: float = 0.0
    once: bool = False
    upkeep: bool = False
    subject: str = ""
    before: str = ""
    after: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """By which a run knows upkeep that was done."""
        return self.id, self.subject


@dataclasses.dataclass(frozen=True)
class Pause:
    """A good end that is not the end: a restart is not allowed, a confirmation ID is awaited.

    Attributes:
        reason: one sentence: what is waited for, what to do.
        result: what the result carries for it, {"reboot_required": True} for instance.
        predict: what will be seen once it is over.
        restart: True when what follows it follows a restart.
    """

    reason: str
    result: t.Mapping[str, t.Any]
    predict: t.Callable[[Seen], Seen]
    restart: bool = False


@dataclasses.dataclass(frozen=True)
class Observe:
    """A look after the steps before it, in real runs only; never a change.

    Attributes:
        assume: the part's value that foresight takes for granted.
        judge: what is wrong with the part once read, as a sentence, or None.
        fails: True when a bad judgement ends this resource and those after it with a failure.
        name: the error's name when it fails.
    """

    assume: t.Any
    judge: t.Callable[[Seen], str | None]
    fails: bool
    name: str


Item = Step | Pause | Observe


class Audit:
    """Who is told of every step that is carried out, upkeep included, in real runs only. This one keeps nothing."""

    def open(self) -> None:
        """Called before each step. Raises Refusal where it could not be kept, before anything was done."""

    def note(self, step: Step, error: BaseException | None) -> None:
        """Called after each step, before anybody looks at what came of it.

        Args:
            error: what it raised, OutcomeUnknown where its answer was lost.

        Raises:
            Failure: it could not be kept, and the step itself did not fail.
        """


class Resource(t.Protocol):
    """One thing that is to be so. Explicit subclasses inherit the empty defaults."""

    name: str
    needs: tuple[type, ...] = ()
    after: tuple[type[Resource], ...] = ()

    def next(self, seen: Seen) -> Item | None:
        """The first thing still missing, or None. Pure; raises Refusal."""

    def notices(self, seen: Seen) -> list[str]:
        """What the user should know of what is about to be used; judged by the first look. Pure."""
        return []

    def warnings(self, seen: Seen) -> list[str]:
        """What the user should know of how it came out; judged at the end. Pure."""
        return []


@dataclasses.dataclass(frozen=True)
class Planned:
    """A step as foreseen."""

    step: Step
    after_restart: bool

    def as_data(self) -> dict[str, t.Any]:
        """{id, summary, after_restart}: an element of `plan`, `done` and `remaining`."""
        return {"id": self.step.id, "summary": self.step.summary, "after_restart": self.after_restart}


@dataclasses.dataclass
class Outcome:
    """What came out of a run.

    Attributes:
        plan: the whole foresight, made before the first change.
        first: the parts as read before it.
        done: the steps carried out, the last perhaps with an unknown outcome.
        remaining: what was still foreseen at the end.
        seen: the parts as last seen (in check mode: as predicted).
        observed: the parts as last really read.
        pauses: the pauses met.
        extra: what pauses put into the result.
        warnings: sentences for the user.
        problem: what stopped the run, or None.
        partly: the step that failed has, or may have, changed something before it did.
    """

    plan: list[Planned]
    first: Seen
    observed: Seen
    seen: Seen
    done: list[Planned] = dataclasses.field(default_factory=list)
    remaining: list[Planned] = dataclasses.field(default_factory=list)
    pauses: list[Pause] = dataclasses.field(default_factory=list)
    extra: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    warnings: list[str] = dataclasses.field(default_factory=list)
    problem: Problem | None = None
    partly: bool = False
    check: bool = False

    def pause(self, pause: Pause) -> None:
        """A pause was met, or in check mode foreseen."""
        self.pauses.append(pause)
        self.extra.update(pause.result)

    def fail(self, problem: Problem) -> None:
        """The run failed; of several problems the first counts, the others are warnings."""
        if self.problem is None:
            self.problem = problem
        else:
            self.warnings.append(problem.message)

    @property
    def changed(self) -> bool:
        """Whether something was changed, or in check mode would be."""
        return bool(self.plan if self.check else self.done or self.partly)
