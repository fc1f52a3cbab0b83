# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The course of an activation: when it shows, what breaks it off, when Windows tries by itself, what is a host."""

from __future__ import annotations

from typing import Any

import pytest
from corewire import KEY, KEYS, SERVER_2008_KEY, VISTA_KEY, Wire
from keywire import (
    MakeWire,
    deposit,
    host_with_key,
    hresult,
    restart_service,
    shown_id,
    start_service,
    stop_service,
)

from emulated_windows.core import Authority, VirtualClock, confirmation_id

ACTIVATION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SL\Activation"
LATE = {"status_shown": "after_refresh"}
LONG = {"activation_duration": "beyond_timeout"}
BY_ITSELF = {"auto_activation": "on"}
TWO_HOURS = 7_200
BUSY = 0xC004E028


def status(host: Wire) -> str:
    """LicenseStatus of the host key."""
    found = host.product()["LicenseStatus"]
    assert isinstance(found, str)
    return found


def requests(host: Wire) -> int:
    """How often Microsoft was asked online."""
    found = host.shown["activation_requests"]
    assert isinstance(found, int)
    return found


def forbid(host: Wire, value: int = 1) -> None:
    """Activation\\Manual."""
    host.registry("CreateKey", ACTIVATION)
    host.registry("SetDWORDValue", ACTIVATION, sValueName="Manual", uValue=value)


def events(host: Wire) -> list[str]:
    """What has happened to keys."""
    return [event["what"] for event in host.shown["key_history"]]


# -- when it shows ---------------------------------------------------------------------------------------------------


def test_an_activation_may_show_after_a_refresh_only(wire: MakeWire) -> None:
    host = host_with_key(wire, dials=LATE)
    assert host.on_product("Activate").status == 200
    host.pass_time(10)
    assert (status(host), host.shown["activations_spent"]) == ("2", {"67892": 1})
    assert host.licensing("RefreshLicenseStatus").status == 200
    assert status(host) == "1"


def test_it_shows_by_itself_a_minute_later(wire: MakeWire) -> None:
    host = host_with_key(wire, dials={**LATE, "refresh_license_status": "fault"})
    host.on_product("Activate")
    assert host.licensing("RefreshLicenseStatus").status == 500
    host.pass_time(55)
    assert status(host) == "2"
    host.pass_time(10)
    assert status(host) == "1"


def test_it_shows_after_a_start_of_the_service(wire: MakeWire) -> None:
    host = host_with_key(wire, dials=LATE)
    host.on_product("Activate")
    restart_service(host)
    assert status(host) == "1"


def test_a_confirmation_id_may_show_late_too(wire: MakeWire) -> None:
    host = host_with_key(wire, dials=LATE)
    assert deposit(host, confirmation_id(shown_id(host))).status == 200
    assert status(host) == "2"
    host.licensing("RefreshLicenseStatus")
    assert status(host) == "1"


def test_the_script_refreshes(wire: MakeWire) -> None:
    host = host_with_key(wire, dials=LATE)
    host.run(r"cscript //nologo C:\WINDOWS\system32\slmgr.vbs /ato", [b"y\r\n"])
    assert status(host) == "1"


@pytest.mark.parametrize("args", [["4"], ["5", "0xC004F200"], ["0"], ["2"]])
def test_an_activation_without_effect(wire: MakeWire, args: list[str]) -> None:
    host = host_with_key(wire)
    host.host.inject("activation-without-effect", args)
    assert host.on_product("Activate").status == 200
    host.licensing("RefreshLicenseStatus")
    reasons = {"4": 0xC004F200, "5": 0xC004F200, "0": 0xC004F034, "2": 0x4004F00C}
    row = host.product()
    assert (row["LicenseStatus"], row["LicenseStatusReason"]) == (args[0], str(reasons[args[0]]))
    assert (host.shown["activations_spent"], "activated" in events(host)) == ({"67892": 1}, False)
    host.host.inject("clear", [])
    host.on_product("Activate")
    assert (status(host), host.shown["activations_spent"]) == ("1", {"67892": 2})


def test_a_script_that_met_it_says_so(wire: MakeWire) -> None:
    host = host_with_key(wire)
    host.host.inject("activation-without-effect", ["4"])
    ran = host.run(r"cscript //nologo C:\WINDOWS\system32\slmgr.vbs /ato", [b"y\r\n"])
    assert (ran.code, "0xC004F200" in ran.out) == (0, True)


@pytest.mark.parametrize("args", [[], ["1"], ["7"], ["x"], ["5", "x"], ["5", "1", "1"], ["5", "0x100000000"]])
def test_what_an_activation_without_effect_takes(wire: MakeWire, args: list[str]) -> None:
    with pytest.raises(ValueError, match="takes a LicenseStatus of 0, 2, 3, 4 or 5"):
        wire().host.inject("activation-without-effect", args)


# -- while it runs ---------------------------------------------------------------------------------------------------


def test_a_confirmation_id_while_an_activation_runs(wire: MakeWire) -> None:
    host = host_with_key(wire, dials=LONG)
    host.on_product("Activate")
    confirmation = confirmation_id(shown_id(host))
    assert hresult(deposit(host, confirmation)) == BUSY
    host.pass_time(60)
    assert deposit(host, confirmation).status == 200


