# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members of a zone on a Microsoft DNS server: whole runs against a small one in memory."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Problem, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.microsoft_dns import (
    HeldZone,
    HeldZones,
    read_held_zones,
)
from ansible_collections.activation.kms.plugins.plugin_utils._kms.microsoft_members import (
    MicrosoftPublication,
    work_left,
)
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome, Seen
from ansible_collections.activation.kms.plugins.plugin_utils._srv.members import Member, Wish, member
from ansible_collections.activation.kms.plugins.plugin_utils._windows.dns_server import DnsZone, SrvRecord
from ansible_collections.activation.kms.tests.unit.windows.dns_host import OWNER, DnsHost
from ansible_collections.activation.kms.tests.unit.windows.small_windows import Refused, lost_after, lost_before

ZONE = "corp.example"
KMS1, KMS2, KMS3 = "kms1.corp.example", "kms2.corp.example", "kms3.corp.example"
AGED = 3_700_000  # hours since 1601: 2023-02-04 16:00 UTC
SAFE = "2023-02-18T16:00:00Z"  # two weeks later
CREATE = "CreateInstanceFromPropertyData"
VERSIONS = ("5.2.3790", "6.0.6002", "6.1.7601", "6.2.9200", "6.3.9600", "10.0.26100")


def wish(*targets: str, state: t.Any = "present", exclusive: bool = False, ttl: int | None = None, **of: int) -> Wish:
    return Wish(tuple(member(target, **of) for target in targets or (KMS1,)), state, exclusive, ttl)


def run(host: DnsHost, wished: Wish, *zones: str, static: bool = False, check: bool = False) -> Outcome:
    domains = zones or (ZONE,)
    resources = [MicrosoftPublication(zone, wished, static=static, host=host.host) for zone in domains]
    return converge(host, resources, {HeldZones: read_held_zones(domains)}, check=check)


def done(host: DnsHost, wished: Wish, **more: t.Any) -> Outcome:
    """A run that goes well, and that a second one finds nothing left of."""
    outcome = run(host, wished, **more)
    assert outcome.problem is None, outcome.problem
    before = host.changes()
    again = run(host, wished, **more)
    assert not again.changed and host.changes() == before
    return outcome


# -- what comes out


@pytest.mark.parametrize("version", VERSIONS)
def test_members_come_and_go_on_every_release(version: str) -> None:
    host = DnsHost(version)
    done(host, wish(KMS1, KMS2, port=1689))
    assert host.published() == [f"0 0 1689 {KMS1}. 3600 *", f"0 0 1689 {KMS2}. 3600 *"]
    done(host, wish(KMS1, state="absent"))
    assert host.published() == [f"0 0 1689 {KMS2}. 3600 *"]
    done(host, wish(KMS3, exclusive=True, priority=1, weight=2))
    assert host.published() == [f"1 2 1688 {KMS3}. 3600 *"]
    deletes = [deed for deed in host.changes() if "Delete" in deed or "dnscmd" in deed]
    assert all(("dnscmd" in deed) == (version < "6.2" and not version.startswith("10")) for deed in deletes)


def test_other_numbers_change_the_record_in_place_and_leave_others_alone() -> None:
    host = DnsHost()
    host.add("KMS1.corp.example.", 1690)
    host.add("kms2.corp.example.", 1690)
    done(host, wish(KMS1, priority=5))
    assert host.changes() == ["Modify"]
    assert host.published() == ["0 0 1690 kms2.corp.example. 3600 *", f"5 0 1688 {KMS1}. 3600 *"]


def test_of_two_records_of_one_target_one_is_left() -> None:
    host = DnsHost()
    host.add(f"{KMS1}.", 1689)
    host.add(f"{KMS1}.", 1690)
    done(host, wish(KMS1))
    assert host.published() == [f"0 0 1688 {KMS1}. 3600 *"]
    assert host.changes() == ["Modify", "Delete"]


