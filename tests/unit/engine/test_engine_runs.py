# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine makes of resources: order, foresight, pauses, observations, upkeep, lost answers, failures."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import (
    Failure,
    OutcomeUnknown,
    Problem,
    Refusal,
    Unreachable,
)
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome, Planned, Resource, Seen, Step
from ansible_collections.activation.kms.tests.unit.engine.toys import (
    A,
    B,
    C,
    CountB,
    CountC,
    CountTo,
    Light,
    Reboot,
    ToyWorld,
    Wait,
    Watch,
    add,
    do_add,
)


def run(world: ToyWorld, *resources: Resource, check: bool = False) -> Outcome:
    return converge(world, resources, world.readers(), check=check)


def ids(planned: t.Sequence[Planned]) -> list[str]:
    return [one.step.id for one in planned]


def lost() -> OutcomeUnknown:
    return OutcomeUnknown("toy: the answer was lost", name="outcome_unknown")


def gone() -> Unreachable:
    return Unreachable("toy: no answer", name="unreachable")


# -- order and foresight


def test_two_steps_in_a_row_that_are_called_the_same_are_two() -> None:
    """A record in each of two zones, for example: what was done, and the diff, tell of both."""

    outcome = run(ToyWorld(), CountTo(A, 1, id="same"), CountB(B, 1, id="same"))
    assert ids(outcome.plan) == ids(outcome.done) == ["same", "same"]
    assert [one.step.summary for one in outcome.done] == [one.step.summary for one in outcome.plan]


def test_resources_are_carried_out_in_order_and_the_plan_says_so() -> None:
    world = ToyWorld()
    outcome = run(world, CountTo(A, 2), CountB(B, 1))
    assert world.ran == ids(outcome.plan) == ids(outcome.done) == ["A.1", "A.2", "B.1"]
    assert (outcome.changed, outcome.remaining, outcome.problem) == (True, [], None)
    assert (outcome.first[A].value, outcome.observed[A].value) == (0, 2)


def test_an_earlier_resource_that_wants_something_again_comes_first() -> None:
    class Needy(CountTo):
        def next(self, seen: Seen) -> t.Any:
            self.goal = 1 + (seen[B].value > 0)
            return super().next(seen)

    needy = Needy(A, 1)
    needy.needs = (A, B)
    assert run(world := ToyWorld(), needy, CountB(B, 2)).problem is None
    assert world.ran == ["A.1", "B.1", "A.2", "B.2"]


def test_nothing_missing_is_no_change_and_each_part_is_read_once() -> None:
    world = ToyWorld(A=1, B=1)
    outcome = run(world, CountTo(A, 1), CountTo(A, 1), CountB(B, 1))
    assert not outcome.changed
    assert world.reads == ["A", "B"]
    assert world.ran == []


def test_check_mode_runs_nothing_and_shows_what_would_be() -> None:
    world = ToyWorld()
    outcome = run(world, CountTo(A, 2), check=True)
    assert world.ran == [] and world.state["A"] == 0
    assert ids(outcome.plan) == ids(outcome.remaining) == ["A.1", "A.2"]
    assert outcome.changed and not outcome.done
    assert (outcome.first[A].value, outcome.seen[A].value, outcome.observed[A].value) == (0, 2, 0)


def test_only_what_a_step_touches_is_read_again() -> None:
    world = ToyWorld(B=5)
    run(world, CountTo(A, 1), CountB(B, 5))
    assert world.reads == ["A", "B", "A"]


def test_steps_after_a_restart_are_marked() -> None:
    world = ToyWorld()
    outcome = run(world, CountTo(A, 1), Reboot(), CountC(C, 2))
    marks = [(one.step.id, one.after_restart) for one in outcome.plan]
    assert marks == [("A.1", False), ("reboot", False), ("C.1", True), ("C.2", True)]
    assert [(one.step.id, one.after_restart) for one in outcome.done] == marks
    assert world.reads.count("A") == 3, "a restart touches everything"


def test_the_data_of_a_plan_is_plain() -> None:
    outcome = run(ToyWorld(), Reboot(), CountC(C, 1), check=True)
    assert [one.as_data() for one in outcome.plan] == [
        {"id": "reboot", "summary": "restart", "after_restart": False},
        {"id": "C.1", "summary": "count C to 1", "after_restart": True},
    ]


def test_a_refusal_anywhere_in_the_foreseen_future_comes_before_the_first_change() -> None:
    class Picky(CountTo):
        def next(self, seen: Seen) -> t.Any:
            if seen[A].value == 2:
                raise Refusal("two is not allowed", name="two")
            return None

    world = ToyWorld()
    picky = Picky(A, 9)
    with pytest.raises(Refusal, match="two is not allowed"):
        run(world, CountTo(A, 2), picky)
    assert world.ran == []