def test_a_refused_activation_keeps_the_service_busy_as_well(wire: MakeWire) -> None:
    host = host_with_key(wire)
    host.host.inject("no-microsoft", [])
    host.waits = False
    assert hresult(host.on_product("Activate")) == 0x80072EE7
    assert hresult(host.on_product("Activate")) == BUSY


def test_an_activation_ends_with_the_service_and_is_spent(wire: MakeWire) -> None:
    host = host_with_key(wire, dials=LONG)
    host.on_product("Activate")
    stop_service(host)
    start_service(host)
    host.pass_time(200)
    assert (status(host), host.shown["activations_spent"]) == ("2", {"67892": 1})
    assert "activated" not in events(host)


@pytest.mark.parametrize("how", ["service", "machine"])
def test_a_restart_makes_the_service_ready_for_another(wire: MakeWire, how: str) -> None:
    host = host_with_key(wire, boot_seconds=20.0, dials=LONG)
    host.on_product("Activate")
    if how == "service":
        restart_service(host)
    else:
        host.host.machine.power.restart()
        host.pass_time(50)  # the activation would have taken 75 seconds
    host.waits = False
    host.on_product("Activate")
    assert host.shown["activations_spent"] == {"67892": 2}


def test_an_activation_finds_other_hardware_when_it_comes_back(wire: MakeWire) -> None:
    host = host_with_key(wire, dials=LONG)
    host.on_product("Activate")
    host.host.change_hardware()
    host.pass_time(200)
    assert (status(host), host.shown["activations_spent"]) == ("2", {"67892": 1})


def test_an_activation_finds_its_key_installed_anew(wire: MakeWire) -> None:
    host = host_with_key(wire, dials=LONG)
    host.on_product("Activate")
    host.licensing("InstallProductKey", ProductKey=KEY)
    host.pass_time(200)
    assert status(host) == "2"
    assert "activated" not in events(host)


def test_what_was_accepted_on_former_hardware_is_no_licence_here(wire: MakeWire) -> None:
    host = host_with_key(wire, dials=LATE)
    host.on_product("Activate")
    host.host.change_hardware()
    assert status(host) == "3"
    host.licensing("RefreshLicenseStatus")
    assert status(host) == "3"


# -- by itself -------------------------------------------------------------------------------------------------------


def test_a_manual_after_the_key_may_come_too_late(wire: MakeWire) -> None:
    for setting, count in (("25", 0), ("0", 1)):
        host = host_with_key(wire, dials={**BY_ITSELF, "auto_activation_after": setting})
        forbid(host)
        host.pass_time(100)
        assert requests(host) == count


def test_windows_does_not_activate_what_is_activated(wire: MakeWire) -> None:
    host = host_with_key(wire, dials=BY_ITSELF)
    host.on_product("Activate")
    host.pass_time(3 * TWO_HOURS)
    assert (status(host), requests(host)) == ("1", 1)


def test_nor_what_does_not_show_it_yet(wire: MakeWire) -> None:
    host = host_with_key(wire, dials={**BY_ITSELF, **LATE})
    host.on_product("Activate")
    host.pass_time(30)
    assert (status(host), requests(host)) == ("2", 1)


def test_it_waits_for_the_end_of_an_activation(wire: MakeWire) -> None:
    host = host_with_key(wire, dials={**BY_ITSELF, **LONG})
    host.on_product("Activate")
    host.pass_time(200)
    assert (status(host), requests(host)) == ("1", 1)


def test_it_tries_when_an_activation_has_come_to_nothing(wire: MakeWire) -> None:
    host = host_with_key(wire, dials={**BY_ITSELF, **LONG})
    host.host.inject("no-microsoft", [])
    host.on_product("Activate")
    host.host.inject("clear", [])
    host.pass_time(60)
    assert requests(host) == 1
    host.pass_time(80)
    assert status(host) == "1"


def test_it_tries_again_at_each_interval(wire: MakeWire) -> None:
    host = host_with_key(wire, dials=BY_ITSELF)
    host.host.inject("no-microsoft", [])
    host.pass_time(30)
    host.host.inject("clear", [])
    host.pass_time(TWO_HOURS - 60)
    assert (status(host), requests(host)) == ("2", 0)
    host.pass_time(120)
    assert (status(host), requests(host)) == ("1", 1)
    host.pass_time(3 * TWO_HOURS)
    assert requests(host) == 1


def test_it_notices_that_manual_has_gone(wire: MakeWire) -> None:
    host = wire(start="kms_1_2", dials=BY_ITSELF)
    forbid(host)
    host.licensing("InstallProductKey", ProductKey=KEY)
    host.pass_time(100)
    forbid(host, 0)
    host.pass_time(100)
    assert requests(host) == 0
    host.pass_time(TWO_HOURS)
    assert status(host) == "1"


