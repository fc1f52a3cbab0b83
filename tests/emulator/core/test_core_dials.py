# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dials, personas, determinism, speed of nothing: what holds for a host as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from corewire import KEY, Wire

from emulated_windows import dials
from emulated_windows.core import Authority, HostOptions, VirtualClock, dial_table, personas
from emulated_windows.machine.schedule import Schedule
from emulated_windows.packaged import PACKAGE as SOURCE

MakeWire = Callable[..., Wire]
PERSONA = "server-2003-sp2-x86"


def test_without_a_seed_every_dial_has_its_default(wire: MakeWire) -> None:
    assert wire().host.dials == {name: settings[0] for name, settings in dial_table(PERSONA).items()}


def test_a_seed_turns_the_dials_and_reaches_every_setting(wire: MakeWire) -> None:
    seen: dict[str, set[str]] = {}
    for persona, seeds in ((PERSONA, 120), ("server-2008-sp2", 60), ("server-2012-r2", 60), ("server-2022", 60)):
        for seed in range(seeds):
            for name, setting in wire(persona=persona, seed=seed).host.dials.items():
                seen.setdefault(name, set()).add(setting)
    for dial in dials.ALL:
        assert seen[dial.name] == (set(dial.settings) if dial.drawn else {dial.default}), dial.name


@pytest.mark.parametrize("name", sorted(personas()))
def test_a_persona_has_the_dials_of_its_generation(wire: MakeWire, name: str) -> None:
    found = wire(persona=name).host.dials
    assert ("licensing_service" in found) == (personas()[name].generation == "5.2")
    assert ("unknown_group" in found) == (personas()[name].generation != "5.2")
    assert found["paging"] == ("all_at_once" if personas()[name].generation == "5.2" else "one_then_pull")


def test_a_default_must_be_a_setting() -> None:
    with pytest.raises(ValueError, match="dial paging can be"):
        dials.for_generation("5.2", {"paging": "x"})
    with pytest.raises(ValueError, match="has no dial called unknown_group"):
        dials.for_generation("5.2", {"unknown_group": "0xC004F050"})


def test_a_setting_may_be_ruled_out_for_a_release(wire: MakeWire) -> None:
    """A fault of WinRM 1.1 has no __ExtendedStatus in which the number could stand."""
    assert "extended_status" in dial_table(PERSONA)["hresult_place"]
    assert "extended_status" not in dial_table("server-2003-sp1-x86")["hresult_place"]
    with pytest.raises(ValueError, match="hresult_place can be"):
        wire(persona="server-2003-sp1-x86", dials={"hresult_place": "extended_status"})
    with pytest.raises(ValueError, match="has no dial called unknown_group"):
        dials.for_generation("5.2", {}, {"unknown_group": "0xC004F050"})


def test_the_draws_of_two_dials_have_nothing_to_do_with_each_other(wire: MakeWire) -> None:
    seen = {(found["kms10_restart"], found["value_missing"]) for found in (wire(seed=n).host.dials for n in range(40))}
    assert len(seen) == 4


