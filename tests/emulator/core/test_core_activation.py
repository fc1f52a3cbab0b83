# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installation and confirmation IDs, other hardware, wrong clocks, and what the emulated Microsoft says to all that."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from corewire import KEY, KEYS, VISTA_KEY, codes, content, values
from keywire import QUIET, MakeWire, deposit, host_with_key, hresult, shown_id

from emulated_windows.authority import confirmation_checks, confirmation_groups
from emulated_windows.core import Authority, Refused, VirtualClock, confirmation_id, dial_table

PERSONA = "server-2003-sp2-x86"
DAYS = 30 * 86_400


# -- installation IDs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("setting", "same"), [("hardware_and_key", True), ("also_each_installation", False)])
def test_what_an_installation_id_depends_on(wire: MakeWire, setting: str, same: bool) -> None:
    host = host_with_key(wire, dials={"installation_id_depends_on": setting})
    before = shown_id(host)
    host.host.machine.power.restart()
    host.pass_time(400)
    assert shown_id(host) == before
    host.licensing("InstallProductKey", ProductKey=KEY)
    assert (shown_id(host) == before) is same
    host.host.change_hardware()
    assert shown_id(host) != before


# -- other hardware --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "status", "reason"),
    [("3_0x4004F00D", "3", 0x4004F00D), ("3_0xC004F00F", "3", 0xC004F00F), ("5_0xC004F00F", "5", 0xC004F00F)],
)
def test_an_activated_host_on_other_hardware(wire: MakeWire, setting: str, status: str, reason: int) -> None:
    host = wire(start="kms_1_2", host_key=KEY, count=50, dials={"after_hardware_change": setting})
    before = shown_id(host)
    host.host.inject("hardware-changed", [])
    row = host.product()
    assert (row["LicenseStatus"], row["LicenseStatusReason"]) == (status, str(reason))
    assert row["OfflineInstallationId"] != before
    assert host.shown["activations_spent"] == {"67892": 1}
    assert host.on_product("Activate").status == 200
    assert host.product()["LicenseStatus"] == "1"
    assert (host.shown["activations_spent"], host.shown["count"]) == ({"67892": 2}, 50)


def test_other_hardware_and_a_key_that_was_never_activated(wire: MakeWire) -> None:
    host = host_with_key(wire)
    before = shown_id(host)
    host.host.inject("hardware-changed", [])
    assert host.product()["LicenseStatus"] == "2"
    assert shown_id(host) != before


def test_a_host_in_grace_is_a_host_still(wire: MakeWire) -> None:
    host = wire(start="kms_1_2", host_key=KEY, dials={"host_flag": "at_activation"})
    host.host.inject("hardware-changed", [])
    [row] = host.rows("SELECT IsKeyManagementServiceMachine FROM SoftwareLicensingService")
    assert row["IsKeyManagementServiceMachine"] == "1"


def test_other_hardware_takes_no_argument(wire: MakeWire) -> None:
    with pytest.raises(ValueError, match="no arguments"):
        wire().host.inject("hardware-changed", ["3"])


# -- confirmation IDs ------------------------------------------------------------------------------------------------


def spoilt(confirmation: str) -> str:
    """One digit mistyped."""
    return f"{confirmation[:-1]}{(int(confirmation[-1]) + 1) % 7}"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (lambda shown: "x" * 48, 0xC004F02C),
        (lambda shown: "\u0664" * 48, 0xC004F02C),
        (lambda shown: "", 0xC004F02C),
        (lambda shown: confirmation_id(shown)[:-1], 0xC004F02F),
        (lambda shown: confirmation_id(shown) + "0", 0xC004F02F),
        (lambda shown: spoilt(confirmation_id(shown)), 0xC004F04D),
        (lambda shown: confirmation_id("1" * 63), 0xC004F02D),
        (lambda shown: confirmation_id("1" * 54), 0xC004F04D),
        (lambda shown: " ".join(confirmation_groups(confirmation_id(shown))), 0xC004F02C),
        (lambda shown: "-".join(confirmation_groups(confirmation_id(shown))), 0xC004F02C),
        (lambda shown: confirmation_id(shown) + " ", 0xC004F02C),
    ],
)
def test_wrong_confirmation_ids(wire: MakeWire, wrong: Callable[[str], str], code: int) -> None:
    host = host_with_key(wire)
    assert hresult(deposit(host, wrong(shown_id(host)))) == code
    assert host.product()["LicenseStatus"] == "2"


