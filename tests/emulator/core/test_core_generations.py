# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Licensing on every release: which host keys it takes, activation, settings, and what its classes show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from corewire import Wire, codes, content, values

from emulated_windows.core import FIRMWARE_KEY, Authority, confirmation_id, personas
from emulated_windows.key_groups import hosting, key_groups
from emulated_windows.machine.products import own_product

MakeWire = Callable[..., Wire]
KEYS = {
    group: f"BCDFG-HJKMP-QRTVW-XYBCD-{number:05d}".translate(str.maketrans("0159", "BCDF"))
    for number, group in enumerate(key_groups(), 22222)
}
FROM_VISTA = [name for name, persona in sorted(personas().items()) if persona.since >= (6, 0)]
FROM_7 = [name for name in FROM_VISTA if personas()[name].since >= (6, 1)]
FROM_2012 = [name for name in FROM_7 if personas()[name].since >= (6, 2)]
NATIVE = {
    "server-2008-sp2": {"windows_vista", "server_2008_a", "server_2008_b", "server_2008_c"},
    "server-2008-r2-sp1": {"windows_7", "server_2008_r2_a", "server_2008_r2_b", "server_2008_r2_c"},
    "windows-7-sp1": {"windows_7"},
    "server-2012": {"server_2012"},
    "server-2012-r2": {"server_2012_r2"},
    "windows-10": {"windows_10"},
    "server-2016": {"server_2016", "server_2019", "server_2022"},
    "server-2019": {"server_2019", "server_2022", "server_2025"},
    "server-2022": {"server_2022", "server_2025"},
    "server-2025": {"server_2025"},
}
"""What each persona takes as it comes: without updates, from 10.0 on with a recent build."""
A_KEY = {name: KEYS[sorted(groups)[0]] for name, groups in NATIVE.items()}
QUIET = {"auto_activation": "off"}


@pytest.fixture
def host_of(wire: MakeWire) -> MakeWire:
    """A maker of hosts whose Microsoft knows a key of every group."""

    def make(name: str, **options: Any) -> Wire:
        dials = {**QUIET, **options.pop("dials", {})}
        return wire(
            persona=name, dials=dials, authority=Authority({key: group for group, key in KEYS.items()}), **options
        )

    return make


def with_key(host_of: MakeWire, name: str, **options: Any) -> Wire:
    """A host with a host key, not activated."""
    host = host_of(name, **options)
    assert host.licensing("InstallProductKey", ProductKey=A_KEY[name]).status == 200
    return host


def host_row(host: Wire) -> dict[str, Any]:
    """The row of the host key."""
    rows = host.rows("SELECT * FROM SoftwareLicensingProduct WHERE PartialProductKey <> null")
    [row] = [row for row in rows if "VOLUME_KMS" in row["Description"] and "KMSCLIENT" not in row["Description"]]
    return row


def accepted(host: Wire) -> set[str]:
    """The key groups of which a key can be installed."""
    found = set()
    for group, key in KEYS.items():
        reply = host.licensing("InstallProductKey", ProductKey=key)
        if reply.status == 200:
            found.add(group)
        else:
            assert codes(reply)[-1] in (0xC004F050, 0xC004F015, 0xC004F069)
    return found


# -- key groups ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FROM_VISTA)
def test_groups_without_updates(host_of: MakeWire, name: str) -> None:
    assert accepted(host_of(name)) == NATIVE[name]


@pytest.mark.parametrize(
    ("name", "updates", "more"),
    [
        ("server-2008-sp2", ("kb968912",), {"windows_7", "server_2008_r2_a", "server_2008_r2_b", "server_2008_r2_c"}),
        ("server-2008-sp2", ("kb2885698",), {"server_2012_r2"}),
        ("server-2008-r2-sp1", ("kb2757817",), {"server_2012"}),
        ("server-2008-r2-sp1", ("kb2885698",), {"server_2012_r2"}),
        ("server-2008-r2-sp1", ("kb3079821",), {"server_2012", "server_2012_r2", "server_2012_r2_windows_10"}),
        ("windows-7-sp1", ("kb3079821",), {"windows_10"}),
        ("server-2012", ("kb2885698", "kb3058168"), {"server_2012_r2", "server_2012_r2_windows_10"}),
        ("server-2012", ("kb3172615",), {"server_2012_r2", "server_2012_r2_windows_10", "server_2016"}),
        ("server-2012-r2", ("kb3172614",), {"server_2012_r2_windows_10", "server_2016"}),
        ("server-2012-r2", ("kb4467695",), {"server_2012_r2_windows_10", "server_2016", "server_2019"}),
    ],
)
def test_groups_with_updates(host_of: MakeWire, name: str, updates: tuple[str, ...], more: set[str]) -> None:
    assert accepted(host_of(name, updates=updates)) == NATIVE[name] | more


