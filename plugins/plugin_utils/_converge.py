# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: foresee to the end, then do one step at a time and look again.

Internal to the collection activation.kms; not a public interface.

Check mode, diff, idempotence, verification, what remains after a failure and resuming after a crash are all the same
question, asked of pure functions: which step is still missing? A run that was killed is resumed by asking it again.
"""

from __future__ import annotations

import traceback
import typing as t

from ._errors import Failure, OutcomeUnknown, Problem, Unreachable
from ._foresight import MOST_STEPS, first, foresee
from ._plan import EVERYTHING, Audit, Look, Observe, Outcome, Pause, Planned, Reader, Resource, Seen, Step
from ._world import World

_REPEATS = 2  # how often a step whose answer was lost is carried out again when the host does not show it
_UNKNOWN_SETTLE = 60.0  # seconds to look for the effect of a request whose answer was lost
_POLL = 2.0  # seconds between two looks, doubling up to _POLL_MOST
_POLL_MOST = 15.0


def converge(
    world: World,
    resources: t.Sequence[Resource],
    readers: t.Mapping[type, Reader],
    *,
    check: bool,
    audit: Audit | None = None,
) -> Outcome:
    """Bring the world to what the resources want; in check mode only say what that would take.

    Raises:
        Refusal: the wish is impossible; nothing has been changed.
        Unreachable, Failure: a first look failed; nothing has been changed.
        Later problems do not raise: they come back in `Outcome.problem` with what was done.
    """
    return _Run(world, resources, readers, audit or Audit()).run(check)


class _Run:
    """One run over one host."""

    def __init__(
        self, world: World, resources: t.Sequence[Resource], readers: t.Mapping[type, Reader], audit: Audit
    ) -> None:
        self._world = world
        self._resources = resources
        self._readers = readers
        self._audit = audit
        self._ended: list[Resource] = []
        self._kept_up: set[tuple[str, str]] = set()
        self._unseen: set[type] = set()

    def run(self, check: bool) -> Outcome:
        seen = self._look(Seen())
        ahead = foresee(self._resources, seen)
        outcome = Outcome(ahead.plan, first=seen, observed=seen, seen=ahead.seen if check else seen, check=check)
        settled = False
        if check:
            outcome.remaining = ahead.plan
            for pause in ahead.pauses:
                outcome.pause(pause)
        else:
            try:
                self._work(outcome)
                settled = not self._ended and not self._unseen
            except Problem as problem:
                outcome.fail(problem)
            except Exception as error:  # a defect of ours: what was done must not be lost over it
                outcome.fail(_unexpected(error, self._world))
            self._look_after_upkeep(outcome)
            outcome.remaining = [] if settled else self._rest(outcome)
            if outcome.remaining and outcome.problem is None and not outcome.pauses:
                outcome.warnings.append(_left(outcome.remaining))
        said = [text for resource in self._resources for text in resource.notices(seen)]
        said += [text for resource in self._resources for text in resource.warnings(outcome.seen)]
        outcome.warnings = list(dict.fromkeys([*outcome.warnings, *said]))
        return outcome

    def _work(self, outcome: Outcome) -> None:
        for _round in range(MOST_STEPS):
            found = first(self._resources, outcome.seen, self._ended, self._kept_up)
            if found is None:
                return
            resource, item = found
            if isinstance(item, Step):
                (self._keep_up if item.upkeep else self._carry_out)(resource, item, outcome)
            elif isinstance(item, Pause):
                outcome.pause(item)
                self._end(resource)
            else:
                self._observe(resource, item, outcome)
        raise Failure("the run does not settle; this is a defect of the collection, please report it", name="no_end")

    def _carry_out(self, resource: Resource, step: Step, outcome: Outcome) -> None:
        """Run one step and look until nobody asks for it any more."""
        for attempt in range(1 + (0 if step.once else _REPEATS)):
            lost = self._attempt(step, outcome, again=attempt > 0)
            still_asked = self._settle(resource, step, outcome, lost)
            if still_asked is None:
                return
            step = still_asked  # made from what is seen now: what the first attempt did of it is done
            if lost is None:
                break
        raise _unverified(step, lost, self._world.host)

    def _keep_up(self, resource: Resource, step: Step, outcome: Outcome) -> None:
        """Run an upkeep step, once. It is believed, and looked at when somebody looks next."""
        self._kept_up.add(step.identity)
        lost = self._attempt(step, outcome)
        if lost is not None:
            self._settle(resource, step, outcome, lost)
            return
        self._unseen.update(self._touched(step, outcome.seen))
        outcome.seen = step.predict(outcome.seen)

    def _attempt(self, step: Step, outcome: Outcome, *, again: bool = False) -> OutcomeUnknown | None:
        """Run one step once, or `again`; the problem where its answer was lost."""
        self._world.log(f"{step.id}: {step.summary}")
        self._audit.open()
        lost: OutcomeUnknown | None = None
        try:
            try:
                step.run(self._world)
            except OutcomeUnknown as problem:
                lost = problem
            except BaseException as error:  # the time-out of a task is one too
                self._audit.note(step, error)
                raise
            if not (step.upkeep or again):
                self._note(step, outcome)
            self._audit.note(step, lost)
        except Problem:
            self._look_after_failure(step, outcome)
            raise
        return lost

    @staticmethod
    def _note(step: Step, outcome: Outcome) -> None:
        """Remember a step that was carried out. One that failed is not among them; see `Outcome.partly`."""
        restarted = any(planned.step.touches == EVERYTHING for planned in outcome.done)
        outcome.done.append(Planned(step, restarted))

    def _look_after_failure(self, step: Step, outcome: Outcome) -> None:
        """Whether a step that failed has changed something all the same: what is seen tells; silence counts as yes."""
        before = outcome.seen
        try:
            outcome.seen = outcome.observed = self._look(before.without(self._touched(step, before)))
        except Problem:
            outcome.partly = True
        else:
            outcome.partly = outcome.seen.parts() != before.parts()

    @staticmethod
    def _touched(step: Step, seen: Seen) -> t.Collection[type]:
        return seen.parts().keys() if step.touches == EVERYTHING else step.touches

    def _settle(self, resource: Resource, step: Step, outcome: Outcome, lost: OutcomeUnknown | None) -> Step | None:
        """Look until the step is no longer asked for, `settle` seconds at most (a minute after a lost answer).

        Returns the step where it still is.
        """
        touched = self._touched(step, outcome.seen)
        patience = max(step.settle, _UNKNOWN_SETTLE if lost else 0.0)
        until, wait = self._world.now() + patience, _POLL
        asked = step
        while True:
            try:
                outcome.seen = outcome.observed = self._look(outcome.seen.without(touched))
            except (Unreachable, Failure):  # a host that is busy with the step may also answer with a time-out
                if not patience or self._world.now() >= until:
                    raise
                self._world.disconnect()
            else:
                item = resource.next(outcome.seen)
                if step.upkeep or not (isinstance(item, Step) and item.id == step.id):
                    return None
                asked = item
            if self._world.now() >= until:
                return asked
            self._world.sleep(wait)
            wait = min(wait * 2, _POLL_MOST)

    def _observe(self, resource: Resource, item: Observe, outcome: Outcome) -> None:
        part = type(item.assume)
        outcome.seen = outcome.observed = outcome.seen.having(
            self._readers[part](self._world, Look(self._world, self._readers, outcome.seen))
        )
        complaint = item.judge(outcome.seen)
        if complaint is None:
            return
        if item.fails:
            self._end(resource)
            outcome.fail(Failure(complaint, name=item.name))
        else:
            outcome.warnings.append(complaint)

    def _end(self, resource: Resource) -> None:
        """This resource is done for this run, and so is every one that comes after it."""
        self._ended.append(resource)
        for other in self._resources:
            if other not in self._ended and any(isinstance(resource, kind) for kind in other.after):
                self._end(other)

    def _look(self, known: Seen) -> Seen:
        """Read every part that is needed and not known, and what upkeep has touched since somebody looked."""
        look = Look(self._world, self._readers, known.without(self._unseen))
        for resource in self._resources:
            for part in resource.needs:
                look[part]
        self._unseen.clear()
        return look.seen

    def _look_after_upkeep(self, outcome: Outcome) -> None:
        """What is told is what was seen; a host that has gone by now spoils nothing of it."""
        if self._unseen:
            try:
                outcome.seen = outcome.observed = self._look(outcome.seen)
            except Problem as problem:
                self._world.log(f"not looked at again: {problem.message}")

    def _rest(self, outcome: Outcome) -> list[Planned]:
        """What is still foreseen; where foresight itself is impossible now, what the plan still held."""
        try:
            return foresee(self._resources, outcome.seen).plan
        except (Problem, KeyError):
            done = {planned.step.identity for planned in outcome.done}
            return [planned for planned in outcome.plan if planned.step.identity not in done]


def _unexpected(error: Exception, world: World) -> Failure:
    """A defect of ours as a sentence; the traceback goes to the log."""
    world.log(traceback.format_exc())
    return Failure(
        f"{world.host}: the collection met an error it does not know ({type(error).__name__}: {error}); please "
        "report it with the output of -vvv",
        name="unexpected",
        advice="Please report it with the output of -vvv.",
    )


def _left(steps: t.Sequence[Planned]) -> str:
    """Windows has done something by itself, activated for instance, between the end of the work and the last look."""
    ids = ", ".join(dict.fromkeys(planned.step.id for planned in steps))
    return (
        f"while this run came to its end, something changed on the host; there is more to do now ({ids}): run it again"
    )


def _unverified(step: Step, lost: OutcomeUnknown | None, host: str) -> Failure:
    """The step was carried out and the host does not show it."""
    if lost is not None:
        return Failure(
            f'{host}: the answer to "{step.summary}" was lost and the host does not show that it happened; '
            "run the play again, it looks before it repeats anything",
            name="outcome_unknown",
            advice=lost.message,
        )
    return Failure(
        f'{host}: "{step.summary}" was carried out without an error, but the host does not show it; '
        "look at the host's event log and run the play again",
        name="not_verified",
    )