def test_a_ttl_is_inherited_where_none_is_named_and_is_for_those_that_are() -> None:
    """The server keeps one for each record; a record that is touched loses its time stamp, so others' are not."""
    host = DnsHost()
    host.add(f"{KMS2}.", TTL=600, stamp=AGED)
    done(host, wish(KMS1))
    assert host.published() == [f"0 0 1688 {KMS1}. 600 *", f"0 0 1688 {KMS2}. 600"]
    done(host, wish(KMS1, ttl=60))
    assert host.published() == [f"0 0 1688 {KMS1}. 60 *", f"0 0 1688 {KMS2}. 600"]
    assert host.changes() == [CREATE, "Modify"]
    done(host, wish(KMS2, port=1700))
    assert host.published() == [f"0 0 1688 {KMS1}. 60 *", f"0 0 1700 {KMS2}. 600 *"]
    done(host, wish(KMS1, KMS2, ttl=30))
    assert host.published() == [f"0 0 1688 {KMS1}. 30 *", f"0 0 1688 {KMS2}. 30 *"]


def test_what_is_new_comes_before_what_goes() -> None:
    host = DnsHost()
    host.add(f"{KMS2}.")
    host.add(f"{KMS3}.", 1690)
    run(host, wish(KMS1, KMS3, exclusive=True))
    assert host.changes() == [CREATE, "Modify", "Delete"]


def test_letter_case_and_final_dots_make_no_difference() -> None:
    host = DnsHost()
    host.add("KMS1.Corp.Example", owner="_VLMCS._TCP.corp.example")
    outcome = run(host, wish(KMS1))
    assert not outcome.changed and not host.changes()


def test_check_mode_asks_only_and_shows_zone_file_lines() -> None:
    host = DnsHost()
    host.add(f"{KMS2}.")
    outcome = run(host, wish(KMS1, exclusive=True), check=True)
    assert outcome.changed and not host.changes()
    step = outcome.plan[0].step
    assert step.summary == f"publish {KMS1} and nobody else in zone {ZONE} on dc1"
    assert step.before == f"{OWNER}. 3600 IN SRV 0 0 1688 {KMS2}.\n"
    assert step.after == f"{OWNER}. 3600 IN SRV 0 0 1688 {KMS1}.\n"
    foreseen = outcome.seen[HeldZones].as_data()[0]["members"]
    assert foreseen == [{"target": KMS1, "port": 1688, "priority": 0, "weight": 0, "ttl": 3600, "timestamp": None}]


def test_what_is_told_of_a_zone() -> None:
    host = DnsHost(Aging="true", AllowUpdate=2, NoRefreshInterval=24)
    host.add(f"{KMS1}.", stamp=AGED)
    told = run(host, wish(KMS1)).observed[HeldZones].as_data()[0]
    assert told == {
        "zone": ZONE,
        "owner": OWNER,
        "dns_zone": ZONE,
        "server": "dc1.corp.example",
        "serial": None,
        "verified": True,
        "provider": "microsoft_wmi",
        "dynamic_updates": "secure",
        "aging": {"enabled": True, "no_refresh_hours": 24, "refresh_hours": 168, "server_scavenging_hours": 168},
        "members": [
            {"target": KMS1, "port": 1688, "priority": 0, "weight": 0, "ttl": 3600, "timestamp": "2023-02-04T16:00:00Z"}
        ],
    }


def test_a_zone_below_or_above_the_domain_may_hold_the_records() -> None:
    host = DnsHost()
    host.add_zone("_tcp.corp.example")
    host.add_zone("other.example")
    done(host, wish(KMS1))
    assert [row["ContainerName"] for row in host.records] == ["_tcp.corp.example"]
    outcome = run(host, wish(KMS1), "sub.other.example")
    assert outcome.problem is None
    assert host.records[1]["OwnerName"] == "_vlmcs._tcp.sub.other.example"
    assert outcome.observed[HeldZones]["sub.other.example"].state.zone == "other.example"


def test_several_zones_are_several_steps() -> None:
    host = DnsHost()
    host.add_zone("branch.example")
    outcome = run(host, wish(KMS1), ZONE, "branch.example")
    assert [planned.step.summary for planned in outcome.done] == [
        f"publish {KMS1} in zone corp.example on dc1",
        f"publish {KMS1} in zone branch.example on dc1",
    ]
    assert sorted(str(row["ContainerName"]) for row in host.records) == ["branch.example", "corp.example"]


def test_what_is_left_of_several_zones_is_told() -> None:
    host = DnsHost()
    host.add_zone("branch.example")

    def pause(word: str) -> None:
        if word.endswith(CREATE):
            host.zones["branch.example"]["Paused"] = "true"

    host.after = pause
    outcome = run(host, wish(KMS1), ZONE, "branch.example")
    assert outcome.problem is not None and outcome.problem.name == "zone_halted" and outcome.changed
    assert [planned.step.subject for planned in outcome.done] == [ZONE]
    assert [planned.step.subject for planned in outcome.remaining] == ["branch.example"]