def test_a_first_look_that_fails_raises() -> None:
    world = ToyWorld()

    def fail(part: str) -> None:
        raise gone()

    world.before_read = fail
    with pytest.raises(Unreachable):
        run(world, CountTo(A, 1))
    assert world.ran == []


# -- a plan that never ends


def test_a_plan_that_does_not_settle_is_a_defect_said_before_any_change() -> None:
    world = ToyWorld()
    with pytest.raises(Failure, match="does not settle") as caught:
        run(world, CountTo(A, 1, predict=lambda seen: seen))
    assert caught.value.name == "plan_does_not_settle"
    assert world.ran == []


def test_resources_that_undo_each_other_are_stopped() -> None:
    class Zero(CountTo):
        def next(self, seen: Seen) -> t.Any:
            if seen[A].value == 0 or not seen[B].value:
                return None

            def undo(world: t.Any) -> None:
                world.state["A"] = 0

            return Step("A.zero", "undo", lambda later: later.having(A(0)), undo, (A,))

    class Quarrel(CountTo):
        def next(self, seen: Seen) -> t.Any:
            step = super().next(seen)
            if not isinstance(step, Step):
                return None

            def count(world: t.Any) -> None:
                world.state["A"] += 1
                world.state["B"] = 1  # nobody predicted this, so foresight saw no quarrel

            return Step(step.id, step.summary, step.predict, count, (A, B))

    zero = Zero(A, 0)
    zero.needs = (A, B)
    outcome = run(ToyWorld(), Quarrel(A, 1), zero)
    assert outcome.problem is not None
    assert outcome.problem.name == "no_end"
    assert outcome.changed


# -- pauses


@pytest.mark.parametrize("restart", [False, True])
def test_a_pause_ends_what_comes_after_it_and_lists_it(restart: bool) -> None:
    world = ToyWorld()
    after_c = CountTo(A, 1, after=(CountC,))
    outcome = run(world, Wait(restart), CountC(C, 2, after=(Wait,)), after_c)
    assert world.ran == []
    assert (outcome.problem, outcome.changed) == (None, False)
    assert outcome.extra == {"waiting": True}
    assert [pause.reason for pause in outcome.pauses] == ["somebody must turn B on"]
    assert ids(outcome.remaining) == ["C.1", "C.2", "A.1"]
    assert {one.after_restart for one in outcome.remaining} == {restart}


def test_a_pause_leaves_alone_what_does_not_come_after_it() -> None:
    world = ToyWorld()
    outcome = run(world, Wait(), CountC(C, 1, after=(Wait,)), CountTo(A, 1))
    assert world.ran == ["A.1"]
    assert ids(outcome.remaining) == ["C.1"]
    assert outcome.changed


def test_foresight_passes_through_a_pause() -> None:
    outcome = run(ToyWorld(), Wait(True), CountC(C, 1, after=(Wait,)), check=True)
    assert [(one.step.id, one.after_restart) for one in outcome.plan] == [("C.1", True)]


# -- observations


def test_an_observation_that_is_well_is_no_change_and_in_no_plan() -> None:
    world = ToyWorld()
    outcome = run(world, CountTo(A, 1), Watch(True), CountB(B, 1, after=(Watch,)))
    assert ids(outcome.plan) == ["A.1", "B.1"]
    assert world.reads.count("Light") == 1
    assert outcome.observed[Light].on
    assert outcome.warnings == []


def test_an_observation_is_not_made_in_check_mode() -> None:
    world = ToyWorld(Light=0)
    outcome = run(world, Watch(True), CountB(B, 1, after=(Watch,)), check=True)
    assert "Light" not in world.reads
    assert (ids(outcome.plan), outcome.problem, outcome.warnings) == (["B.1"], None, [])


def test_a_bad_observation_warns_and_goes_on() -> None:
    outcome = run(world := ToyWorld(Light=0), Watch(False), CountB(B, 1, after=(Watch,)))
    assert (outcome.warnings, outcome.problem) == (["it is dark"], None)
    assert world.ran == ["B.1"]


def test_a_bad_observation_that_fails_holds_back_what_comes_after_it() -> None:
    outcome = run(world := ToyWorld(Light=0), Watch(True), CountB(B, 1, after=(Watch,)), CountTo(A, 1))
    assert isinstance(outcome.problem, Failure)
    assert (outcome.problem.name, outcome.problem.message) == ("dark", "it is dark")
    assert world.ran == ["A.1"]
    assert ids(outcome.remaining) == ["B.1"]


# -- upkeep


def upkeep(goal: int = 1, **changes: t.Any) -> CountTo:
    return CountTo(A, goal, upkeep=True, **changes)


