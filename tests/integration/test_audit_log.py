# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log as a real controller writes it: eight forks, one file, a kill in the middle.

That a line tells of each step whatever happens is simulated elsewhere; here processes share a file.
"""

from __future__ import annotations

import json
import stat
import typing as t
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from build_tree import ROOT
from estate import HOST_KEY, PASSWORD, Data, Estate, one_task, serving

HOSTS = [f"kms{number}" for number in range(1, 9)]
KEYS = {host: f"{HOST_KEY[:-5]}{last * 5}" for host, last in zip(HOSTS, "BCDFGHJK", strict=True)}
"""A key a host: Microsoft lets one be activated on six."""
ORIGIN = {"time", "job", "user", "host", "module", "key"}
FIELDS = ORIGIN | {"outcome", "step", "summary", "before", "after", "code", "error"}
STEPS = ["host_settings.hold", "host_key.install", "host_key.activate", "host_settings.release", "host_key.mark"]
INTERVALS = range(100, 200)  # minutes
MEMBERS: dict[str, Data] = {
    "host_info": {},
    "host_settings": {"activation_interval": 90},
    "host_firewall": {"remote_addresses": ["any"]},
    "host": {"renewal_interval": 9000},
    "host_update": {"serve": ["windows_10"]},
    "host_key": {"state": "absent"},
    "host_reboot": {"if_pending": False},
}
"""Each module of the group, in this order; on Server 2022 there is no update to install."""


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    machines: dict[str, Data] = {host: {"persona": "server-2022"} for host in HOSTS}
    keys = dict.fromkeys(KEYS.values(), "server_2022")
    with serving(tmp_path_factory.mktemp("audit"), machines, host_keys=keys) as served:
        yield served


def activation(log: Path, **task: t.Any) -> Data:
    """A play that activates the host keys of all hosts at once."""
    options = {"product_key": "{{ keys[inventory_hostname] }}", "audit_log": str(log)}
    return {**one_task(HOSTS, "host_key", options, **task), "vars": {"keys": KEYS}}


def lines(log: Path) -> list[Data]:
    text = log.read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def steps_on(host: str, told: Sequence[Data]) -> list[str]:
    return [line["step"] for line in told if line["host"] == host]


def test_check_mode_writes_nothing(estate: Estate) -> None:
    log = estate.folder / "check.jsonl"
    played = estate.play([activation(log, check_mode=True)], "--forks", "8")
    assert all(result["changed"] for result in played.results["r_it"].values())
    assert not log.exists()


def test_eight_forks_share_a_file(estate: Estate) -> None:
    """AWX's variables say who it was. A second run changes nothing and adds nothing."""
    log = estate.folder / "shared.jsonl"
    awx = ("-e", json.dumps({"awx_job_id": 4711, "awx_user_name": "ada"}))
    played = estate.play([activation(log)], "--forks", "8", "-vvvvv", *awx)
    assert all(result["changed"] and not result["failed"] for result in played.results["r_it"].values())
    told = lines(log)
    assert Counter(line["host"] for line in told) == dict.fromkeys(HOSTS, len(STEPS))
    assert all(steps_on(host, told) == STEPS for host in HOSTS)
    assert [line["host"] for line in told] != sorted(line["host"] for line in told), "one host after the other"
    for line in told:
        assert set(line) == FIELDS
        assert (line["job"], line["user"], line["module"]) == ("4711", "ada", "activation.kms.host_key")
        assert line["key"] == KEYS[line["host"]][-5:] and line["outcome"] == "done" and line["summary"]
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    written = log.read_text(encoding="utf-8")
    for secret in (HOST_KEY[:23], HOST_KEY[:23].replace("-", ""), PASSWORD):
        assert secret not in written
    again = estate.play([activation(log)], "--forks", "8")
    assert not any(result["changed"] for result in again.results["r_it"].values())
    assert log.read_text(encoding="utf-8") == written


def test_a_killed_controller_leaves_whole_lines(estate: Estate) -> None:
    """Each line tells of a change, in its order."""
    log = estate.folder / "killed.jsonl"
    options = {"activation_interval": "{{ item }}", "audit_log": str(log)}
    run = estate.start([one_task(HOSTS, "host_settings", options, loop=list(INTERVALS))], "--forks", "8")
    estate.wait_for(lambda: log.exists() and log.read_bytes().count(b"\n") > 4 * len(HOSTS), "four lines a host")
    run.kill()
    told = lines(log)
    assert len(told) < len(HOSTS) * len(INTERVALS), "the run had ended already"
    assert all(set(line) == FIELDS for line in told)
    for host in HOSTS:
        changes = [line["after"] for line in told if line["host"] == host]
        assert changes == [f"activation_interval: {minutes}" for minutes in INTERVALS[: len(changes)]]


def test_it_is_set_once_for_the_whole_group(estate: Estate) -> None:
    members = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]["kms"]
    assert set(MEMBERS) == set(members)
    log = estate.folder / "group.jsonl"
    defaults = {"group/activation.kms.kms": {"audit_log": str(log)}}
    tasks = [one_task("kms1", name, options, f"r_{name}") for name, options in MEMBERS.items()]
    played = estate.play([{**task, "module_defaults": defaults} for task in tasks])
    assert not [result["msg"] for result in played.results.values() if result["failed"]]
    written = [line["module"].removeprefix("activation.kms.") for line in lines(log)]
    assert list(dict.fromkeys(written)) == [name for name in MEMBERS if name not in ("host_info", "host_update")]