def test_reading_takes_few_requests() -> None:
    host = DnsHost()
    host.add(f"{KMS1}.")
    run(host, wish(KMS1))
    assert host.asked == [f"query MicrosoftDNS_{name}" for name in ("Zone", "Server", "SRVType")]
    assert all("ContainerName='corp.example'" in text for text in host.queries if "Server" not in text)


def test_keys_are_known_where_a_query_brings_none() -> None:
    host = DnsHost()
    host.gives_keys = False
    host.add(f"{KMS1}.", 1690)
    done(host, wish(KMS1))
    done(host, wish(KMS1, state="absent"))
    assert host.published() == []


# -- aging


def test_a_member_that_ages_counts_as_present_with_a_warning() -> None:
    host = DnsHost(Aging="true")
    host.add(f"{KMS1}.", stamp=AGED)
    host.add(f"{KMS2}.", stamp=AGED)
    outcome = run(host, wish(KMS1))
    assert not outcome.changed
    (warning,) = outcome.warnings
    assert KMS1 in warning and SAFE in warning and "static: true" in warning


@pytest.mark.parametrize(("aging", "stamp", "state"), [("false", AGED, "present"), ("true", 0, "present")])
def test_nobody_is_warned_where_nothing_ages(aging: str, stamp: int, state: str) -> None:
    host = DnsHost(Aging=aging)
    host.add(f"{KMS1}.", stamp=stamp)
    assert run(host, wish(KMS1)).warnings == []


def test_before_scavenging_may_begin_nothing_goes() -> None:
    host = DnsHost(Aging="true", AvailForScavengeTime=AGED + 24 * 100)
    host.add(f"{KMS1}.", stamp=AGED)
    assert "2023-05-15T16:00:00Z" in run(host, wish(KMS1)).warnings[0]


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
def test_static_makes_members_of_the_wish_anew(version: str, keeps: bool) -> None:
    host = DnsHost(version, Aging="true")
    host.keeps_stamps = keeps
    host.add(f"{KMS1}.", 1690, stamp=AGED)
    host.add(f"{KMS2}.", stamp=AGED, TTL=600)
    host.add(f"{KMS3}.", stamp=AGED)
    outcome = done(host, wish(KMS1, KMS2), static=True)
    assert host.published() == [
        f"0 0 1688 {KMS1}. 3600 *",
        f"0 0 1688 {KMS2}. 600 *",
        f"0 0 1688 {KMS3}. 3600",
    ]
    assert outcome.warnings == []
    assert "; refreshed 2023-02-04T16:00:00Z" in outcome.plan[0].step.before
    assert outcome.plan[0].step.after.count("refreshed") == 1


def test_a_member_is_taken_away_for_its_time_stamp_only_where_nothing_else_helps() -> None:
    host = DnsHost(Aging="true")
    host.add(f"{KMS1}.", stamp=AGED)
    done(host, wish(KMS1), static=True)
    assert host.changes() == ["Modify"]
    host = DnsHost(Aging="true")
    host.keeps_stamps = True
    host.add(f"{KMS1}.", 1690, stamp=AGED)
    done(host, wish(KMS1), static=True)
    assert host.changes() == ["Modify", "Delete", CREATE]
    assert host.published() == [f"0 0 1688 {KMS1}. 3600 *"]


def test_a_server_that_modifies_nothing_for_nothing_does_not_matter() -> None:
    """What it makes of new numbers that are the old ones is not documented."""
    host = DnsHost(Aging="true")
    host.add(f"{KMS1}.", stamp=AGED)

    def fails(given: t.Mapping[str, str]) -> t.NoReturn:
        raise Refused(0x80041001)

    host.methods["MicrosoftDNS_SRVType.Modify"] = fails
    done(host, wish(KMS1), static=True)
    assert host.published() == [f"0 0 1688 {KMS1}. 3600 *"]


