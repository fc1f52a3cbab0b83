# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad days of a rollout, on the wire: killed controllers, lost answers, full disks, installers that do not end.

What the simulation does by the thousand in one process is done here a few times with real processes, sockets and
signals. Judged is the machine: converged, one activation spent, nothing left behind.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from estate import HOST_KEY, KEY_GROUP, Data, Estate, host_options, one_task, serving

pytestmark = pytest.mark.once

# What goes wrong in the first run, by host. The rollout of one host is about 200 requests; the numbers put the fault
# into the first reads, the copying, the installation, the wait for the restart, the key and the firewall.
MENDED = {
    "flap": ("flap", "3"),
    "dropread": ("drop", "4"),
    "dropcopy": ("drop", "30"),
    "droplate": ("drop", "75"),
    "lostread": ("drop-answer", "6"),
    "lostcopy": ("drop-answer", "40"),
    "slow": ("slow-boot", "4"),
}
FAILING = {
    "disk": (("disk-full",), "folder_in_use", "not enough space on the disk"),
    "exit": (("installer-exit", "61681"), "installer_failed", "61681 (0xF0F1)"),
    "hang": (("installer-hang",), "command_timeout", "(install_timeout)"),
}


# The emulated Microsoft takes a key from six hosts at most, as the real one does: everybody has a key of their own.
KEYS = {
    name: f"BCDFG-HJKMP-QRTVW-XY234-BBBB{letter}"
    for name, letter in zip([*MENDED, *FAILING], "BCDFGHJKMP", strict=True)
}


@dataclasses.dataclass(frozen=True)
class Days:
    """Results by host of the bad day, the day after, and one more; the machines after each; answers that never came."""

    results: tuple[Data, Data, Data]
    states: tuple[Data, Data, Data]
    lost: Mapping[str, int]


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    hosts: Mapping[str, Data] = {name: {} for name in (*MENDED, *FAILING)}
    keys = dict.fromkeys(KEYS.values(), KEY_GROUP)
    with serving(tmp_path_factory.mktemp("rollout"), hosts, host_keys=keys) as estate:
        inventory = estate.inventory()
        for name, key in KEYS.items():
            inventory["all"]["children"]["kms_hosts"]["hosts"][name]["key"] = key
        for name, fault in (*MENDED.items(), *((name, row[0]) for name, row in FAILING.items())):
            estate.fault(name, *fault)
        options = host_options(estate.packages(), install_timeout=15, product_key="{{ key }}")
        results, states = [], []
        for _day in range(3):
            played = estate.play([one_task(list(hosts), "host", options)], inventory=inventory)
            results.append(played.results["r_it"])
            states.append({name: estate.show(name) for name in hosts})
            for name in FAILING:
                estate.fault(name, "clear")
        lost = {name: sum(bool(entry.get("dropped")) for entry in estate.journal(name)) for name in hosts}
        yield Days((results[0], results[1], results[2]), (states[0], states[1], states[2]), lost)


def converged(state: Data, key: str = HOST_KEY) -> None:
    """The whole rollout has happened, once, and nothing lies about."""
    assert state["kms_version"] == "1.2"
    assert status(state, key) == [1]
    assert state["activations_spent"] == {key[-5:]: 1} and state["activation_requests"] == 1
    assert state["files_left"] == [] and state["shells_open"] == 0 and state["processes"] == []
    assert state["boot_count"] == 2
    assert {entry["port"] for entry in state["open_ports"]} >= {1688}


def status(state: Data, key: str = HOST_KEY) -> list[int]:
    """LicenseStatus of the products with this key; 1 is licensed."""
    return [product["license_status"] for product in state["products"] if product["partial_product_key"] == key[-5:]]


@pytest.mark.parametrize("host", FAILING)
def test_a_failure_says_what_was_done_and_what_remains(days: Days, host: str) -> None:
    result, (_, name, word) = days.results[0][host], FAILING[host]
    assert result["failed"] and not result.get("unreachable")
    assert result["error"]["name"] == name and word in result["msg"] and result["msg"].startswith(f"{host}: ")
    assert [step["id"] for step in result["done"]] == []
    assert [step["id"] for step in result["remaining"]][:2] == ["host_update.kms_1_0", "host_update.kms_1_2"]
    assert [step["id"] for step in result["remaining"]] == [step["id"] for step in result["plan"]]


