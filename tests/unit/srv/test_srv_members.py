# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner: a table, and what holds for every zone and every wish."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._srv import members
from ansible_collections.activation.kms.plugins.plugin_utils._srv.members import Change, Member, Wish, ZoneState, plan

ONE = Member("kms1.corp.example", ttl=3600)
TWO = Member("kms2.corp.example", ttl=3600)
HEAVY = Member("kms1.corp.example", weight=10, ttl=3600)
LOUD = Member("KMS1.Corp.Example", ttl=3600)
ROOT = Member(".", 0, 0, 0, 60)


def zone(*seen: Member) -> ZoneState:
    return ZoneState("corp.example", "_vlmcs._tcp.corp.example", "dns1", "192.0.2.1", 1, members.ordered(seen))


def wish(*meant: Member, **more: t.Any) -> Wish:
    return Wish(tuple(dataclasses.replace(one, ttl=None) for one in meant), **more)


@pytest.mark.parametrize(
    ("seen", "wished", "found"),
    [
        pytest.param([], wish(ONE), (), id="nobody"),
        pytest.param([ONE, TWO], wish(ONE), (ONE,), id="the wished one alone"),
        pytest.param([LOUD, TWO], wish(ONE, TWO), (LOUD, TWO), id="in the spelling that is there"),
        pytest.param([HEAVY], wish(ONE), (), id="not as wished"),
        pytest.param([ONE, HEAVY], wish(ONE), (ONE,), id="the right one of two"),
    ],
)
def test_what_is_there(seen: list[Member], wished: Wish, found: tuple[Member, ...]) -> None:
    assert members.there(zone(*seen), wished) == found


@pytest.mark.parametrize(
    ("seen", "wished", "change"),
    [
        pytest.param([], wish(ONE), Change((), (ONE,)), id="first member"),
        pytest.param([ONE], wish(ONE), None, id="there already"),
        pytest.param([LOUD], wish(ONE), None, id="other letter case"),
        pytest.param([TWO], wish(ONE), Change((), (ONE,)), id="beside another"),
        pytest.param([TWO, ONE], wish(HEAVY), Change((ONE,), (HEAVY,)), id="other weight"),
        pytest.param([LOUD], wish(HEAVY), Change((LOUD,), (HEAVY,)), id="deleted as spelled"),
        pytest.param([ONE, HEAVY], wish(ONE), Change((HEAVY,), ()), id="a second record of the same host"),
        pytest.param(
            [dataclasses.replace(TWO, ttl=600)],
            wish(ONE),
            Change((), (dataclasses.replace(ONE, ttl=600),)),
            id="takes the TTL that is there",
        ),
        pytest.param([], wish(ONE, ttl=60), Change((), (dataclasses.replace(ONE, ttl=60),)), id="own TTL, first"),
        pytest.param([ONE], wish(ONE, ttl=3600), None, id="TTL right already"),
        pytest.param(
            [LOUD, TWO],
            wish(ONE, ttl=60),
            Change(
                (LOUD, TWO),
                (dataclasses.replace(LOUD, ttl=60), dataclasses.replace(TWO, ttl=60)),
                (LOUD, TWO),
            ),
            id="other TTL: all of them, guarded, spelled as before",
        ),
        pytest.param([ONE, TWO], wish(ONE, exclusive=True), Change((TWO,), ()), id="exclusive"),
        pytest.param([ONE, HEAVY, TWO], wish(ONE, state="absent"), Change((ONE, HEAVY), ()), id="absent, any weight"),
        pytest.param([TWO], wish(ONE, state="absent"), None, id="absent already"),
        pytest.param([LOUD], wish(HEAVY, state="absent"), Change((LOUD,), ()), id="absent, as spelled"),
        pytest.param(
            [ROOT],
            wish(ONE, exclusive=True),
            Change((ROOT,), (dataclasses.replace(ONE, ttl=60),)),
            id="somebody's record that says there is no KMS host",
        ),
    ],
)
def test_plan(seen: list[Member], wished: Wish, change: Change | None) -> None:
    assert plan(zone(*seen), wished) == change


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: Wish(()), "target or members"),
        (lambda: wish(ONE, HEAVY), "kms1.corp.example is named more than once"),
        (lambda: wish(ONE, state="absent", exclusive=True), "state: present only"),
        (lambda: wish(ONE, ttl=-1), "ttl is -1"),
        (lambda: wish(ONE, ttl=2**31), "ttl is 2147483648"),
        (lambda: members.member("kms1.corp.example", 0), "port is 0"),
        (lambda: members.member("kms1.corp.example", 1688, -1), "priority is -1"),
        (lambda: members.member("kms1.corp.example", 1688, 0, 65536), "weight is 65536"),
        (lambda: members.member("kms1"), "single label"),
    ],
)
def test_impossible_wishes(make: t.Callable[[], t.Any], hint: str) -> None:
    with pytest.raises(Refusal, match=hint):
        make()


