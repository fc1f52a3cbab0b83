# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever keeps the audit log hears of every attempt, in time, and can stop a run."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, OutcomeUnknown, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Audit, Outcome, Resource, Step
from ansible_collections.activation.kms.tests.unit.engine.toys import A, B, CountB, CountTo, ToyWorld, do_add

UNWRITABLE = "audit_log_unwritable"


class Kept(Audit):
    """Keeps what it hears, with the number of looks there had been.

    Attributes:
        closed: it cannot be kept from the beginning.
        full: the step after which it cannot be kept any more.
    """

    def __init__(self, world: ToyWorld, closed: bool = False, full: str = "") -> None:
        self.world = world
        self.closed = closed
        self.full = full
        self.heard: list[tuple[str, type[BaseException] | None]] = []
        self.looks: list[int] = []

    def open(self) -> None:
        if self.closed:
            raise Refusal("toy: no audit log", name=UNWRITABLE)

    def note(self, step: Step, error: BaseException | None) -> None:
        self.heard.append((step.id, None if error is None else type(error)))
        self.looks.append(len(self.world.reads))
        if step.id == self.full and not isinstance(error, Failure):
            raise Failure("toy: the disk is full", name=UNWRITABLE)


def run(world: ToyWorld, kept: Kept, *resources: Resource, check: bool = False) -> Outcome:
    return converge(world, resources, world.readers(), check=check, audit=kept)


def ids(outcome: Outcome) -> list[str]:
    return [planned.step.id for planned in outcome.done]


def raising(problem: BaseException, after: bool = False) -> t.Callable[[t.Any], None]:
    """A step that ends so, `after` it has counted."""

    def work(world: t.Any) -> None:
        if after:
            do_add(A, "A.1")(world)
        raise problem

    return work


def test_every_step_is_heard_of_before_anybody_looks_again() -> None:
    world = ToyWorld()
    kept = Kept(world)
    run(world, kept, CountTo(A, 2), CountB(B, 1))
    assert kept.heard == [("A.1", None), ("A.2", None), ("B.1", None)]
    assert kept.looks == [2, 3, 4]


def test_upkeep_is_heard_of() -> None:
    world = ToyWorld()
    kept = Kept(world)
    run(world, kept, CountTo(A, 1, upkeep=True))
    assert kept.heard == [("A.1", None)]


def test_check_mode_tells_nothing_and_needs_nothing() -> None:
    world = ToyWorld()
    kept = Kept(world, closed=True)
    assert run(world, kept, CountTo(A, 1), check=True).problem is None
    assert kept.heard == []


def test_a_run_without_changes_needs_nothing() -> None:
    world = ToyWorld(A=1)
    assert run(world, Kept(world, closed=True), CountTo(A, 1)).problem is None


@pytest.mark.parametrize("upkeep", [False, True])
def test_what_cannot_be_kept_is_not_done(upkeep: bool) -> None:
    world = ToyWorld()
    outcome = run(world, Kept(world, closed=True), CountTo(A, 1, upkeep=upkeep))
    assert isinstance(outcome.problem, Refusal) and outcome.problem.name == UNWRITABLE
    assert (world.ran, outcome.done, outcome.changed) == ([], [], False)
    assert [planned.step.id for planned in outcome.remaining] == [planned.step.id for planned in outcome.plan]


def test_a_log_that_fills_up_ends_the_run_and_what_was_done_stands() -> None:
    world = ToyWorld()
    kept = Kept(world, full="A.2")
    outcome = run(world, kept, CountTo(A, 3), CountB(B, 1))
    assert outcome.problem is not None and outcome.problem.name == UNWRITABLE
    assert world.ran == ids(outcome) == ["A.1", "A.2"]
    assert [planned.step.id for planned in outcome.remaining] == ["A.3", "B.1"]
    assert outcome.seen[A] == A(2)


def test_a_lost_answer_is_heard_of_and_so_is_every_repetition() -> None:
    world = ToyWorld()
    kept = Kept(world)
    outcome = run(world, kept, CountTo(A, 1, run=raising(OutcomeUnknown("toy: lost", name="lost"))))
    assert outcome.problem is not None and outcome.problem.name == "outcome_unknown"
    assert kept.heard == [("A.1", OutcomeUnknown)] * 3


def test_a_lost_answer_that_cannot_be_kept_ends_the_run_after_one_attempt() -> None:
    world = ToyWorld()
    kept = Kept(world, full="A.1")
    outcome = run(world, kept, CountTo(A, 1, run=raising(OutcomeUnknown("toy: lost", name="lost"), after=True)))
    assert outcome.problem is not None and outcome.problem.name == UNWRITABLE
    assert world.ran == ids(outcome) == ["A.1"]


def test_the_problem_of_a_step_that_failed_counts() -> None:
    world = ToyWorld()
    kept = Kept(world, full="A.1")
    outcome = run(world, kept, CountTo(A, 1, run=raising(Failure("toy: no", name="no"))))
    assert outcome.problem is not None and outcome.problem.name == "no"
    assert kept.heard == [("A.1", Failure)]
    assert outcome.done == []


def test_a_defect_is_heard_of() -> None:
    world = ToyWorld()
    kept = Kept(world)
    outcome = run(world, kept, CountTo(A, 1, run=raising(ZeroDivisionError())))
    assert outcome.problem is not None and outcome.problem.name == "unexpected"
    assert kept.heard == [("A.1", ZeroDivisionError)]


def test_what_ends_the_task_is_heard_of_and_ends_it() -> None:
    world = ToyWorld()
    kept = Kept(world)
    with pytest.raises(KeyboardInterrupt):
        run(world, kept, CountTo(A, 1, run=raising(KeyboardInterrupt(), after=True)))
    assert kept.heard == [("A.1", KeyboardInterrupt)]
