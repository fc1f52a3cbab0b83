# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the resources and whatever gets lost: the engine arrives, and check mode says what really happens."""

from __future__ import annotations

import random
import typing as t

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import OutcomeUnknown, Unreachable
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome, Resource, Seen
from ansible_collections.activation.kms.tests.unit.engine.toys import COUNTERS, A, B, C, Counter, CountTo, ToyWorld


class Once(CountTo):
    """Counts in steps that need another counter first."""

    def __init__(self, part: Counter, goal: int, first: Counter, least: int, upkeep: bool) -> None:
        super().__init__(part, goal, upkeep=upkeep)
        self.needs = (part, first)
        self.first, self.least = first, least

    def next(self, seen: Seen) -> t.Any:
        return super().next(seen) if seen[self.first].value >= self.least else None


WISHES = st.lists(
    st.builds(
        Once,
        st.sampled_from(COUNTERS),
        st.integers(0, 4),
        st.sampled_from(COUNTERS),
        st.integers(0, 3),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)
STATES = st.fixed_dictionaries({"A": st.integers(0, 4), "B": st.integers(0, 4), "C": st.integers(0, 4)})


def run(world: ToyWorld, resources: t.Sequence[Resource], check: bool = False) -> Outcome:
    return converge(world, resources, world.readers(), check=check)


def told(outcome: Outcome) -> list[dict[str, t.Any]]:
    return [planned.as_data() for planned in outcome.plan]


@given(resources=WISHES, state=STATES)
@settings(max_examples=150, deadline=None)
def test_check_mode_foretells_the_steps_really_done(resources: list[Once], state: dict[str, int]) -> None:
    world = ToyWorld(**state)
    foretold = run(world, resources, check=True)
    assert world.state == {**ToyWorld().state, **state}
    done = run(world, resources)
    assert done.problem is None
    assert told(foretold) == told(done) == [planned.as_data() for planned in done.done]
    assert foretold.changed == done.changed
    for part in (A, B, C):
        if foretold.seen.get(part) is not None:
            assert foretold.seen[part] == done.seen[part]


@given(resources=WISHES, state=STATES)
@settings(max_examples=100, deadline=None)
def test_a_second_run_changes_nothing_and_only_reads(resources: list[Once], state: dict[str, int]) -> None:
    world = ToyWorld(**state)
    run(world, resources)
    ran = list(world.ran)
    again = run(world, resources)
    assert (again.changed, again.plan, again.done, again.remaining) == (False, [], [], [])
    assert world.ran == ran


@given(goals=st.lists(st.integers(0, 4), min_size=3, max_size=3), seed=st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_it_arrives_through_lost_answers_and_killed_runs(goals: list[int], seed: int) -> None:
    chance = random.Random(seed)
    world = ToyWorld()

    def unlucky(part: Counter) -> t.Callable[[t.Any], None]:
        def count(lucky_world: t.Any) -> None:
            fate = chance.random()
            if fate < 0.2:
                raise OutcomeUnknown("lost", name="lost")  # before it happened
            if fate < 0.3:
                raise Unreachable("gone", name="gone")
            lucky_world.state[part.__name__] += 1
            if fate < 0.5:
                raise OutcomeUnknown("lost", name="lost")  # after it happened

        return count

    resources = [CountTo(part, goal, run=unlucky(part)) for part, goal in zip(COUNTERS, goals, strict=True)]
    for _run in range(60):
        if run(world, resources).problem is None:
            break
    assert [world.state[part.__name__] for part in COUNTERS] == goals, "reached, and nothing done twice"