def test_upkeep_runs_once_and_is_no_change() -> None:
    outcome = run(world := ToyWorld(), upkeep(), CountB(B, 1))
    assert world.ran == ["A.1", "B.1"]
    assert ids(outcome.plan) == ids(outcome.done) == ["B.1"]


def test_upkeep_alone_is_no_change_and_check_mode_does_not_run_it() -> None:
    assert run(world := ToyWorld(), upkeep()).changed is False
    assert world.ran == ["A.1"]
    checked = run(world := ToyWorld(), upkeep(), check=True)
    assert (checked.changed, checked.plan, world.ran) == (False, [], [])


def test_upkeep_that_does_not_stick_is_not_repeated_and_not_waited_for() -> None:
    def nothing(world: t.Any) -> None:
        world.ran.append("kept")

    outcome = run(world := ToyWorld(), upkeep(run=nothing, settle=30.0, id="keep"), CountB(B, 1))
    assert world.ran == ["kept", "B.1"]
    assert outcome.problem is None
    assert world.clock == 1000.0


def test_what_the_last_look_finds_missing_is_told() -> None:
    """Windows does things by itself: what its activation lets happen nobody could foresee."""

    def meanwhile(world: t.Any) -> None:
        world.state.update(A=1, B=0)

    outcome = run(world := ToyWorld(B=1), upkeep(run=meanwhile, touches=(A, B)), CountB(B, 1))
    assert (outcome.problem, world.ran, ids(outcome.remaining)) == (None, [], ["B.1"])
    assert any("B.1" in warning and "run it again" in warning for warning in outcome.warnings)
    assert run(ToyWorld(B=1), upkeep(), CountB(B, 1)).warnings == []


# -- lost answers


def losing(part: type[A], happens: bool, ran: list[str], times: int = 99) -> t.Callable[[t.Any], None]:
    """A run whose answer is lost the first `times`."""

    def do(world: t.Any) -> None:
        ran.append("tried")
        if happens or len(ran) > times:
            world.state[part.__name__] += 1
        if len(ran) <= times:
            raise lost()

    return do


def test_after_a_lost_answer_the_host_is_looked_at_before_anything_is_repeated() -> None:
    tried: list[str] = []
    outcome = run(ToyWorld(), CountTo(A, 1, run=losing(A, True, tried)))
    assert tried == ["tried"]
    assert (outcome.problem, ids(outcome.done)) == (None, ["A.1"])


def test_a_lost_request_is_repeated() -> None:
    tried: list[str] = []
    world = ToyWorld()
    outcome = run(world, CountTo(A, 1, run=losing(A, False, tried, times=1)))
    assert len(tried) == 2
    assert (outcome.problem, ids(outcome.done)) == (None, ["A.1"])
    assert world.clock >= 1060.0, "a minute of looking lies between"


def test_a_lost_request_is_repeated_twice_at_most() -> None:
    tried: list[str] = []
    outcome = run(ToyWorld(), CountTo(A, 1, run=losing(A, False, tried)))
    assert len(tried) == 3
    assert outcome.problem is not None and outcome.problem.name == "outcome_unknown"
    assert ids(outcome.done) == ids(outcome.remaining) == ["A.1"]
    assert outcome.changed, "it may have happened"


def test_a_step_that_spends_something_is_never_repeated() -> None:
    tried: list[str] = []
    outcome = run(ToyWorld(), CountTo(A, 1, run=losing(A, False, tried), once=True))
    assert len(tried) == 1
    assert outcome.problem is not None and outcome.problem.name == "outcome_unknown"
    assert "run the play again" in outcome.problem.message


def test_an_effect_that_shows_late_is_waited_for_without_repeating() -> None:
    tried: list[str] = []
    world = ToyWorld()

    def late(part: str) -> None:
        world.state["A"] = int(bool(tried) and world.clock > 1020)

    world.before_read = late
    assert run(world, CountTo(A, 1, run=losing(A, False, tried))).problem is None
    assert len(tried) == 1


def test_a_host_that_is_away_while_it_is_looked_at_is_waited_for() -> None:
    tried: list[str] = []
    world = ToyWorld()

    def away(part: str) -> None:
        if tried and world.clock < 1030:
            raise gone()

    world.before_read = away
    assert run(world, CountTo(A, 1, run=losing(A, True, tried))).problem is None
    assert world.disconnected > 0


# -- failures in the middle


@pytest.mark.parametrize("problem", [gone(), Failure("toy: broken", name="broken"), Refusal("toy: no", name="no")])
def test_a_problem_in_the_middle_comes_back_with_what_was_done(problem: Problem) -> None:
    def fail(world: t.Any) -> None:
        raise problem

    outcome = run(world := ToyWorld(), CountTo(A, 1), CountB(B, 1, run=fail), CountC(C, 1))
    assert outcome.problem is problem
    assert ids(outcome.done) == ["A.1"]
    assert ids(outcome.remaining) == ["B.1", "C.1"]
    assert outcome.changed
    assert world.ran == ["A.1"]