def test_a_dial_set_by_hand_does_not_turn_the_others(wire: MakeWire) -> None:
    drawn = wire(seed=7).host.dials
    assert wire(seed=7, dials={"paging": "all_at_once"}).host.dials == {**drawn, "paging": "all_at_once"}


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"dials": {"pageing": "x"}}, "no dial is called pageing"),
        ({"dials": {"paging": "x"}}, "can be all_at_once"),
        ({"persona": "server-1999"}, "no persona"),
        ({"start": "kms_9"}, "start can be"),
        ({"start": "bare_unrestarted"}, "start can be"),
        ({"firewall": "burning"}, "firewall can be"),
    ],
)
def test_options_that_make_no_sense(wire: MakeWire, options: dict[str, object], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        wire(**options)


def test_every_dial_says_what_it_is_about() -> None:
    assert len({dial.name for dial in dials.ALL}) == len(dials.ALL)
    for dial in dials.ALL:
        assert len(dial.settings) >= 2
        assert dial.meaning


def test_every_dial_is_acted_upon_and_tested() -> None:
    here = Path(__file__).parent
    acting = "".join(path.read_text() for path in SOURCE.rglob("*.py") if path.name != "dials.py")
    testing = "".join(path.read_text() for path in here.glob("*.py"))
    for dial in dials.ALL:
        assert any(mark in acting for mark in (f'"{dial.name}"', f"'{dial.name}'")), dial.name
        assert f'"{dial.name}"' in testing, dial.name


def test_every_behaviour_is_labelled() -> None:
    for persona in personas().values():
        assert persona.behaviours
        for behaviour in persona.behaviours:
            assert behaviour.label in ("captured", "documented", "assumed")
            assert behaviour.source


def conversation(host: Wire) -> list[bytes]:
    """Something of everything, with time going by."""
    found = [host.enumerate("SELECT * FROM Win32_Service").body, host.enumerate("SELECT * FROM Win32_Process").body]
    shell = host.open_shell()
    found.append(host.command(shell, "hostname").body)
    found.append(host.enumerate("SELECT * FROM SoftwareLicensingService").body)
    host.host.machine.power.restart()
    host.pass_time(400)
    found.append(host.enumerate("SELECT * FROM Win32_OperatingSystem").body)
    found.append(json.dumps(host.shown, sort_keys=True).encode())
    return found


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
@pytest.mark.parametrize(
    ("name", "start"), [(PERSONA, "kms_1_2"), ("server-2008-sp2", "bare"), ("server-2025", "bare")]
)
def test_the_same_seed_and_the_same_requests_give_the_same_bytes(
    wire: MakeWire, seed: int | None, name: str, start: str
) -> None:
    first, second = (conversation(wire(persona=name, seed=seed, start=start)) for _ in range(2))
    assert first == second


def test_another_seed_gives_other_bytes(wire: MakeWire) -> None:
    assert conversation(wire(seed=1)) != conversation(wire(seed=2))


def test_message_ids_differ(wire: MakeWire) -> None:
    host = wire()
    query = "SELECT Version FROM Win32_OperatingSystem"
    assert host.enumerate(query).body != host.enumerate(query).body


@pytest.mark.parametrize("seed", range(40))
def test_every_setting_leads_to_a_host_that_can_be_looked_at(wire: MakeWire, seed: int) -> None:
    """Whatever the dials say, a key gets installed in the end, by one way or the other."""
    host = wire(seed=seed, start="kms_1_2")
    service = host.host.dials["licensing_service"]
    assert host.rows(f"SELECT State FROM Win32_Service WHERE Name='{service}'") == [{"State": "Running"}]
    assert host.licensing("InstallProductKey", ProductKey=KEY).status == 200
    assert host.product()["PartialProductKey"] == "67892"
    assert json.dumps(host.shown)


def test_a_virtual_clock_does_not_go_backwards() -> None:
    with pytest.raises(ValueError, match="-1"):
        VirtualClock().advance(-1)


def test_work_that_takes_time_may_move_the_clock() -> None:
    clock = VirtualClock(0)
    schedule, done = Schedule(clock), list[float]()
    clock.wakes(schedule)

    def work() -> None:
        clock.advance(5)
        done.append(clock.now())

    schedule.at(1, work)
    schedule.at(2, lambda: done.append(clock.now()))
    clock.advance(3)
    assert (done, clock.now()) == ([6, 6], 6)


def test_a_key_must_look_like_one() -> None:
    with pytest.raises(ValueError, match="five groups"):
        Authority({"AAAAA-00000": "windows_7"})


def test_the_full_name_of_a_host() -> None:
    assert HostOptions("a", domain="b.example").fqdn == "a.b.example"
    assert HostOptions("a", domain="").fqdn == "a"
