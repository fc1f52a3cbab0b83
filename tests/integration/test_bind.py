# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is BIND's own beside the suite for all DNS servers (test_dns_servers.py)."""

from __future__ import annotations

from pathlib import Path

from bind_server import BindServer
from estate import Run
from publishing import INVENTORY, WRONG_SECRET, nsupdate, play_of, records, run, wish

from ansible_collections.activation.kms.plugins.plugin_utils._srv.members import member


def test_nsupdate_and_this_agree(bind: BindServer) -> None:
    nsupdate(bind, "update add _vlmcs._tcp.corp.example. 3600 SRV 0 0 1688 kms1.corp.example.")
    assert not run(wish(bind)).changed
    run(wish(bind, "kms2.corp.example"))
    nsupdate(
        bind,
        "prereq yxrrset _vlmcs._tcp.corp.example. SRV 0 0 1688 kms1.corp.example.",
        "prereq yxrrset _vlmcs._tcp.corp.example. SRV 0 0 1688 kms2.corp.example.",
        "update delete _vlmcs._tcp.corp.example. SRV 0 0 1688 kms2.corp.example.",
    )
    assert records(bind) == ["0 0 1688 kms1.corp.example."]
    assert run(wish(bind, "kms2.corp.example")).changed


def test_more_members_than_bind_keeps_at_one_name(bind: BindServer) -> None:
    """BIND 9.18.28 and newer: max-records-per-type 100; one message is all or nothing."""
    crowd = tuple(member(f"kms{number}.corp.example") for number in range(101))
    assert run(wish(bind, None, members=crowd[:100])).problem is None
    problem = run(wish(bind, None, members=crowd)).problem
    assert problem is not None and problem.code == "SERVFAIL" and "max-records-per-type" in problem.message
    assert len(records(bind)) == 100


def test_tasks_and_what_they_print(bind: BindServer, tmp_path: Path) -> None:
    crowd = [{"target": "kms1.corp.example"}, {"target": "kms2.corp.example", "port": 1691, "priority": 5}]
    tasks = {
        "r_crowd": {"members": crowd, "port": 1690, "exclusive": True},
        "r_refused": {"target": "kms1.corp.example", "key_secret": WRONG_SECRET},
        "r_contradiction": {"target": "kms1.corp.example", "auth": "none"},
    }
    play = play_of(
        bind,
        *(
            {"activation.kms.srv_record": options, "register": name, "ignore_errors": True}
            for name, options in tasks.items()
        ),
    )
    played = Run(tmp_path, [play], INVENTORY, ["-vvv"]).finish()
    published, refused, contradiction = (played.results[name] for name in tasks)
    assert [(one["target"], one["port"], one["priority"]) for one in published["members"]] == [
        ("kms1.corp.example", 1690, 0),
        ("kms2.corp.example", 1691, 5),
    ]
    assert (published["changed"], published["zone"], published["dns_zone"]) == (True, "corp.example", "corp.example")
    assert published["observed"]["zones"][0]["members"] == published["members"]
    assert refused["failed"] and not refused["changed"]
    assert (refused["error"]["name"], refused["error"]["code"]) == ("key_secret_wrong", "BADSIG")
    assert contradiction["failed"]
    assert WRONG_SECRET not in played.output and bind.key_secret not in played.output
    assert records(bind) == ["0 0 1690 kms1.corp.example.", "5 0 1691 kms2.corp.example."]
