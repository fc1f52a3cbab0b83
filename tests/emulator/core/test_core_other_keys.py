# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys beside the host key of Windows: MAKs, blocked keys, keys of clients, Office; what replaces what, what stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from corewire import Wire, codes

from emulated_windows.core import Authority, Refused, Reply, confirmation_id, dial_table, personas
from emulated_windows.machine.products import own_product

MakeWire = Callable[..., Wire]
SPP = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
WOW_SPP = SPP.replace("SOFTWARE", r"SOFTWARE\Wow6432Node")
WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
KEYS = {
    "server_2022": "BCDFG-HJKMP-QRTVW-XY234-BBBBB",
    "windows_10": "BCDFG-HJKMP-QRTVW-XY234-CCCCC",
    "office_2013": "BCDFG-HJKMP-QRTVW-XY234-DDDDD",
    "office_2016": "BCDFG-HJKMP-QRTVW-XY234-FFFFF",
    "mak": "BCDFG-HJKMP-QRTVW-XY234-GGGGG",
    "server_2008_r2_c": "BCDFG-HJKMP-QRTVW-XY234-HHHHH",
    "server_2012_r2": "BCDFG-HJKMP-QRTVW-XY234-JJJJJ",
}
PACKS = ("office_2013", "office_2016")
FROM_VISTA = [name for name, persona in sorted(personas().items()) if persona.since >= (6, 0)]


@pytest.fixture
def host_of(wire: MakeWire) -> MakeWire:
    """A maker of hosts whose Microsoft knows all keys; Server 2022 unless said otherwise."""

    def make(persona: str = "server-2022", **options: Any) -> Wire:
        dials = {"auto_activation": "off", **options.pop("dials", {})}
        authority = Authority({key: group for group, key in KEYS.items()}, options.pop("blocked", ()))
        return wire(persona=persona, dials=dials, authority=authority, **options)

    return make


def install(host: Wire, word: str) -> Reply:
    """InstallProductKey of a key by its group."""
    return host.licensing("InstallProductKey", ProductKey=KEYS[word])


def keyed(host: Wire) -> dict[str, dict[str, Any]]:
    """The rows with a key, by its last five characters."""
    rows = host.rows("SELECT * FROM SoftwareLicensingProduct WHERE PartialProductKey <> null")
    return {row["PartialProductKey"]: row for row in rows}


def on_key(host: Wire, word: str, method: str) -> Reply:
    """A method of the product that has a key."""
    chosen = keyed(host)[KEYS[word][-5:]]["ID"]
    return host.invoke("SoftwareLicensingProduct", method, selectors={"ID": chosen})


def hresult(reply: Reply) -> int:
    """The HRESULT of a failed method with the dial at its default."""
    assert reply.status == 500
    return codes(reply)[-1]


def own_partial(persona: str = "server-2022") -> str:
    """The last five characters of the setup key a machine runs under at first."""
    product = own_product(personas()[persona].release.id)
    assert product is not None
    return product.key[-5:]


# -- keys that make no KMS host --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FROM_VISTA)
def test_a_mak_takes_the_place_of_every_key_of_windows(host_of: MakeWire, name: str) -> None:
    host = host_of(name)
    assert install(host, "mak").status == 200
    [row] = keyed(host).values()
    assert "VOLUME_MAK channel" in row["Description"]
    assert (row["PartialProductKey"], row["LicenseStatus"]) == ("GGGGG", "2")
    assert row["OfflineInstallationId"]
    assert hresult(on_key(host, "mak", "Activate")) == 0xC004C020
    assert host.shown["activations_spent"] == {}
    assert host.host.kms_port() is None


def test_a_mak_and_a_host_key_take_each_others_place(host_of: MakeWire) -> None:
    host = host_of(host_key=KEYS["server_2022"], count=50)
    install(host, "mak")
    assert set(keyed(host)) == {"GGGGG"}
    assert (host.host.kms_port(), host.shown["count"]) == (None, None)
    install(host, "server_2022")
    assert set(keyed(host)) == {"BBBBB"}