def test_who_may_not_change_a_record_does_not_lose_it_either() -> None:
    host = DnsHost(Aging="true")
    host.add(f"{KMS1}.", stamp=AGED)

    def denied(given: t.Mapping[str, str]) -> t.NoReturn:
        raise Refused(0x80041003)

    host.methods |= {f"MicrosoftDNS_SRVType.{name}": denied for name in (CREATE, "Modify")}
    outcome = run(host, wish(KMS1), static=True)
    assert outcome.problem is not None and outcome.problem.name == "dns_access_denied" and not outcome.changed
    assert host.published() == [f"0 0 1688 {KMS1}. 3600"]


def test_a_server_that_stamps_what_wmi_makes_is_found_out() -> None:
    host = DnsHost(Aging="true")
    host.stamp_of_new = AGED
    outcome = run(host, wish(KMS1))
    assert outcome.problem is None and "ages" in outcome.warnings[0]
    outcome = run(host, wish(KMS1), static=True)
    assert outcome.problem is not None and outcome.problem.name == "record_not_static"
    assert host.published() == [f"0 0 1688 {KMS1}. 3600"]


# -- others, and losses


def test_a_record_that_somebody_made_meanwhile_is_no_error() -> None:
    host = DnsHost()

    def rival(word: str) -> None:
        if word.endswith(CREATE) and not host.records:
            host.add(f"{KMS1}.")

    host.before = rival
    done(host, wish(KMS1, KMS2))
    assert host.published() == [f"0 0 1688 {KMS1}. 3600 *", f"0 0 1688 {KMS2}. 3600 *"]


@pytest.mark.parametrize("static", [False, True])
def test_a_record_that_somebody_removed_meanwhile_is_made_anew(static: bool) -> None:
    host = DnsHost()
    host.add(f"{KMS1}.", 1690, stamp=AGED)
    host.add(f"{KMS2}.", 1690)

    def rival(word: str) -> None:
        if word.endswith("Modify"):
            host.records = host.records[1:]
            host.before = lambda word: None

    host.before = rival
    done(host, wish(KMS1), static=static)
    assert host.published() == [f"0 0 1688 {KMS1}. 3600 *", f"0 0 1690 {KMS2}. 3600 *"]


@pytest.mark.parametrize("lose", [lost_before, lost_after])
@pytest.mark.parametrize(
    "word", [f"MicrosoftDNS_SRVType.{CREATE}", "MicrosoftDNS_SRVType.Modify", "MicrosoftDNS_SRVType.Delete"]
)
@pytest.mark.parametrize("static", [False, True])
def test_a_lost_answer_is_looked_into(lose: t.Any, word: str, static: bool) -> None:
    host = DnsHost(Aging="true")
    host.add(f"{KMS2}.", 1690, stamp=0)
    host.add(f"{KMS3}.", stamp=AGED)
    host.add("old.corp.example.")
    setattr(host, "before" if lose is lost_before else "after", lose(word))
    outcome = run(host, wish(KMS1, KMS2, KMS3, exclusive=True), static=static)
    assert outcome.problem is None
    last = "" if not static else " *"
    assert host.published() == [
        f"0 0 1688 {KMS1}. 3600 *",
        f"0 0 1688 {KMS2}. 3600 *",
        f"0 0 1688 {KMS3}. 3600{last}",
    ]
    assert len(outcome.done) == 1


@pytest.mark.parametrize("version", ["6.1.7601", "10.0.20348"])
def test_a_lost_deletion_is_looked_into(version: str) -> None:
    host = DnsHost(version)
    host.add(f"{KMS1}.")
    host.after = lost_after("shell Receive" if version < "6.2" and version[0] == "6" else "MicrosoftDNS_SRVType.Delete")
    outcome = run(host, wish(KMS1, state="absent"))
    assert outcome.problem is None and host.published() == []


def test_a_server_that_deletes_no_instance_after_all_is_asked_by_dnscmd() -> None:
    host = DnsHost("6.1.7601")
    host.add(f"{KMS1}.")
    host.classes["Win32_OperatingSystem"] = [{"Version": "6.2.9200"}]
    done(host, wish(KMS1, state="absent"))
    assert host.published() == []
    assert host.changes()[0] == "Delete"


# -- what is refused


def refused(host: DnsHost, *zones: str, wished: Wish | None = None) -> Problem:
    with pytest.raises(Refusal) as caught:
        run(host, wished or wish(KMS1), *zones)
    assert caught.value.message.startswith("dc1: ") and not host.changes()
    return caught.value


def test_a_zone_that_is_not_there_is_named() -> None:
    problem = refused(DnsHost(), "elsewhere.example")
    assert problem.name == "zone_not_served" and "elsewhere.example" in problem.message