@pytest.mark.parametrize("code", [0xC004F04D, 0x80070057])
@pytest.mark.parametrize("wrong", ["x" * 48, "1" * 47, ""])
def test_one_number_for_everything_that_is_not_48_digits(wire: MakeWire, code: int, wrong: str) -> None:
    host = host_with_key(wire, dials={"malformed_confirmation_id": f"0x{code:08X}"})
    assert hresult(deposit(host, wrong)) == code


def test_a_confirmation_id_with_an_installation_id_nobody_shows(wire: MakeWire) -> None:
    host = host_with_key(wire)
    assert hresult(deposit(host, confirmation_id("1" * 54), "1" * 54)) == 0xC004F031


@pytest.mark.parametrize("setting", dial_table(PERSONA)["foreign_confirmation_id"])
def test_a_confirmation_id_of_another_host_and_of_former_hardware(wire: MakeWire, setting: str) -> None:
    dials = {"foreign_confirmation_id": setting}
    host, other = (host_with_key(wire, name=name, dials=dials) for name in ("kms03", "kms04"))
    assert hresult(deposit(host, confirmation_id(shown_id(other)))) == int(setting, 16)
    stale = confirmation_id(shown_id(host))
    host.host.change_hardware()
    assert hresult(deposit(host, stale)) == int(setting, 16)
    assert host.product()["LicenseStatus"] == "2"


def test_check_digits_tell_every_mistyped_digit_but_seven_apart() -> None:
    right = confirmation_id("1" * 54)
    assert len(right) == 48 and confirmation_checks(right)
    for place, digit in enumerate(right):
        others = [str(other) for other in range(10) if abs(other - int(digit)) not in (0, 7)]
        assert not any(confirmation_checks(right[:place] + other + right[place + 1 :]) for other in others)


def test_a_deposit_and_an_uninstallation_are_mutations_and_their_bodies_are_not_written(wire: MakeWire) -> None:
    host = host_with_key(wire)
    confirmation = confirmation_id(shown_id(host))
    for reply, method in (
        (deposit(host, confirmation), "DepositOfflineConfirmationId"),
        (host.on_product("UninstallProductKey"), "UninstallProductKey"),
    ):
        event = reply.event
        assert (event.operation, event.resource, event.method) == ("invoke", "SoftwareLicensingProduct", method)
        assert event.mutation
        assert confirmation not in str(event)


# -- the portal, or the person at the telephone ----------------------------------------------------------------------


def test_offline_activation_counts_like_an_online_one(wire: MakeWire) -> None:
    host = host_with_key(wire)
    shown = shown_id(host)
    read_out = "-".join(shown[start : start + 7] for start in range(0, len(shown), 7))
    confirmation = host.authority.confirm(f" {read_out[:30]} {read_out[30:]}\n")
    assert confirmation == confirmation_id(shown)
    assert [len(group) for group in confirmation_groups(confirmation)] == [6] * 8
    assert host.shown["activations_spent"] == {"67892": 1}
    assert host.product()["LicenseStatus"] == "2"
    assert values(content(deposit(host, confirmation))) == {"ReturnValue": "0"}
    assert host.product()["LicenseStatus"] == "1"
    assert host.authority.confirm(shown) == confirmation
    assert (host.shown["activations_spent"], host.shown["activation_requests"]) == ({"67892": 1}, 0)