@pytest.mark.parametrize(
    ("happens", "away", "changed"),
    [(False, False, False), (True, False, True), (False, True, True)],
    ids=["nothing happened", "half of it happened", "nobody can tell"],
)
def test_a_step_that_failed_is_a_change_where_it_left_something_behind(
    happens: bool, away: bool, changed: bool
) -> None:
    world = ToyWorld()

    def fail(given: t.Any) -> None:
        world.state["A"] += 1 if happens else 0
        if away:
            world.before_read = raise_gone
        raise Failure("toy: broken", name="broken")

    def raise_gone(part: str) -> None:
        raise gone()

    outcome = run(world, CountTo(A, 2, run=fail))
    assert outcome.problem is not None and outcome.problem.name == "broken", "the first trouble is the one told"
    assert (outcome.changed, outcome.done) == (changed, [])
    assert outcome.observed[A].value == int(happens)


def test_a_look_that_fails_after_a_step_keeps_the_step() -> None:
    world = ToyWorld()

    def away(part: str) -> None:
        if world.ran:
            raise gone()

    world.before_read = away
    outcome = run(world, CountTo(A, 1))
    assert isinstance(outcome.problem, Unreachable)
    assert ids(outcome.done) == ["A.1"]


def test_a_step_that_leaves_no_trace_is_a_failure() -> None:
    outcome = run(world := ToyWorld(), CountTo(A, 1, run=lambda world: None, settle=10.0), CountB(B, 1))
    assert outcome.problem is not None and outcome.problem.name == "not_verified"
    assert "toy" in outcome.problem.message and "count A to 1" in outcome.problem.message
    assert ids(outcome.remaining) == ["A.1", "B.1"]
    assert world.ran == []
    assert 1010.0 <= world.clock < 1030.0


def test_a_step_that_settles_late_is_looked_at_until_it_shows() -> None:
    world = ToyWorld()
    asked: list[float] = []

    def slow(part: str) -> None:
        world.state["A"] = int(bool(asked) and world.clock >= asked[0] + 20)

    world.before_read = slow
    assert run(world, CountTo(A, 1, run=lambda w: asked.append(world.clock), settle=30.0)).problem is None
    assert len(world.reads) < 9, "the pauses between two looks grow"


def test_a_refusal_that_only_the_real_world_brings_out_ends_the_run_with_what_was_done() -> None:
    class Surprised(CountTo):
        def next(self, seen: Seen) -> t.Any:
            if seen[C].value:
                raise Refusal("somebody else was here", name="surprise")
            return super().next(seen)

    surprised = Surprised(A, 1)
    surprised.needs = (A, C)

    def meddle(world: t.Any) -> None:
        do_add(A, "A.1")(world)
        world.state["C"] = 1

    surprised.changes = {"run": meddle, "touches": (A, C)}
    outcome = run(ToyWorld(), surprised, CountB(B, 1))
    assert outcome.problem is not None and outcome.problem.name == "surprise"
    assert ids(outcome.done) == ["A.1"]
    assert ids(outcome.remaining) == ["B.1"], "what the plan still held"


def test_a_run_that_was_stopped_is_resumed_by_asking_again() -> None:
    def fail(world: t.Any) -> None:
        raise gone()

    world = ToyWorld()
    run(world, CountTo(A, 2), CountB(B, 1, run=fail))
    outcome = run(world, CountTo(A, 2), CountB(B, 1))
    assert world.ran == ["A.1", "A.2", "B.1"]
    assert ids(outcome.done) == ["B.1"]


# -- warnings


def test_warnings_are_told_once_and_after_a_failure_too() -> None:
    class Worried(CountTo):
        def notices(self, seen: Seen) -> list[str]:
            return [f"A was {seen[A].value}"]

        def warnings(self, seen: Seen) -> list[str]:
            return [f"A is {seen[A].value}", "mind the gap"]

    def fail(world: t.Any) -> None:
        raise Failure("toy: broken", name="broken")

    outcome = run(ToyWorld(), Worried(A, 1), Worried(A, 1), CountB(B, 1, run=fail))
    assert outcome.warnings == ["A was 0", "A is 1", "mind the gap"], "by what was seen first, and at the end"


def test_predictions_are_pure() -> None:
    seen = Seen({A: A(0)})
    after = add(A)(seen)
    assert (seen[A].value, after[A].value) == (0, 1)
    assert seen.without([A]).get(A) is None