def test_server_2003_knows_no_mak(host_of: MakeWire) -> None:
    host = host_of("server-2003-sp2-x86", start="kms_1_2")
    assert hresult(install(host, "mak")) == 0xC004F050
    assert hresult(install(host, "office_2016")) == 0xC004F050


def test_a_blocked_key_installs_and_is_never_activated(host_of: MakeWire) -> None:
    host = host_of(blocked=[KEYS["server_2022"].lower()])
    assert install(host, "server_2022").status == 200
    assert hresult(on_key(host, "server_2022", "Activate")) == 0xC004C003
    shown = keyed(host)["BBBBB"]["OfflineInstallationId"]
    with pytest.raises(Refused, match="0xC004C003: Microsoft has blocked this product key"):
        host.authority.confirm(shown)
    assert (keyed(host)["BBBBB"]["LicenseStatus"], host.shown["activations_spent"]) == ("2", {})


def test_a_blocked_key_cannot_have_been_activated_long_ago(host_of: MakeWire) -> None:
    with pytest.raises(ValueError, match="cannot be activated any more"):
        host_of(host_key=KEYS["server_2022"], blocked=[KEYS["server_2022"]])


@pytest.mark.parametrize("name", ["server-2012-r2", "server-2016", "server-2022", "server-2025"])
@pytest.mark.parametrize("setting", dial_table("server-2022")["unknown_group"])
def test_a_key_for_clients_is_refused_by_a_server(host_of: MakeWire, name: str, setting: str) -> None:
    host = host_of(name, dials={"unknown_group": setting})
    assert hresult(install(host, "windows_10")) == int(setting, 16)
    assert set(keyed(host)) == {own_partial(name)}


# -- uninstalling ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "after", "left"),
    [("stays", "none", True), ("stays", "own", True), ("gone", "none", False), ("gone", "own", True)],
)
def test_what_is_left_when_the_host_key_is_uninstalled(host_of: MakeWire, own: str, after: str, left: bool) -> None:
    host = host_of(dials={"own_key_after_host_key": own, "key_after_uninstall": after}, firewall="off")
    install(host, "server_2022")
    on_key(host, "server_2022", "Activate")
    assert host.host.dial(1688, "10.1.2.3") == "accepted"
    host.published.clear()
    assert on_key(host, "server_2022", "UninstallProductKey").status == 200
    assert set(keyed(host)) == ({own_partial()} if left else set())
    [service] = host.rows(
        "SELECT IsKeyManagementServiceMachine,KeyManagementServiceCurrentCount FROM SoftwareLicensingService"
    )
    assert service == {"IsKeyManagementServiceMachine": "0", "KeyManagementServiceCurrentCount": "4294967295"}
    assert host.host.dial(1688, "10.1.2.3") == "refused"
    host.host.machine.power.restart()
    host.pass_time(400)
    assert host.published == []
    assert not any(product["is_kms_host"] for product in host.shown["products"])


@pytest.mark.parametrize("after", ["none", "own"])
def test_the_setup_key_afterwards_makes_it_a_client(host_of: MakeWire, after: str) -> None:
    host = host_of(dials={"own_key_after_host_key": "gone", "key_after_uninstall": after})
    install(host, "server_2022")
    on_key(host, "server_2022", "UninstallProductKey")
    product = own_product("server_2022")
    assert product is not None
    assert host.licensing("InstallProductKey", ProductKey=product.key).status == 200
    [row] = keyed(host).values()
    assert ("VOLUME_KMSCLIENT" in row["Description"], row["PartialProductKey"]) == (True, own_partial())


def test_where_two_host_keys_stood_the_older_one_is_left(host_of: MakeWire) -> None:
    host = host_of("server-2008-r2-sp1", dials={"old_host_key": "stays"}, updates=("kb3079821",))
    install(host, "server_2012_r2")
    install(host, "server_2008_r2_c")
    assert on_key(host, "server_2008_r2_c", "UninstallProductKey").status == 200
    assert keyed(host)["JJJJJ"]["IsKeyManagementServiceMachine"] == "1"
    assert host.host.kms_port() == 1688