@pytest.mark.parametrize(("kind", "words"), [(2, "secondary zone"), (3, "stub zone"), (4, "forwarder"), (9, "type 9")])
def test_a_zone_of_another_server_is_refused(kind: int, words: str) -> None:
    problem = refused(DnsHost(ZoneType=kind))
    assert problem.name == "zone_not_primary" and words in problem.message and "primary server" in problem.message


@pytest.mark.parametrize("halted", ["Paused", "Shutdown"])
def test_a_zone_that_rests_is_not_changed(halted: str) -> None:
    host = DnsHost(**{halted: "true"})
    assert refused(host).name == "zone_halted"
    host.add(f"{KMS1}.")
    outcome = run(host, wish(KMS1))
    assert not outcome.changed and "answers no clients" in outcome.warnings[0]


def test_an_alias_is_refused() -> None:
    host = DnsHost()
    host.aliases[OWNER] = "kms.other.example."
    problem = refused(host)
    assert problem.name == "owner_is_alias" and "kms.other.example" in problem.message


def test_a_host_that_is_no_dns_server_is_told_where_to_delegate() -> None:
    host = DnsHost()
    host.classes = {}
    problem = refused(host)
    assert problem.name == "no_dns_server" and "delegate_to" in problem.message


def test_a_user_without_rights_is_told_which() -> None:
    host = DnsHost()

    def denied() -> t.NoReturn:
        raise Refused(0x80041003)

    host.classes["MicrosoftDNS_Zone"] = denied
    problem = refused(host)
    assert problem.name == "dns_access_denied" and problem.code == "0x80041003"


@pytest.mark.parametrize(
    ("number", "name", "words"),
    [
        (0x80041003, "dns_access_denied", "Administrators"),
        (0x80070000 + 9709, "dns_change_failed", "alias"),
        (0x80070000 + 9717, "dns_change_failed", "Active Directory"),
        (0x80041001, "dns_change_failed", "event log"),
    ],
)
def test_a_call_that_fails_is_a_sentence(number: int, name: str, words: str) -> None:
    host = DnsHost()

    def fails(given: t.Mapping[str, str]) -> t.NoReturn:
        raise Refused(number)

    host.methods[f"MicrosoftDNS_SRVType.{CREATE}"] = fails
    outcome = run(host, wish(KMS1))
    assert outcome.problem is not None and outcome.problem.name == name
    assert words in outcome.problem.message and outcome.problem.code == f"0x{number:08X}"
    assert not outcome.changed and len(outcome.remaining) == 1


def test_without_dnscmd_the_support_tools_are_named() -> None:
    host = DnsHost("5.2.3790")
    host.has_dnscmd = False
    host.add(f"{KMS1}.")
    outcome = run(host, wish(KMS1, state="absent"))
    assert outcome.problem is not None and "Support Tools" in outcome.problem.message
    assert "dnscmd /RecordDelete corp.example _vlmcs._tcp SRV 0 0 1688 kms1.corp.example. /f" in outcome.problem.message


def test_a_strange_target_never_reaches_a_command_line() -> None:
    host = DnsHost("6.1.7601")
    host.add("x.corp.example&shutdown.")
    outcome = run(host, wish(KMS1, exclusive=True))
    assert outcome.problem is not None and outcome.problem.name == "dns_record_unspeakable"
    assert host.changes() == [CREATE]


# -- the plan, without a server


def held(*records: SrvRecord) -> HeldZone:
    return HeldZone(ZONE, DnsZone(ZONE, "dc1.corp.example", 1, False, True, 168, 168, None, "none"), records)


def test_prediction_changes_its_own_domain_only() -> None:
    seen = Seen({HeldZones: HeldZones({ZONE: held(), "b.example": held(SrvRecord(Member(KMS2, ttl=60)))})})
    step = t.cast(t.Any, MicrosoftPublication(ZONE, wish(KMS1), static=False, host="dc1").next(seen))
    after = step.predict(seen)[HeldZones]
    assert after["b.example"] == seen[HeldZones]["b.example"]
    assert [one.target for one in after[ZONE].state.members] == [KMS1]


def test_a_true_wish_leaves_no_work() -> None:
    assert work_left(held(SrvRecord(Member(KMS1, ttl=60))), wish(KMS1), static=True) is None