@pytest.mark.parametrize(
    ("name", "ubr", "groups"),
    [
        ("server-2016", 2640, {"server_2016"}),
        ("server-2016", 2641, {"server_2016", "server_2019"}),
        ("server-2016", 4466, {"server_2016", "server_2019"}),
        ("server-2016", 4467, {"server_2016", "server_2019", "server_2022"}),
        ("server-2019", 1998, {"server_2019"}),
        ("server-2019", 1999, {"server_2019", "server_2022"}),
        ("server-2019", 5458, {"server_2019", "server_2022", "server_2025"}),
        ("server-2022", 2321, {"server_2022"}),
        ("server-2022", 2322, {"server_2022", "server_2025"}),
        ("server-2025", 1, {"server_2025"}),
    ],
)
def test_groups_by_build(host_of: MakeWire, name: str, ubr: int, groups: set[str]) -> None:
    assert accepted(host_of(name, ubr=ubr)) == groups


@pytest.mark.parametrize("name", ["server-2003-sp1-x86", "server-2003-sp2-x64", "server-2003-r2"])
def test_groups_of_the_other_2003(host_of: MakeWire, name: str) -> None:
    assert accepted(host_of(name, start="kms_1_2")) == set(hosting()["server_2003"].updates["kms_1_2"])


def test_a_client_takes_no_server_key_and_a_server_no_client_key_of_windows_10(host_of: MakeWire) -> None:
    for name in FROM_VISTA:
        taken = {group for group in accepted(host_of(name)) if group in ("windows_10", "server_2022")}
        assert taken <= ({"windows_10"} if name == "windows-10" else {"server_2022"})


@pytest.mark.parametrize("code", ["0xC004F050", "0xC004F015", "0xC004F069"])
def test_what_refuses_an_unknown_group(host_of: MakeWire, code: str) -> None:
    host = host_of("server-2012", dials={"unknown_group": code})
    assert codes(host.licensing("InstallProductKey", ProductKey=KEYS["server_2025"]))[-1] == int(code, 16)
    assert host.shown["key_history"][0]["what"] == "refused"


@pytest.mark.parametrize(("setting", "status"), [("spoilt", 500), ("forgiven", 200)])
def test_a_key_tried_before_kb968912(host_of: MakeWire, setting: str, status: int) -> None:
    host = host_of("server-2008-sp2", dials={"key_used_too_early": setting})
    key = KEYS["server_2008_r2_c"]
    assert host.licensing("InstallProductKey", ProductKey=key).status == 500
    host.host.machine.updates.effective.add("kb968912")
    assert host.licensing("InstallProductKey", ProductKey=KEYS["server_2008_r2_b"]).status == 200
    reply = host.licensing("InstallProductKey", ProductKey=key)
    assert reply.status == status
    assert status == 200 or codes(reply)[-1] == 0xC004F050


@pytest.mark.parametrize("name", [name for name in FROM_7 if personas()[name].server])
def test_an_evaluation_edition_takes_no_host_key(host_of: MakeWire, name: str) -> None:
    host = host_of(name, evaluation=True)
    assert codes(host.licensing("InstallProductKey", ProductKey=A_KEY[name]))[-1] == 0xC004F069
    [row] = host.rows("SELECT Caption,OperatingSystemSKU FROM Win32_OperatingSystem")
    names_itself = personas()[name].since >= (6, 2)
    assert row["OperatingSystemSKU"] == ({"server-2008-r2-sp1": "8"}.get(name, "79"))
    assert ("Evaluation" in row["Caption"]) is names_itself
    assert host.shown["os"]["edition_id"].endswith("Eval") is names_itself


# -- the machine's own product ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FROM_VISTA)
@pytest.mark.parametrize(("setting", "word"), [("kms_client", "VOLUME_KMSCLIENT"), ("retail", "RETAIL")])
def test_a_machine_has_a_key_of_its_own(host_of: MakeWire, name: str, setting: str, word: str) -> None:
    host = host_of(name, dials={"own_product": setting})
    [row] = host.rows("SELECT * FROM SoftwareLicensingProduct WHERE PartialProductKey IS NOT NULL")
    assert f", {word} channel" in row["Description"]
    assert row["LicenseStatus"] == "1"
    assert row.get("IsKeyManagementServiceMachine", "0") == "0"
    if name in FROM_2012[1:]:
        assert row["ProductKeyChannel"] == ("Retail" if setting == "retail" else "Volume:GVLK")