# -- marks in the registry -------------------------------------------------------------------------------------------


def test_the_mark_of_slmgr_stays_when_the_key_goes(host_of: MakeWire) -> None:
    host = host_of()
    slmgr = r"cscript //nologo C:\Windows\system32\slmgr.vbs"
    assert host.run(f"{slmgr} /ipk {KEYS['server_2022']}").code == 0
    version = host.rows("SELECT Version FROM SoftwareLicensingService")[0]["Version"]
    assert host.shown["version_marks"] == {"native": version, "wow6432node": version}
    on_key(host, "server_2022", "UninstallProductKey")
    assert host.shown["version_marks"] == {"native": version, "wow6432node": version}
    deleted = host.registry("DeleteValue", WOW_SPP, sValueName="KeyManagementServiceVersion")
    assert deleted["ReturnValue"] == "0"
    assert host.shown["version_marks"] == {"native": version, "wow6432node": None}
    product = own_product("server_2022")
    assert product is not None
    assert host.run(f"{slmgr} /ipk {product.key}").code == 0
    assert host.shown["version_marks"] == {"native": None, "wow6432node": None}


def test_wmi_leaves_no_mark(host_of: MakeWire) -> None:
    host = host_of(host_key=KEYS["server_2022"])
    install(host, "server_2022")
    assert host.shown["version_marks"] == {"native": None, "wow6432node": None}


@pytest.mark.parametrize(
    ("name", "setting", "there"),
    [
        ("server-2022", "present", True),
        ("server-2022", "absent", False),
        ("server-2003-sp2-x64", "present", True),
        ("server-2003-sp2-x86", "present", False),
    ],
)
def test_the_licensing_key_of_32_bit_programs(host_of: MakeWire, name: str, setting: str, there: bool) -> None:
    start = "kms_1_2" if "2003" in name else "bare"
    host = host_of(name, start=start, dials={"wow6432_root": setting})
    path = host.host.machine.licensing.root.replace("SOFTWARE", r"SOFTWARE\Wow6432Node")
    written = host.registry("SetStringValue", path, sValueName="KeyManagementServiceVersion", sValue="1")
    assert written["ReturnValue"] == ("0" if there else "2")
    assert (host.host.machine.registry.key(path) is not None) is there
    assert host.shown["version_marks"].get("wow6432node") == ("1" if there else None)


# -- Office ----------------------------------------------------------------------------------------------------------


def test_an_office_key_lives_beside_the_host_key_of_windows(host_of: MakeWire) -> None:
    host = host_of(office_licences=PACKS, host_key=KEYS["server_2022"], count=50)
    before = keyed(host)["BBBBB"]
    assert install(host, "office_2016").status == 200
    assert on_key(host, "office_2016", "Activate").status == 200
    host.pass_time(10)
    rows = keyed(host)
    assert set(rows) == {"BBBBB", "FFFFF"}
    office = rows["FFFFF"]
    assert (office["Description"], office["LicenseStatus"]) == ("Office 16, VOLUME_KMS channel", "1")
    assert office["ApplicationID"] == "0ff1ce15-a989-479d-af46-f275c6370663"
    assert (office["IsKeyManagementServiceMachine"], office["RequiredClientCount"]) == ("1", "5")
    assert office["ProductKeyChannel"] == "Volume:CSVLK"
    assert (office["KeyManagementServiceCurrentCount"], rows["BBBBB"]["KeyManagementServiceCurrentCount"]) == (
        "4294967295", "50",
    )  # fmt: skip
    assert {**rows["BBBBB"], "TrustedTime": ""} == {**before, "TrustedTime": ""}
    assert host.shown["activations_spent"] == {"BBBBB": 1, "FFFFF": 1}