def test_it_tries_after_a_start_of_the_service(wire: MakeWire) -> None:
    host = wire(start="kms_1_2", dials=BY_ITSELF)
    forbid(host)
    host.licensing("InstallProductKey", ProductKey=KEY)
    host.pass_time(100)
    forbid(host, 0)
    restart_service(host)
    host.pass_time(60)
    assert status(host) == "1"


def test_not_while_the_service_is_stopped(wire: MakeWire) -> None:
    host = host_with_key(wire, dials=BY_ITSELF)
    stop_service(host)
    host.pass_time(2 * TWO_HOURS)
    assert requests(host) == 0


def test_it_tries_after_a_change_of_hardware(wire: MakeWire) -> None:
    host = wire(start="kms_1_2", host_key=KEY, dials=BY_ITSELF)
    host.pass_time(100)
    host.host.change_hardware()
    host.pass_time(20)
    assert status(host) == "3"
    host.pass_time(20)
    assert (status(host), host.shown["activations_spent"]) == ("1", {"67892": 2})


def test_it_has_one_plan_for_a_key(wire: MakeWire) -> None:
    host = host_with_key(wire, authority=Authority(KEYS, [KEY]), dials=BY_ITSELF)
    host.pass_time(10)
    host.host.change_hardware()
    host.pass_time(100)
    assert requests(host) == 1


def test_it_forgets_a_key_that_has_gone(wire: MakeWire) -> None:
    host = host_with_key(wire, dials=BY_ITSELF)
    host.on_product("UninstallProductKey")
    host.pass_time(60)
    assert (requests(host), host.host.wake_at()) == (0, None)


def test_it_takes_a_breath_even_where_time_goes_fast(wire: MakeWire) -> None:
    host = host_with_key(wire, boot_seconds=0.001, authority=Authority(KEYS, [KEY]), dials=BY_ITSELF)
    host.pass_time(100)
    assert 50 <= requests(host) <= 101


@pytest.mark.parametrize("setting", ["on", "off"])
def test_a_host_key_that_has_stayed_beside_a_newer_one_is_left_alone(wire: MakeWire, setting: str) -> None:
    host = host_with_key(wire, VISTA_KEY, dials={"auto_activation": setting, "old_host_key": "stays"})
    host.licensing("InstallProductKey", ProductKey=SERVER_2008_KEY)
    host.pass_time(TWO_HOURS + 60)
    assert host.shown["activations_spent"] == ({"PPPPP": 1} if setting == "on" else {})


# -- hosts and hardware ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "minutes"), [("3_0x4004F00D", "43200"), ("3_0xC004F00F", "43200"), ("5_0xC004F00F", "0")]
)
def test_the_grace_on_other_hardware(wire: MakeWire, setting: str, minutes: str) -> None:
    host = wire(start="kms_1_2", host_key=KEY, dials={"after_hardware_change": setting})
    assert host.product()["GracePeriodRemaining"] == "0"
    host.host.change_hardware()
    assert host.product()["GracePeriodRemaining"] == minutes


@pytest.mark.parametrize(("setting", "seventh"), [("same_host", 200), ("another_host", 500)])
def test_what_other_hardware_counts_as(wire: MakeWire, setting: str, seventh: int) -> None:
    authority, clock = Authority(KEYS), VirtualClock()
    dials = {"hardware_counts_as": setting}
    hosts = [host_with_key(wire, name=f"kms{n:02d}", authority=authority, clock=clock, dials=dials) for n in range(5)]
    for host in (*hosts, hosts[0]):
        assert host.on_product("Activate").status == 200
        host.host.change_hardware()
    assert hosts[0].shown["activations_spent"] == {"67892": 2}
    assert hosts[1].on_product("Activate").status == seventh


def test_ten_activations_are_for_one_host(wire: MakeWire) -> None:
    for setting, eleventh in (("same_host", 500), ("another_host", 200)):
        host = host_with_key(wire, dials={"hardware_counts_as": setting})
        for _ in range(10):
            assert host.on_product("Activate").status == 200
        host.host.change_hardware()
        assert host.on_product("Activate").status == eleventh


def test_a_new_name_is_no_new_host(wire: MakeWire) -> None:
    host = host_with_key(wire)
    before = shown_id(host)
    host.on_product("Activate")
    host.host.options.name, host.host.options.domain = "renamed", "other.example"
    host.on_product("Activate")
    assert (shown_id(host), host.shown["activations_spent"]) == (before, {"67892": 2})


# -- rows and their installation IDs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["keyed_rows", "every_row"])
@pytest.mark.parametrize("options", [{"start": "kms_1_2"}, {"persona": "server-2022"}])
def test_which_rows_show_an_installation_id(wire: MakeWire, setting: str, options: dict[str, Any]) -> None:
    host = wire(**options, dials={"installation_id_shown": setting})
    rows = host.rows("SELECT * FROM SoftwareLicensingProduct")
    for row in rows:
        wanted = row["PartialProductKey"] is not None or setting == "every_row"
        assert (row["OfflineInstallationId"] is not None) is wanted, row["Description"]
    shown = [row["OfflineInstallationId"] for row in rows if row["OfflineInstallationId"]]
    assert len(set(shown)) == len(shown)