@pytest.mark.parametrize("host", FAILING)
def test_a_failure_leaves_nothing_behind(days: Days, host: str) -> None:
    state = days.states[0][host]
    assert state["kms_version"] is None and state["boot_count"] == 1 and state["activations_spent"] == {}
    assert state["files_left"] == [] and state["shells_open"] == 0 and state["processes"] == []


@pytest.mark.parametrize("host", MENDED)
def test_the_run_comes_through_or_the_next_one_does(days: Days, host: str) -> None:
    """A read whose answer is lost ends a run; what was sent and may have been done is looked for."""
    first = days.results[0][host]
    if MENDED[host][0].startswith("drop"):  # a WinRM service that goes down may lose an answer as well
        assert days.lost[host] > 0, "the fault was met"
    if first.get("failed") or first.get("unreachable"):
        assert first["error"]["name"] in ("unreachable", "outcome_unknown"), first["msg"]
        assert "Traceback" not in first["msg"]
    else:
        converged(days.states[0][host], KEYS[host])
    assert not days.results[1][host].get("failed") and not days.results[1][host].get("unreachable")


@pytest.mark.parametrize("host", ["flap", "slow"])
def test_a_restart_that_wavers_is_waited_for(days: Days, host: str) -> None:
    assert days.results[0][host]["changed"] and not days.results[0][host].get("failed"), days.results[0][host]["msg"]
    converged(days.states[0][host], KEYS[host])


@pytest.mark.parametrize("host", [*MENDED, *FAILING])
def test_everybody_has_converged_the_day_after(days: Days, host: str) -> None:
    converged(days.states[1][host], KEYS[host])


@pytest.mark.parametrize("host", [*MENDED, *FAILING])
def test_then_there_is_nothing_left_to_do(days: Days, host: str) -> None:
    result = days.results[2][host]
    assert not result["changed"] and result["plan"] == []
    assert days.states[2][host]["boot_count"] == days.states[1][host]["boot_count"]


def methods(estate: Estate, host: str, name: str) -> int:
    return sum(entry["method"] == name for entry in estate.journal(host))


def pieces(estate: Estate, host: str) -> int:
    return sum(entry["resource"].lower() == "send" for entry in estate.journal(host))


def test_killed_while_it_activates(tmp_path: Path) -> None:
    """kill -9 between the question to Microsoft and its answer: the next run asks the host's record, waits, and does
    not ask again. The machine takes eight seconds to activate (its durations follow boot_seconds)."""
    hosts = {"kms03": {"start": "kms_1_2", "boot_seconds": 120, "dials": {"auto_activation": "off"}}}
    with serving(tmp_path, hosts) as estate:
        play = [one_task("kms03", "host_key", {"product_key": HOST_KEY})]
        run = estate.start(play)
        estate.wait_for(lambda: methods(estate, "kms03", "Activate"), "Activate is sent")
        run.kill()
        between = estate.show("kms03")
        assert status(between) != [1]
        noted = str(between["registry"][r"HKLM\SOFTWARE\activation.kms"])
        assert HOST_KEY[-5:] in noted, "before it was asked for"
        result = estate.play(play).results["r_it"]
        after = estate.show("kms03")
        assert not result.get("failed"), result["msg"]
        assert status(after) == [1]
        assert (methods(estate, "kms03", "Activate"), after["activation_requests"]) == (1, 1)
        assert after["activations_spent"] == {HOST_KEY[-5:]: 1}
        assert not estate.play(play).results["r_it"]["changed"]


def test_killed_while_it_copies(tmp_path: Path) -> None:
    """kill -9 in the middle of a package. The half file goes with the next run; the remote shell nobody knows any more
    is WinRM's to end (its idle time-out), and the next run opens and closes its own."""
    with serving(tmp_path, {"kms03": {}}) as estate:
        play = [one_task("kms03", "host", host_options(estate.packages("--pad", "4")))]
        run = estate.start(play)
        estate.wait_for(lambda: pieces(estate, "kms03") >= 5, "five pieces are sent")
        run.kill()
        between = estate.show("kms03")
        assert between["files_left"] and between["shells_open"] == 1 and between["kms_version"] is None
        result = estate.play(play).results["r_it"]
        assert not result.get("failed"), result["msg"]
        converged(estate.show("kms03"))