def test_uninstalling_one_leaves_the_other(host_of: MakeWire) -> None:
    host = host_of(office_licences=PACKS, office_key=KEYS["office_2013"], host_key=KEYS["server_2022"])
    install(host, "office_2016")
    assert on_key(host, "server_2022", "UninstallProductKey").status == 200
    assert set(keyed(host)) == {"DDDDD", "FFFFF"}
    [service] = host.rows("SELECT * FROM SoftwareLicensingService")
    assert service["IsKeyManagementServiceMachine"] == "1"
    assert host.host.kms_port() == 1688
    for word in PACKS:
        assert on_key(host, word, "UninstallProductKey").status == 200
    assert set(keyed(host)) == set()
    assert host.host.kms_port() is None


def test_keys_of_windows_leave_office_alone(host_of: MakeWire) -> None:
    host = host_of(office_licences=PACKS, office_key=KEYS["office_2013"], host_key=KEYS["server_2022"])
    install(host, "mak")
    assert set(keyed(host)) == {"GGGGG", "DDDDD"}
    install(host, "server_2022")
    assert set(keyed(host)) == {"DDDDD", "BBBBB"}


def test_an_office_key_alone_makes_a_kms_host_that_publishes_itself(host_of: MakeWire) -> None:
    host = host_of(office_licences=PACKS)
    assert host.host.kms_port() is None
    install(host, "office_2013")
    assert host.host.kms_port() == 1688
    assert host.published == [("corp.example", "kms03.corp.example", 1688)]
    host.host.machine.power.restart()
    host.pass_time(400)
    assert host.host.kms_port() == 1688
    assert host.shown["count"] is None


def test_show_tells_of_office(host_of: MakeWire) -> None:
    host = host_of(office_licences=["office_2013"], office_key=KEYS["office_2013"])
    [told] = [product for product in host.shown["products"] if product["host_product"] == "office_2013"]
    assert told == {
        "activation_id": keyed(host)["DDDDD"]["ID"],
        "application_id": "0ff1ce15-a989-479d-af46-f275c6370663",
        "partial_product_key": "DDDDD",
        "description": "Office 15, VOLUME_KMS channel",
        "channel": "Volume:CSVLK",
        "license_status": 1,
        "reason": 0x4004F040,
        "installation_id": keyed(host)["DDDDD"]["OfflineInstallationId"],
        "key_group": "office_2013",
        "host_product": "office_2013",
        "is_kms_host": True,
        "count": None,
    }


def test_windows_activates_a_fresh_office_key_by_itself(host_of: MakeWire) -> None:
    host = host_of(office_licences=PACKS, dials={"auto_activation": "on"})
    install(host, "office_2016")
    host.pass_time(25)
    host.pass_time(10)
    assert keyed(host)["FFFFF"]["LicenseStatus"] == "1"


@pytest.mark.parametrize("setting", dial_table("server-2022")["office_pack_missing"])
def test_an_office_key_without_its_licence_pack(host_of: MakeWire, setting: str) -> None:
    host = host_of(office_licences=["office_2013"], dials={"office_pack_missing": setting})
    assert hresult(install(host, "office_2016")) == int(setting, 16)
    assert install(host, "office_2013").status == 200


@pytest.mark.parametrize(("setting", "first"), [("0ff1ce15", "0ff1ce15"), ("0ff1ce16", "0ff1ce16")])
def test_the_application_id_of_later_office(host_of: MakeWire, setting: str, first: str) -> None:
    host = host_of(office_licences=PACKS, dials={"office_application": setting})
    rows = host.rows(f"SELECT ApplicationID,Description FROM SoftwareLicensingProduct WHERE ApplicationID<>'{WINDOWS}'")
    assert {row["Description"][:9]: row["ApplicationID"][:8] for row in rows} == {
        "Office 15": "0ff1ce15",
        "Office 16": first,
    }


