# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One suite for four DNS servers: BIND, Knot, PowerDNS by TSIG, BIND and Samba's by Kerberos (GSS-TSIG).

The algorithm is one for all of them; where a server behaves in its own way, a test says what is expected on which.
"""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from dns_server import DnsServer
from dns_tap import tapped
from estate import Run
from publishing import INVENTORY, apply, clear, foreign, look, play_of, records, run, serial, ttls, wish
from samba_server import SambaServer

from ansible_collections.activation.kms.plugins.plugin_utils._kms.publication import PublishWish
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome
from ansible_collections.activation.kms.plugins.plugin_utils._srv.members import member

PUBLISHERS = 50
KMS1, KMS2 = "0 0 1688 kms1.corp.example.", "0 0 1688 kms2.corp.example."


def test_published_once_changed_once_withdrawn_once(dns: DnsServer) -> None:
    with tapped(dns) as tap:

        def here(**more: object) -> Outcome:
            return run(wish(dns, server_port=tap.port, **more))

        first = here()
        assert first.problem is None and first.changed
        assert (records(dns), ttls(dns)) == ([KMS1], {3600})
        assert tap.news().count("update") == 1
        assert not here().changed and "update" not in tap.news()

        assert here(weight=20, ttl=600).changed
        assert (records(dns), ttls(dns)) == (["0 20 1688 kms1.corp.example."], {600})
        assert here(weight=20, priority=3, port=1690).changed
        assert (records(dns), ttls(dns)) == (["3 20 1690 kms1.corp.example."], {600}), "no TTL in the wish: it stays"
        assert tap.news().count("update") == 2
        assert not here(weight=20, priority=3, port=1690).changed and "update" not in tap.news()

        assert here(state="absent").changed, "whatever its numbers"
        assert records(dns) == [] and tap.news().count("update") == 1
        assert not here(state="absent").changed and "update" not in tap.news()


def shown(dns: DnsServer, record: str) -> str:
    """How the server shows a record that was written like this: Knot keeps names in lower case."""
    return record.lower() if "knot" in dns.folder else record


def test_foreign_members_stay_as_they_are(dns: DnsServer) -> None:
    """Written by nsupdate in letters and numbers of their own; ours come, change and go beside them."""
    other = shown(dns, "5 7 1689 KMS-Old.Corp.Example.")
    foreign(dns, "5 7 1689 KMS-Old.Corp.Example.", ttl=1200)
    assert run(wish(dns)).changed
    assert (records(dns), ttls(dns)) == ([KMS1, other], {1200}), "the TTL that was there is kept"
    assert run(wish(dns, priority=1)).changed
    assert records(dns) == ["1 0 1688 kms1.corp.example.", other]
    assert run(wish(dns, priority=1, ttl=300)).changed
    assert (records(dns), ttls(dns)) == (["1 0 1688 kms1.corp.example.", other], {300})
    assert run(wish(dns, state="absent")).changed
    assert records(dns) == [other]


def test_several_members_in_one_message(dns: DnsServer) -> None:
    crowd = (member("kms1.corp.example", port=1690), member("kms2.corp.example", priority=5, weight=9))
    with tapped(dns) as tap:
        assert run(wish(dns, None, members=crowd, server_port=tap.port)).changed
        assert tap.news().count("update") == 1
        assert not run(wish(dns, None, members=crowd, server_port=tap.port)).changed and "update" not in tap.news()
    assert records(dns) == ["0 0 1690 kms1.corp.example.", "5 9 1688 kms2.corp.example."]
    assert run(wish(dns, None, members=crowd, state="absent")).changed
    assert records(dns) == []


def test_exclusive_leaves_the_named_ones_only(dns: DnsServer) -> None:
    foreign(dns, "5 7 1689 KMS-Old.Corp.Example.", KMS2)
    both = (member("kms1.corp.example"), member("kms2.corp.example"))
    assert run(wish(dns, None, members=both, exclusive=True)).changed
    assert records(dns) == [KMS1, KMS2]
    assert not run(wish(dns, None, members=both, exclusive=True)).changed


def test_exclusive_removes_what_it_has_seen_only(dns: DnsServer) -> None:
    """Somebody comes between look and update: nobody decided about that one."""
    foreign(dns, "0 0 1688 kms-old.corp.example.")
    seen = look(dns)
    foreign(dns, KMS2)
    apply(wish(dns, exclusive=True), seen)
    assert records(dns) == [KMS1, KMS2]


def test_letter_case_is_no_difference(dns: DnsServer) -> None:
    """PowerDNS deletes in the spelling it has only; DNS names are equal in any (RFC 4343)."""
    foreign(dns, "0 0 1688 KMS1.Corp.EXAMPLE.")
    assert not run(wish(dns)).changed
    assert not run(wish(dns, "Kms1.CORP.example.", zone=f"{dns.zone.upper()}.")).changed
    assert run(wish(dns, weight=4)).changed
    assert [record.lower() for record in records(dns)] == ["0 4 1688 kms1.corp.example."]
    clear(dns)
    foreign(dns, "0 0 1688 KMS1.Corp.EXAMPLE.")
    assert run(wish(dns, state="absent")).changed
    assert records(dns) == []


def test_a_ttl_for_all_members(dns: DnsServer) -> None:
    """One record set has one TTL (RFC 2181 section 5.2); Samba, like Windows, keeps one for each record."""
    foreign(dns, KMS2, ttl=1200)
    foreign(dns, "0 0 1688 kms3.corp.example.", ttl=900)
    mixed = isinstance(dns, SambaServer)
    assert {one.ttl for one in look(dns).members} == ({900, 1200} if mixed else {900})
    assert run(wish(dns, "kms3.corp.example", ttl=600)).changed
    assert ({one.ttl for one in look(dns).members}, ttls(dns)) == ({600}, {600})
    assert not run(wish(dns, "kms3.corp.example", ttl=600)).changed
    assert not run(wish(dns, "kms3.corp.example")).changed, "without a TTL in the wish"


def test_a_refresh_is_taken_and_shows_nowhere(dns: DnsServer) -> None:
    """What renews a time stamp on Microsoft DNS is a question without a change to the others; letter case stays."""
    written = shown(dns, "0 0 1688 KMS1.Corp.EXAMPLE.")
    foreign(dns, written, KMS2, ttl=600)
    before = (records(dns), ttls(dns), serial(dns))
    with tapped(dns) as tap:
        outcome = run(wish(dns, server_port=tap.port, aging="yes", refresh=True))
        assert outcome.problem is None and not outcome.changed and outcome.plan == []
        assert tap.news().count("update") == 1
        assert not run(wish(dns, server_port=tap.port, refresh=True), check=True).changed
        assert set(tap.news()) == {"query"}
    assert (records(dns), ttls(dns), serial(dns)) == before


def test_check_mode_asks_and_sends_nothing_else(dns: DnsServer) -> None:
    foreign(dns, KMS2, ttl=600)
    with tapped(dns) as tap:
        outcome = run(wish(dns, server_port=tap.port, exclusive=True), check=True)
        assert set(tap.news()) == {"query"}
    owner = f"_vlmcs._tcp.{dns.zone}. 600 IN SRV"
    (planned,) = outcome.plan
    assert outcome.changed and planned.step.id == "srv_record.publish"
    assert (planned.step.before, planned.step.after) == (f"{owner} {KMS2}\n", f"{owner} {KMS1}\n")
    assert records(dns) == [KMS2]


def at_once(wishes: Sequence[PublishWish], between: Callable[[], None] = lambda: None) -> list[Outcome]:
    """Everybody at the same moment."""
    start = threading.Barrier(len(wishes))

    def publish(wished: PublishWish) -> Outcome:
        start.wait()
        return run(wished)

    with concurrent.futures.ThreadPoolExecutor(len(wishes)) as pool:
        outcomes = list(pool.map(publish, wishes))
    assert [outcome.problem for outcome in outcomes] == [None] * len(wishes)
    assert all(outcome.changed for outcome in outcomes)
    return outcomes


def named(numbers: range) -> list[str]:
    return sorted(f"0 0 1688 kms{number}.corp.example." for number in numbers)


@pytest.mark.parametrize("ttl", [None, 600], ids=["as it is", "own TTL"])
def test_concurrent_publishers_all_arrive(dns: DnsServer, ttl: int | None) -> None:
    at_once([wish(dns, f"kms{number}.corp.example", ttl=ttl) for number in range(PUBLISHERS)])
    assert (records(dns), ttls(dns)) == (named(range(PUBLISHERS)), {ttl or 3600})


def test_comers_and_goers_do_not_harm_each_other(dns: DnsServer) -> None:
    foreign(dns, *named(range(20)))
    going = [wish(dns, f"kms{number}.corp.example", state="absent") for number in range(20)]
    at_once([*going, *(wish(dns, f"kms{number}.corp.example") for number in range(20, 40))])
    assert records(dns) == named(range(20, 40))


def test_a_ttl_is_set_while_others_come_and_go(dns: DnsServer) -> None:
    """Setting a TTL writes every member anew; none that others removed meanwhile may come back by it."""
    foreign(dns, *named(range(8)))
    going = [wish(dns, f"kms{number}.corp.example", state="absent") for number in range(4)]
    at_once([*going, *(wish(dns, f"kms{number}.corp.example", ttl=600) for number in range(8, 16))])
    assert records(dns) == named(range(4, 16))
    assert 600 in ttls(dns)


def test_as_a_task(dns: DnsServer, tmp_path: Path) -> None:
    task = {"activation.kms.srv_record": {"target": "kms1.corp.example"}, "diff": True}
    tasks = [
        {**task, "register": name, "check_mode": name == "r_planned"} for name in ("r_planned", "r_first", "r_then")
    ]
    with tapped(dns) as tap:
        played = Run(tmp_path, [play_of(dns, *tasks, server_port=tap.port)], INVENTORY).finish()
        assert tap.news().count("update") == 1
    assert played.returncode == 0, played.output
    planned, first, then = (played.results[task["register"]] for task in tasks)
    assert [result["changed"] for result in (planned, first, then)] == [True, True, False]
    assert (
        planned["plan"] == first["plan"] and planned["diff"] == first["diff"] and planned["members"] == first["members"]
    )
    assert first["diff"][0]["after"] == f"_vlmcs._tcp.{dns.zone}. 3600 IN SRV {KMS1}\n"
    assert records(dns) == [KMS1]


@pytest.mark.parametrize("stops", ["before", "after"])
def test_a_killed_controller_runs_again(dns: DnsServer, stops: str, tmp_path: Path) -> None:
    """Killed when it had sent the update: before the server had it, or before its answer came back."""
    foreign(dns, KMS2, ttl=1200)
    task = {"activation.kms.srv_record": {"target": "kms1.corp.example", "ttl": 900}}
    with tapped(dns, stops) as tap:
        killed = Run(tmp_path, [play_of(dns, task, server_port=tap.port)], INVENTORY)
        assert tap.stopped.wait(60)
        killed.kill()
    assert (records(dns), ttls(dns)) == (([KMS2], {1200}) if stops == "before" else ([KMS1, KMS2], {900}))
    assert run(wish(dns, ttl=900)).changed == (stops == "before")
    assert (records(dns), ttls(dns)) == ([KMS1, KMS2], {900})
    assert not run(wish(dns, ttl=900)).changed