def test_lines_are_zone_file_lines() -> None:
    assert zone(TWO, HEAVY).lines() == (
        "_vlmcs._tcp.corp.example. 3600 IN SRV 0 10 1688 kms1.corp.example.\n"
        "_vlmcs._tcp.corp.example. 3600 IN SRV 0 0 1688 kms2.corp.example.\n"
    )
    assert zone().lines() == "; no SRV record at _vlmcs._tcp.corp.example.\n"
    assert zone(Member(".", 0, 0, 0, 60)).lines().endswith(" IN SRV 0 0 0 .\n")


TARGETS = st.sampled_from(["kms1.corp.example", "KMS1.corp.EXAMPLE", "kms2.corp.example", "Kms3.corp.example", "."])
OBSERVED = st.builds(
    Member,
    target=TARGETS,
    port=st.sampled_from([1688, 1689]),
    priority=st.integers(0, 1),
    weight=st.integers(0, 1),
    ttl=st.sampled_from([60, 600, 3600]),
)
STATES = st.lists(OBSERVED, max_size=6, unique_by=lambda one: (one.identity, one.port, one.priority, one.weight)).map(
    lambda seen: zone(*seen)
)
WISHED = st.builds(
    Member,
    target=st.sampled_from(["kms1.corp.example", "kms2.corp.example", "kms4.corp.example"]),
    port=st.sampled_from([1688, 1689]),
    priority=st.integers(0, 1),
    weight=st.integers(0, 1),
)
TTLS = st.none() | st.sampled_from([60, 3600])
WISHES = st.one_of(
    st.builds(
        Wish,
        st.lists(WISHED, min_size=1, max_size=3, unique_by=lambda one: one.identity).map(tuple),
        st.just("present"),
        st.booleans(),
        TTLS,
    ),
    st.builds(
        Wish,
        st.lists(WISHED, min_size=1, max_size=3, unique_by=lambda one: one.identity).map(tuple),
        st.just("absent"),
        st.just(False),
        TTLS,
    ),
)


@given(STATES, WISHES)
def test_one_change_is_enough(state: ZoneState, wished: Wish) -> None:
    change = plan(state, wished)
    after = state if change is None else change.applied_to(state)
    assert plan(after, wished) is None
    assert change is None or after != state
    found = {one.identity for one in after.members}
    meant = {one.identity for one in wished.members}
    assert meant <= found if wished.state == "present" else not meant & found
    if wished.exclusive:
        assert found == meant


@given(STATES, WISHES)
def test_members_nobody_named_keep_their_data(state: ZoneState, wished: Wish) -> None:
    change = plan(state, wished)
    if change is None or wished.exclusive:
        return
    meant = {one.identity for one in wished.members}

    def foreign(found: t.Iterable[Member]) -> list[Member]:
        return sorted((one for one in found if one.identity not in meant), key=repr)

    untimed = [dataclasses.replace(one, ttl=None) for one in foreign(change.applied_to(state).members)]
    assert sorted(untimed, key=repr) == sorted(
        (dataclasses.replace(one, ttl=None) for one in foreign(state.members)), key=repr
    )
    if wished.ttl is None or wished.state == "absent":
        assert not foreign(change.deletes) and not foreign(change.adds)
    elif foreign(change.adds):
        assert change.guards == state.members, "whoever adds others' members again must be sure they are still there"


@given(STATES, WISHES)
def test_only_what_was_seen_is_deleted(state: ZoneState, wished: Wish) -> None:
    change = plan(state, wished)
    if change is not None:
        assert set(change.deletes) <= set(state.members)
        assert all(one.ttl is not None for one in change.adds)