def test_an_evaluation_of_windows_takes_an_office_key(host_of: MakeWire) -> None:
    assert install(host_of(office_licences=PACKS, evaluation=True), "office_2016").status == 200


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"host_key": KEYS["office_2016"], "office_licences": PACKS}, "host_key is a key for Office .office_2016."),
        (
            {"office_key": KEYS["server_2022"], "office_licences": PACKS},
            "office_key is a key for Windows .server_2022.",
        ),
        ({"office_key": KEYS["mak"]}, "takes no host key of group mak"),
        ({"office_licences": ["office_2016", "office_2013", "office_2016"]}, "office_licences names office_2016 twice"),
        ({"evaluation": "soon"}, "evaluation can be true, false or expired, not 'soon'"),
        ({"persona": "server-2008-r2-sp1", "office_licences": PACKS}, "KMS for Office is for Server 2012 and later"),
        ({"persona": "server-2003-sp2-x86", "office_key": KEYS["office_2013"]}, "not for server-2003-sp2-x86"),
        ({"office_licences": ["office_1997"]}, "office_licences can be office_2013, office_2016"),
        ({"office_key": KEYS["office_2013"]}, "takes no host key of group office_2013"),
        ({"host_key": KEYS["mak"]}, "takes no host key of group mak"),
    ],
)
def test_hosts_that_cannot_be(host_of: MakeWire, options: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        host_of(**options)


# -- editions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "usual", "evaluation"),
    [
        ("server-2008-sp2", "10", None),
        ("server-2008-r2-sp1", "8", "8"),
        ("windows-7-sp1", "4", None),
        ("server-2012", "7", "79"),
        ("server-2025", "7", "79"),
        ("windows-10", "4", "72"),
    ],
)
def test_an_edition_by_its_number(host_of: MakeWire, name: str, usual: str, evaluation: str | None) -> None:
    query = "SELECT OperatingSystemSKU FROM Win32_OperatingSystem"
    assert host_of(name).rows(query) == [{"OperatingSystemSKU": usual}]
    if evaluation:
        assert host_of(name, evaluation=True).rows(query) == [{"OperatingSystemSKU": evaluation}]


@pytest.mark.parametrize("name", [name for name, persona in personas().items() if persona.since < (6, 0)])
def test_server_2003_has_no_numbers_for_editions(host_of: MakeWire, name: str) -> None:
    host = host_of(name)
    assert host.enumerate("SELECT OperatingSystemSKU FROM Win32_OperatingSystem").status == 500
    [row] = host.rows("SELECT * FROM Win32_OperatingSystem")
    assert "OperatingSystemSKU" not in row


@pytest.mark.parametrize("name", ["server-2008-r2-sp1", "server-2022", "windows-10"])
def test_an_evaluation_says_so_and_until_when(host_of: MakeWire, name: str) -> None:
    host = host_of(name, evaluation=True)
    [row] = host.rows("SELECT * FROM SoftwareLicensingProduct")
    assert row["Description"].endswith(", TIMEBASED_EVAL channel")
    assert row["EvaluationEndDate"].startswith("2024-05-12T")  # 180 days from the start of the virtual clock
    licensed = personas()[name].since >= (6, 2)
    assert (row["LicenseStatus"], row["GracePeriodRemaining"]) == ("1" if licensed else "2", "259200")
    assert ("Eval" in row["Name"], "Eval" in row["LicenseFamily"]) == (licensed, licensed)
    product = own_product(personas()[name].release.id)
    assert product is not None
    for key in (product.key, KEYS["mak"], KEYS["server_2022"]):
        assert hresult(host.licensing("InstallProductKey", ProductKey=key)) == 0xC004F069
    assert host_of(name).rows("SELECT EvaluationEndDate FROM SoftwareLicensingProduct")[0] == {
        "EvaluationEndDate": "1601-01-01T00:00:00Z"
    }