def test_new_hardware_needs_a_new_confirmation_id(wire: MakeWire) -> None:
    host = host_with_key(wire)
    first = shown_id(host)
    deposit(host, host.authority.confirm(first))
    host.host.change_hardware()
    assert host.authority.confirm(first) == confirmation_id(first)  # Microsoft does not see that it is out of date
    assert hresult(deposit(host, confirmation_id(first))) == 0xC004F04D
    assert host.product()["LicenseStatus"] == "3"
    assert deposit(host, host.authority.confirm(shown_id(host))).status == 200
    assert host.product()["LicenseStatus"] == "1"
    assert host.shown["activations_spent"] == {"67892": 2}


def test_the_portal_counts_for_an_id_that_is_out_of_date_and_gives_digits(wire: MakeWire) -> None:
    host = host_with_key(wire)
    stale = shown_id(host)
    host.host.change_hardware()
    assert host.authority.confirm(stale) == confirmation_id(stale)
    assert host.shown["activations_spent"] == {"67892": 1}
    assert hresult(deposit(host, confirmation_id(stale))) == 0xC004F04D
    assert hresult(deposit(host, confirmation_id(stale), stale)) == 0xC004F031
    assert host.product()["LicenseStatus"] == "2"


def test_offline_and_online_have_ten_activations_together(wire: MakeWire) -> None:
    host = host_with_key(wire)
    for _ in range(9):
        assert host.on_product("Activate").status == 200
    host.authority.confirm(shown_id(host))
    host.host.change_hardware()
    with pytest.raises(Refused) as refusal:
        host.authority.confirm(shown_id(host))
    assert refusal.value.hresult == 0xC004C008
    assert hresult(host.on_product("Activate")) == 0xC004C008
    assert host.shown["activations_spent"] == {"67892": 10}


def test_a_key_has_six_hosts_offline_too(wire: MakeWire) -> None:
    authority, clock = Authority(KEYS), VirtualClock()
    hosts = [host_with_key(wire, name=f"kms{n:02d}", authority=authority, clock=clock) for n in range(7)]
    for host in hosts[:6]:
        authority.confirm(shown_id(host))
    with pytest.raises(Refused, match="0xC004C008: this key has no activations left"):
        authority.confirm(shown_id(hosts[6]))
    assert hosts[6].shown["activations_spent"] == {}


def test_an_installation_id_nobody_shows_is_refused(wire: MakeWire) -> None:
    with pytest.raises(Refused, match="^0xC004C005: no machine of this estate has shown this installation ID"):
        host_with_key(wire).authority.confirm("1" * 54)


# -- what Microsoft refuses, at every place where Windows may put it ---------------------------------------------------


@pytest.mark.parametrize(("place", "told"), [(p, t) for p in dial_table(PERSONA)["hresult_place"] for t in (1, 2, 3)])
@pytest.mark.parametrize("persona", [PERSONA, "server-2022"])
def test_numbers_of_microsoft_come_out_where_the_dial_says(wire: MakeWire, persona: str, place: str, told: int) -> None:
    code = {1: 0xC004C003, 2: 0xC004C008, 3: 0x80072EE2}[told]
    modern = persona == "server-2022"
    key = "BCDFG-HJKMP-QRTVW-XY234-FFFFF"
    authority = Authority({key: "server_2022" if modern else "windows_7"}, [key] if told == 1 else [])
    for other in range(6 if told == 2 else 0):
        authority.activate(key, f"other{other}")
    dials = {**QUIET, "hresult_place": place, "own_key_after_host_key": "gone", "error_detail": "wsman_fault"}
    dials = {name: dials[name] for name in dials if name in dial_table(persona)}
    host = host_with_key(
        wire, key, persona=persona, start="bare" if modern else "kms_1_2", authority=authority, dials=dials
    )
    if told == 3:
        host.host.inject("no-microsoft", ["0x80072EE2"])
    reply = host.on_product("Activate")
    if place == "return_value":
        assert values(content(reply)) == {"ReturnValue": str(code)}
        return
    text = f"HRESULT 0x{code:08x}".encode() in reply.body
    status = f"<p:StatusCode>{code}</p:StatusCode>".encode() in reply.body
    numbers = {"nested_code": [2150858755, code], "outer_code": [code, code]}.get(place, [2150858755, 2150858755])
    assert (reply.status, codes(reply)) == (500, numbers)
    assert (text, status) == (place != "extended_status", place == "extended_status")