@pytest.mark.parametrize("name", FROM_VISTA)
@pytest.mark.parametrize(("setting", "keyed"), [("stays", 2), ("gone", 1)])
def test_the_machines_own_key_beside_a_host_key(host_of: MakeWire, name: str, setting: str, keyed: int) -> None:
    host = with_key(host_of, name, dials={"own_key_after_host_key": setting})
    assert len(host.rows("SELECT ID FROM SoftwareLicensingProduct WHERE PartialProductKey <> null")) == keyed


@pytest.mark.parametrize("name", FROM_VISTA)
def test_the_client_setup_key_makes_it_a_client_again(host_of: MakeWire, name: str) -> None:
    host = with_key(host_of, name)
    product = own_product(personas()[name].release.id)
    assert product is not None
    assert host.licensing("InstallProductKey", ProductKey=product.key).status == 200
    [row] = host.rows("SELECT * FROM SoftwareLicensingProduct WHERE PartialProductKey <> null")
    assert "VOLUME_KMSCLIENT" in row["Description"]
    assert host.host.kms_port() is None


# -- from a key to a host that serves --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FROM_VISTA)
def test_a_key_and_its_activation(host_of: MakeWire, name: str) -> None:
    host = with_key(host_of, name)
    row = host_row(host)
    assert (row["PartialProductKey"], row["LicenseStatus"]) == (A_KEY[name][-5:], "2")
    if name in FROM_2012[1:]:
        assert row["ProductKeyChannel"] == "Volume:CSVLK"
    reply = host.invoke("SoftwareLicensingProduct", "Activate", selectors={"ID": row["ID"]})
    assert values(content(reply)) == {"ReturnValue": "0"}
    assert host_row(host)["LicenseStatus"] == "1"
    assert host.shown["activations_spent"] == {A_KEY[name][-5:]: 1}
    assert [event["what"] for event in host.shown["key_history"]] == ["installed", "activated"]
    assert host.host.kms_port() == 1688


@pytest.mark.parametrize("name", FROM_VISTA)
def test_activation_by_telephone(host_of: MakeWire, name: str) -> None:
    host = with_key(host_of, name)
    row = host_row(host)
    shown = row["OfflineInstallationId"]
    reply = host.invoke(
        "SoftwareLicensingProduct",
        "DepositOfflineConfirmationId",
        {"InstallationId": shown, "ConfirmationId": confirmation_id(shown)},
        selectors={"ID": row["ID"]},
    )
    assert reply.status == 200
    assert host_row(host)["LicenseStatus"] == "1"
    assert host.shown["activation_requests"] == 0


@pytest.mark.parametrize("name", FROM_VISTA)
def test_where_the_state_of_a_host_stands(host_of: MakeWire, name: str) -> None:
    host = with_key(host_of, name)
    [service] = host.rows("SELECT * FROM SoftwareLicensingService")
    assert service["IsKeyManagementServiceMachine"] == "1"
    assert ("KeyManagementServiceListeningPort" in service) == (name in FROM_7)
    assert host_row(host).get("IsKeyManagementServiceMachine") == ("1" if name in FROM_7 else None)


@pytest.mark.parametrize("name", FROM_VISTA)
def test_a_host_serves_again_after_a_restart(host_of: MakeWire, name: str) -> None:
    host = with_key(host_of, name)
    host.host.machine.power.restart()
    host.pass_time(400)
    assert host.host.kms_port() == 1688
    assert host_row(host)["PartialProductKey"] == A_KEY[name][-5:]


@pytest.mark.parametrize("name", FROM_7)
def test_the_service_sleeps_until_somebody_asks(host_of: MakeWire, name: str) -> None:
    host = host_of(name)
    query = "SELECT State FROM Win32_Service WHERE Name='sppsvc'"
    assert host.rows(query) == [{"State": "Stopped"}]
    assert len(host.rows("SELECT Version FROM SoftwareLicensingService")) == 1
    assert host.rows(query) == [{"State": "Running"}]
    host.host.machine.power.restart()
    host.pass_time(400)
    assert host.rows(query) == [{"State": "Stopped"}]