@pytest.mark.parametrize("name", ["server-2008-r2-sp1", "server-2022", "windows-10"])
def test_an_expired_evaluation(host_of: MakeWire, name: str) -> None:
    [row] = host_of(name, evaluation="expired").rows("SELECT * FROM SoftwareLicensingProduct")
    assert row["Description"].endswith(", TIMEBASED_EVAL channel")
    assert (row["LicenseStatus"], row["LicenseStatusReason"]) == ("5", str(0xC004FC07))
    assert (row["GracePeriodRemaining"], row["EvaluationEndDate"][:10]) == ("0", "2023-11-13")


# -- installation IDs of what is no host key, keys set aside ---------------------------------------------------------


@pytest.mark.parametrize("dials", [{}, {"own_product": "retail"}, {"installation_id_shown": "every_row"}])
def test_the_id_of_a_product_without_host_key_gets_no_confirmation(host_of: MakeWire, dials: dict[str, str]) -> None:
    host = host_of(dials=dials)
    for row in host.rows("SELECT * FROM SoftwareLicensingProduct"):
        if shown := row["OfflineInstallationId"]:
            code = "0xC004C001" if row["PartialProductKey"] else "0xC004C005"
            with pytest.raises(Refused, match=code):
                host.authority.confirm(shown)


@pytest.mark.parametrize("word", ["mak", ""])
def test_a_product_without_host_key_takes_no_confirmation_id(host_of: MakeWire, word: str) -> None:
    host = host_of()
    if word:
        install(host, word)
    [row] = keyed(host).values()
    shown = row["OfflineInstallationId"]
    arguments = {"InstallationId": shown, "ConfirmationId": confirmation_id(shown)}
    selectors = {"ID": row["ID"]}
    reply = host.invoke("SoftwareLicensingProduct", "DepositOfflineConfirmationId", arguments, selectors=selectors)
    assert hresult(reply) == 0xC004F031
    [after] = keyed(host).values()
    assert after["LicenseStatus"] == row["LicenseStatus"]
    assert "activated" not in [event["what"] for event in host.shown["key_history"]]


def test_a_key_that_was_set_aside_has_another_id_on_other_hardware(host_of: MakeWire) -> None:
    host = host_of(dials={"key_after_uninstall": "own"})
    before = keyed(host)[own_partial()]["OfflineInstallationId"]
    install(host, "server_2022")
    host.host.change_hardware()
    on_key(host, "server_2022", "UninstallProductKey")
    after = keyed(host)[own_partial()]["OfflineInstallationId"]
    assert after and after != before


def test_a_key_that_came_back_and_was_uninstalled_does_not_come_back_again(host_of: MakeWire) -> None:
    host = host_of(dials={"key_after_uninstall": "own"})
    install(host, "server_2022")
    on_key(host, "server_2022", "UninstallProductKey")
    [own] = keyed(host).values()
    host.invoke("SoftwareLicensingProduct", "UninstallProductKey", selectors={"ID": own["ID"]})
    assert keyed(host) == {}
    install(host, "server_2022")
    on_key(host, "server_2022", "UninstallProductKey")
    assert keyed(host) == {}


def test_a_mak_comes_back_without_the_key_it_had_replaced(host_of: MakeWire) -> None:
    host = host_of(dials={"key_after_uninstall": "own"})
    install(host, "server_2022")
    install(host, "mak")
    install(host, "server_2022")
    on_key(host, "server_2022", "UninstallProductKey")
    assert set(keyed(host)) == {"GGGGG"}


def test_the_same_office_key_anew_keeps_its_own_count(host_of: MakeWire) -> None:
    host = host_of(office_licences=PACKS, office_key=KEYS["office_2013"], host_key=KEYS["server_2022"], count=50)
    [office] = [key for key in host.host.machine.licensing.keyring.host_keys if key.group == "office_2013"]
    office.count = 7  # clients have asked
    install(host, "office_2013")
    assert keyed(host)["DDDDD"]["KeyManagementServiceCurrentCount"] == "7"
    install(host, "office_2016")
    assert keyed(host)["FFFFF"]["KeyManagementServiceCurrentCount"] == "4294967295"