@pytest.mark.parametrize("namespace", dial_table("server-2022")["error_namespace"])
def test_numbers_of_microsoft_in_the_error_of_the_mi_stack(wire: MakeWire, namespace: str) -> None:
    key = "BCDFG-HJKMP-QRTVW-XY234-FFFFF"
    dials = {"own_key_after_host_key": "gone", "error_detail": "msft_wmi_error", "error_namespace": namespace}
    authority = Authority({key: "server_2022"}, [key])
    host = host_with_key(wire, key, persona="server-2022", start="bare", authority=authority, dials=dials)
    reply = host.on_product("Activate")
    assert reply.status == 500
    assert b"MSFT_WmiError" in reply.body
    assert (codes(reply), b"HRESULT 0xc004c003" in reply.body) == ([0xC004C003], True)


# -- a wrong clock ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("setting", "code"), [("0x80072F8F", 0x80072F8F), ("0xC004F06C", 0xC004F06C), ("works", 0)])
@pytest.mark.parametrize("offset", [DAYS, -DAYS])
def test_a_clock_that_is_days_off(wire: MakeWire, setting: str, code: int, offset: int) -> None:
    host = host_with_key(wire, clock_offset=offset, dials={"wrong_clock": setting})
    reply = host.on_product("Activate")
    assert (hresult(reply) if code else reply.status) == (code or 200)
    assert host.shown["activations_spent"] == ({} if code else {"67892": 1})
    if code:
        assert deposit(host, host.authority.confirm(shown_id(host))).status == 200
        assert host.product()["LicenseStatus"] == "1"


def test_a_clock_that_is_hours_off_activates(wire: MakeWire) -> None:
    host = host_with_key(wire, clock_offset=-14_400, dials={"clock_offset": "5400"})
    [row] = host.rows("SELECT LocalDateTime FROM Win32_OperatingSystem")
    assert row["LocalDateTime"].startswith("2023-11-14T18:13:2")  # the virtual clock says 22:13:20
    assert host.on_product("Activate").status == 200


# -- queries ---------------------------------------------------------------------------------------------------------


def test_queries_for_keyed_rows_and_for_one_row(wire: MakeWire) -> None:
    host = host_with_key(wire, VISTA_KEY)
    everything = host.rows("SELECT * FROM SoftwareLicensingProduct")
    keyed = host.product()["ID"]
    other = next(row["ID"] for row in everything if row["ID"] != keyed)
    for where, found in (
        (f"PartialProductKey <> null OR ID='{other}'", {keyed, other}),
        (f"PartialProductKey <> null AND ID='{other}'", set()),
        (f"(PartialProductKey <> null OR ID='{other.upper()}') AND NOT (LicenseStatus = 0)", {keyed}),
        (f"PartialProductKey = null AND (ID='{keyed}' OR ID='{other}')", {other}),
        (f"PartialProductKey IS NULL AND ID='{other}' OR ID='{keyed}'", {keyed, other}),
    ):
        rows = host.rows(f"SELECT ID FROM SoftwareLicensingProduct WHERE {where}")
        assert {row["ID"] for row in rows} == found, where
    query = f"SELECT OfflineInstallationId FROM SoftwareLicensingProduct WHERE ID='{keyed}'"
    assert host.rows(query) == [{"OfflineInstallationId": shown_id(host)}]