@pytest.mark.parametrize("name", FROM_VISTA)
def test_a_disabled_service_answers_nothing(host_of: MakeWire, name: str) -> None:
    host = host_of(name)
    service = "slsvc" if name == "server-2008-sp2" else "sppsvc"
    host.output("Win32_Service", "ChangeStartMode", {"StartMode": "Disabled"}, selectors={"Name": service})
    host.host.inject("service-stopped", [service])
    assert codes(host.enumerate("SELECT * FROM SoftwareLicensingService"))[-1] == 0x80070426


@pytest.mark.parametrize("name", FROM_VISTA)
def test_a_host_of_long_standing(host_of: MakeWire, name: str) -> None:
    host = host_of(name, host_key=A_KEY[name], count=42)
    assert host_row(host)["LicenseStatus"] == "1"
    [service] = host.rows("SELECT * FROM SoftwareLicensingService")
    assert service["KeyManagementServiceCurrentCount"] == "42"
    assert service["KeyManagementServiceTotalRequests"] == "84"
    assert host.host.kms_port() == 1688
    assert host.shown["activations_spent"] == {A_KEY[name][-5:]: 1}


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("server-2003-sp2-x64", "windows_vista"),
        ("server-2003-sp2-x64", "server_2008_b"),
        ("server-2003-r2", "server_2008_r2_b"),
        ("server-2008-sp2", "windows_7"),
        ("server-2008-r2-sp1", "server_2012_r2_windows_10"),
        ("server-2012-r2", "server_2019"),
    ],
)
def test_a_host_of_long_standing_has_the_updates_its_key_needs(host_of: MakeWire, name: str, group: str) -> None:
    host = host_of(name, host_key=KEYS[group])
    assert host.host.machine.licensing.key is not None
    assert hosting()[personas()[name].release.id].needed_for(group) in host.shown["updates"]
    assert not host.shown["restart_pending"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"host_key": KEYS["windows_10"]}, "takes no host key of group windows_10"),
        ({"host_key": KEYS["server_2022"], "ubr": 1}, "takes no host key of group server_2022"),
        ({"name": "windows-7-sp1", "evaluation": True}, "evaluation is for servers"),
        ({"count": 5}, "only a machine with a host_key"),
    ],
)
def test_hosts_that_cannot_be(host_of: MakeWire, options: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        host_of(**{"name": "server-2019", **options})


@pytest.mark.parametrize(("setting", "count"), [("unknown", "4294967295"), ("zero", "0")])
def test_another_host_key_resets_the_count_and_the_same_one_does_not(
    host_of: MakeWire, setting: str, count: str
) -> None:
    name = "server-2022"
    host = host_of(name, host_key=KEYS["server_2022"], count=50, dials={"count_after_new_key": setting})
    query = "SELECT KeyManagementServiceCurrentCount FROM SoftwareLicensingService"
    assert host.licensing("InstallProductKey", ProductKey=KEYS["server_2022"]).status == 200
    assert host.rows(query)[0]["KeyManagementServiceCurrentCount"] == "50"
    assert host.licensing("InstallProductKey", ProductKey=KEYS["server_2025"]).status == 200
    assert host.rows(query)[0]["KeyManagementServiceCurrentCount"] == count


@pytest.mark.parametrize(("setting", "keyed"), [("replaced", {"CCCCC"}), ("stays", {"CCCCC", "BBBBB"})])
def test_the_row_of_the_host_key_before(wire: MakeWire, setting: str, keyed: set[str]) -> None:
    """The story of a KMS 1.1 host with 50 clients that gets a key of the next generation."""
    old, new = "BCDFG-HJKMP-QRTVW-XYBCD-BBBBB", "BCDFG-HJKMP-QRTVW-XYBCD-CCCCC"
    authority = Authority({old: "windows_vista", new: "server_2008_r2_c"})
    host = wire(start="kms_1_2", host_key=old, count=50, authority=authority, dials={**QUIET, "old_host_key": setting})
    assert host.shown["count"] == 50
    assert host.licensing("InstallProductKey", ProductKey=new).status == 200
    query = "SELECT * FROM SoftwareLicensingProduct WHERE PartialProductKey <> null"
    rows = {row["PartialProductKey"]: row for row in host.rows(query)}
    assert set(rows) == keyed
    assert rows["CCCCC"]["LicenseStatus"] == "2"
    assert host.shown["count"] is None
    if setting == "stays":
        assert rows["BBBBB"]["LicenseStatus"] == "1"
        gone = host.invoke("SoftwareLicensingProduct", "UninstallProductKey", selectors={"ID": rows["BBBBB"]["ID"]})
        assert gone.status == 200
        assert {row["PartialProductKey"] for row in host.rows(query)} == {"CCCCC"}
        assert host.host.kms_port() == 1688


def test_activating_again_keeps_the_count(host_of: MakeWire) -> None:
    host = host_of("server-2022", host_key=KEYS["server_2022"], count=50)
    host.invoke("SoftwareLicensingProduct", "Activate", selectors={"ID": host_row(host)["ID"]})
    assert host.shown["count"] == 50


@pytest.mark.parametrize("name", FROM_VISTA)
@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_dials_say_a_host_can_be_made(wire: MakeWire, name: str, seed: int) -> None:
    authority = Authority({key: group for group, key in KEYS.items()})
    host = wire(persona=name, seed=seed, authority=authority, language=("ENU", "DEU", "JPN")[seed % 3])
    assert host.licensing("InstallProductKey", ProductKey=A_KEY[name]).status == 200
    activation = host.invoke("SoftwareLicensingProduct", "Activate", selectors={"ID": host_row(host)["ID"]})
    host.pass_time(150)
    assert host_row(host)["LicenseStatus"] == "1", activation.status
    host.host.machine.power.restart()
    host.pass_time(400)
    shown = host.shown
    assert (shown["boot_count"], shown["listening"]) == (2, [1688])
    assert A_KEY[name] not in str(shown)


# -- settings --------------------------------------------------------------------------------------------------------


def restart_service(host: Wire) -> None:
    """Stop and start the licensing service."""
    name = host.host.machine.licensing.service_name
    host.output("Win32_Service", "StopService", selectors={"Name": name})
    host.pass_time(5)
    host.output("Win32_Service", "StartService", selectors={"Name": name})
    host.pass_time(5)


@pytest.mark.parametrize("name", FROM_7)
def test_settings_by_method(host_of: MakeWire, name: str) -> None:
    host = with_key(host_of, name)
    for method, arguments in (
        ("SetKeyManagementServiceListeningPort", {"PortNumber": 1700}),
        ("DisableKeyManagementServiceDnsPublishing", {"DisablePublishing": "true"}),
        ("EnableKeyManagementServiceLowPriority", {"EnableLowPriority": "true"}),
        ("SetVLActivationInterval", {"ActivationInterval": 60}),
        ("SetVLRenewalInterval", {"RenewalInterval": 43200}),
    ):
        assert values(content(host.licensing(method, **arguments))) == {"ReturnValue": "0"}
    assert host.host.kms_port() == 1688
    restart_service(host)
    shown = host.shown
    assert shown["listening"] == [1700]
    assert (shown["self_publishing"], shown["low_priority"]) == (False, True)
    assert shown["intervals"] == {"VLActivationInterval": 60, "VLRenewalInterval": 43200}
    [row] = host.rows(
        "SELECT KeyManagementServiceListeningPort,KeyManagementServiceDnsPublishing,KeyManagementServiceLowPriority"
        " FROM SoftwareLicensingService"
    )
    assert list(row.values()) == ["false", "1700", "true"]
    host.licensing("ClearKeyManagementServiceListeningPort")
    restart_service(host)
    assert host.host.kms_port() == 1688


@pytest.mark.parametrize("name", FROM_7)
def test_methods_for_hosts_are_refused_without_a_host_key(host_of: MakeWire, name: str) -> None:
    host = host_of(name)
    assert codes(host.licensing("SetKeyManagementServiceListeningPort", PortNumber=1700))[-1] == 0xC004F039
    assert codes(host.licensing("EnableKeyManagementServiceLowPriority", EnableLowPriority="true"))[-1] == 0xC004F039


def test_server_2008_has_no_method_for_the_port(host_of: MakeWire) -> None:
    host = with_key(host_of, "server-2008-sp2")
    reply = host.licensing("SetKeyManagementServiceListeningPort", PortNumber=1700)
    assert codes(reply) == [2150858771]
    assert host.licensing("SetVLActivationInterval", ActivationInterval=60).status == 200


@pytest.mark.parametrize("name", FROM_VISTA)
def test_settings_by_registry(host_of: MakeWire, name: str) -> None:
    host = with_key(host_of, name)
    root = rf"SOFTWARE\Microsoft\Windows NT\CurrentVersion\{personas()[name].licensing.registry}".replace(
        r"\SPP", r"\SoftwareProtectionPlatform"
    )
    host.registry("SetStringValue", root, sValueName="KeyManagementServiceListeningPort", sValue="1700")
    host.registry("SetDWORDValue", root, sValueName="EnableKmsLowPriority", uValue=1)
    restart_service(host)
    assert host.shown["listening"] == [1700]
    assert host.shown["low_priority"] is True


@pytest.mark.parametrize(("setting", "shown"), [("configured", "1700"), ("in_force", "0")])
def test_the_port_that_is_shown_before_the_restart_of_the_service(host_of: MakeWire, setting: str, shown: str) -> None:
    host = with_key(host_of, "server-2019", dials={"port_shown": setting})
    host.licensing("SetKeyManagementServiceListeningPort", PortNumber=1700)
    [row] = host.rows("SELECT KeyManagementServiceListeningPort FROM SoftwareLicensingService")
    assert row["KeyManagementServiceListeningPort"] == shown


@pytest.mark.parametrize(
    ("setting", "zones"), [("replaces_home", ["other.example"]), ("adds_home", ["corp.example", "other.example"])]
)
def test_the_list_of_domains(host_of: MakeWire, setting: str, zones: list[str]) -> None:
    host = with_key(host_of, "server-2019", dials={"publish_list": setting})
    root = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
    host.registry("SetMultiStringValue", root, sValueName="DnsDomainPublishList", sValue=["other.example, 10, 20"])
    host.published.clear()
    restart_service(host)
    assert [zone for zone, _, _ in host.published] == zones
    assert host.shown["publish_list"] == ["other.example"]


# -- members ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FROM_VISTA)
def test_the_firmware_key_is_shown_from_2012_on(host_of: MakeWire, name: str) -> None:
    """As Windows does: a client that asks for everything gets a whole product key."""
    body = host_of(name).enumerate("SELECT * FROM SoftwareLicensingService").body
    assert (FIRMWARE_KEY.encode() in body) == (name in FROM_2012)


@pytest.mark.parametrize(
    ("name", "class_name", "column", "refused"),
    [
        ("server-2008-sp2", "SoftwareLicensingService", "KeyManagementServiceListeningPort", True),
        ("server-2008-sp2", "SoftwareLicensingProduct", "IsKeyManagementServiceMachine", True),
        ("server-2008-r2-sp1", "SoftwareLicensingProduct", "ProductKeyChannel", True),
        ("server-2008-r2-sp1", "SoftwareLicensingService", "OA3xOriginalProductKey", True),
        ("server-2012", "SoftwareLicensingProduct", "ProductKeyChannel", False),
        ("server-2012-r2", "SoftwareLicensingProduct", "ProductKeyChannel", False),
        ("server-2019", "SoftwareLicensingProduct", "ProductKeyID2", False),
        ("server-2019", "SoftwareLicensingService", "KeyManagementServiceActivationDisabled", True),
        ("server-2019", "SoftwareLicensingService", "SubscriptionStatus", True),
        ("server-2025", "SoftwareLicensingService", "SubscriptionStatus", False),
    ],
)
def test_a_class_refuses_columns_it_is_known_not_to_have(
    host_of: MakeWire, name: str, class_name: str, column: str, refused: bool
) -> None:
    reply = host_of(name).enumerate(f"SELECT {column} FROM {class_name}")
    assert (reply.status == 500) is refused


@pytest.mark.parametrize("name", ["server-2012", "server-2025"])
def test_an_assumed_class_may_refuse_too(host_of: MakeWire, name: str) -> None:
    host = host_of(name, dials={"assumed_columns": "refused"})
    assert host.enumerate("SELECT NoSuchColumn FROM SoftwareLicensingProduct").status == 500


@pytest.mark.parametrize("name", FROM_VISTA)
def test_the_licensing_classes_say_how_their_members_are_known(host_of: MakeWire, name: str) -> None:
    host = host_of(name)
    found = host.host._service.context.catalogue.find("root/cimv2", "SoftwareLicensingProduct")
    assert found is not None
    schema = found.schema_for(host.host.machine)
    assert schema.source in ("dump", "document", "assumed")
    assert schema.sourced is (name not in ("server-2012", "server-2025"))
    assert list(schema.by_name) == sorted(schema.by_name)
