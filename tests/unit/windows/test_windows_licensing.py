# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The licensing service of each generation: what is asked, what its answers mean, which products count."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Look, Seen
from ansible_collections.activation.kms.plugins.plugin_utils._windows import licensing as windows
from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing import (
    ROOTS,
    SETTINGS,
    Licensing,
    Product,
    Root,
    Values,
    generation,
    licensing_readers,
    normal_domain,
)
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.client import Client
from ansible_collections.activation.kms.tests.unit.kms.hosts import system
from ansible_collections.activation.kms.tests.unit.windows.licensing_host import (
    FIRMWARE_KEY,
    GENERATIONS,
    OFFICE,
    UNSET,
    LicensingHost,
    keyed,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import Refused, SmallWindows

SL, SPP = ROOTS["SL"], ROOTS["SPP"]
EVERY = list(GENERATIONS)
LATER = EVERY[1:]


def look(world: SmallWindows, version: str = "5.2.3790", with_manual: bool = False) -> Licensing:
    known = Seen().having(system(version=version))
    return Look(world, licensing_readers(lambda eyes, found: with_manual), known)[Licensing]


# -- generations


@pytest.mark.parametrize(
    ("version", "services", "roots", "methods"),
    [
        ("5.2.3790", ("sppsvc", "slsvc"), ("SL", "SPP"), 2),
        ("6.0.6002", ("slsvc",), ("SL",), 2),
        ("6.1.7601", ("sppsvc",), ("SPP",), 5),
        ("6.2.9200", ("sppsvc",), ("SPP",), 5),
        ("6.3.9600", ("sppsvc",), ("SPP",), 5),
        ("10.0.26100", ("sppsvc",), ("SPP",), 5),
        ("11.5.1", ("sppsvc",), ("SPP",), 5),
        ("5.1.2600", ("sppsvc", "slsvc"), ("SL", "SPP"), 2),
        ("", ("sppsvc", "slsvc"), ("SL", "SPP"), 2),
        ("strange", ("sppsvc", "slsvc"), ("SL", "SPP"), 2),
    ],
)
def test_generations(version: str, services: tuple[str, ...], roots: tuple[str, ...], methods: int) -> None:
    found = generation(version)
    assert (found.services, found.roots, len(found.by_wmi)) == (services, roots, methods)


@pytest.mark.parametrize("version", ["6.1.7601", "6.2.9200", "6.3.9600", "10.0.14393", "10.0.26100", "12.0"])
def test_where_the_firmwares_key_may_be_shown_columns_are_always_named(version: str) -> None:
    for query in (generation(version).service_query, generation(version).product_query):
        assert "*" not in query and "OA3x" not in query


def test_settings_have_the_names_of_the_values() -> None:
    assert list(SETTINGS) == list(Values.__dataclass_fields__)


# -- products


@pytest.mark.parametrize(
    ("description", "channel", "host"),
    [
        ("Windows Operating System - Windows Server, VOLUME_KMS_R2_C channel", "VOLUME_KMS_R2_C", True),
        ("Windows Operating System - Vista, VOLUME_KMS channel", "VOLUME_KMS", True),
        ("Windows(R) Operating System, VOLUME_KMS_2012-R2_WIN10 channel", "VOLUME_KMS_2012-R2_WIN10", True),
        ("Windows(R), VOLUME_KMS_WS19 channel", "VOLUME_KMS_WS19", True),
        ("Windows(R), VOLUME_KMSCLIENT channel", "VOLUME_KMSCLIENT", False),
        ("Windows(R), VOLUME_MAK channel", "", False),
        ("Windows(R), RETAIL channel", "", False),
        ("", "", False),
    ],
)
def test_a_kms_host_is_known_by_its_channel(description: str, channel: str, host: bool) -> None:
    product = Product("id", "n", description, "", "67892", 1, None)
    assert (product.channel, product.is_kms_host) == (channel, host)
    assert json.loads(json.dumps(product.as_data()))["is_kms_host"] is host


def keys_of(found: Licensing) -> dict[str, Product]:
    """The KMS host products by the last five of their keys."""
    return {product.partial_product_key: product for product in found.host_products()}


@pytest.mark.parametrize("version", EVERY)
def test_another_applications_kms_host_is_none_of_ours_where_its_id_can_be_trusted(version: str) -> None:
    world = LicensingHost(version)
    world.products = [keyed("OFFIC", ApplicationID=OFFICE), keyed(), keyed("CLIEN", Description="VOLUME_KMSCLIENT")]
    found = look(world, version)
    hosts = [product.partial_product_key for product in found.host_products()]
    assert hosts == (["OFFIC", "67892"] if version.startswith("5.2") else ["67892"])
    assert len(found.products) == 3 and "67892" in keys_of(found)


@pytest.mark.parametrize("version", LATER)
def test_a_product_that_does_not_tell_its_application_counts_as_windows(version: str) -> None:
    world = LicensingHost(version)
    world.products = [keyed(ApplicationID=None)]
    assert "67892" in keys_of(look(world, version))


@pytest.mark.parametrize(("version", "count", "threshold"), [("5.2.3790", 7, 25), ("6.0.6002", 7, 25)])
def test_before_windows_7_the_service_tells_the_count(version: str, count: int, threshold: int) -> None:
    found = look(LicensingHost(version), version)
    assert (found.current_count, found.required_count) == (count, threshold)


@pytest.mark.parametrize("version", ["6.1.7601", "10.0.17763"])
def test_from_windows_7_on_the_products_own_count_counts(version: str) -> None:
    world = LicensingHost(version)
    world.products = [
        keyed("OFFIC", ApplicationID=OFFICE, KeyManagementServiceCurrentCount=49),
        keyed("OLDER", LicenseStatus=0, KeyManagementServiceCurrentCount=48),
        keyed(),
    ]
    found = look(world, version)
    assert (found.current_count, found.required_count) == (12, 5)
    assert [found.count_of(one) for one in found.products] == [49, 48, 12]
    assert [found.threshold_of(one) for one in found.products] == [5, 5, 5]


@pytest.mark.parametrize("version", EVERY)
def test_a_key_nobody_has_asked_yet_does_not_inherit_another_ones_count(version: str) -> None:
    world = LicensingHost(version)
    world.products = [
        keyed("OLDER", KeyManagementServiceCurrentCount=50),
        keyed(KeyManagementServiceCurrentCount=UNSET),
    ]
    found = look(world, version)
    new = keys_of(found).get("67892")
    assert new is not None and found.count_of(new) == (7 if version in EVERY[:2] else None)


@pytest.mark.parametrize("count", [4294967295, -1, None])
@pytest.mark.parametrize("version", EVERY)
def test_no_count_and_no_threshold(version: str, count: int | None) -> None:
    world = LicensingHost(version, host=False)
    world.products = [keyed(KeyManagementServiceCurrentCount=count, RequiredClientCount=count)]
    found = look(world, version)
    assert (found.current_count, found.required_count) == (None, None)


# -- what is asked


READS = {
    "5.2.3790": ["StdRegProv.EnumValues"] * 2,
    **dict.fromkeys(LATER, ["StdRegProv.EnumValues"]),
}
QUERIES = ["query SoftwareLicensingService", "query SoftwareLicensingProduct"]
SET = {
    "KeyManagementServiceListeningPort": "1689",
    "DisableDnsPublishing": 1,
    "EnableKmsLowPriority": 1,
    "VLActivationInterval": 60,
    "VLRenewalInterval": 1440,
}
BY_REGISTRY = [
    "StdRegProv.GetStringValue KeyManagementServiceListeningPort",
    "StdRegProv.GetDWORDValue DisableDnsPublishing",
    "StdRegProv.GetDWORDValue EnableKmsLowPriority",
]
INTERVALS = ["StdRegProv.GetDWORDValue VLActivationInterval", "StdRegProv.GetDWORDValue VLRenewalInterval"]
WISHED = Values(1689, False, None, True, 60, 1440)


@pytest.mark.parametrize("version", EVERY)
def test_a_host_with_its_defaults_costs_a_request_a_root_and_one_a_class(version: str) -> None:
    world = LicensingHost(version)
    found = look(world, version)
    assert world.asked == READS[version] + QUERIES and world.deeds == []
    assert found.present and found.answers and found.is_kms_host
    assert {name: found.setting(name) for name in SETTINGS} == {
        "port": 1688,
        "self_publishing": True,
        "self_publishing_domains": (),
        "low_priority": False,
        "activation_interval": 120,
        "renewal_interval": 10080,
    }


@pytest.mark.parametrize(
    ("version", "extra"),
    [("5.2.3790", BY_REGISTRY), ("6.0.6002", BY_REGISTRY), ("6.1.7601", []), ("10.0.17763", [])],
)
def test_what_wmi_shows_is_not_asked_of_the_registry(version: str, extra: list[str]) -> None:
    world = LicensingHost(version, **SET)
    found = look(world, version)
    assert world.asked == READS[version] + QUERIES + extra
    assert {name: found.setting(name) for name in WISHED.given()} == WISHED.given()


@pytest.mark.parametrize("version", EVERY)
def test_before_it_is_a_kms_host_the_registry_alone_counts(version: str) -> None:
    world = LicensingHost(version, host=False, **SET)
    found = look(world, version)
    assert world.asked == READS[version] + QUERIES + BY_REGISTRY + INTERVALS
    assert found.is_kms_host is False and found.shown == Values()
    assert {name: found.setting(name) for name in WISHED.given()} == WISHED.given()


@pytest.mark.parametrize("version", EVERY)
def test_the_domains_are_in_the_registry_everywhere(version: str) -> None:
    world = LicensingHost(version, DnsDomainPublishList=("Corp.Example.", "lab.example, 10 ,20", "", "a.b,0,0"))
    found = look(world, version)
    assert found.setting("self_publishing_domains") == ("corp.example", "lab.example, 10, 20", "a.b")
    assert found.as_data()["self_publishing_domains"] == ["corp.example", "lab.example, 10, 20", "a.b"]
    assert world.asked[-1] == "StdRegProv.GetMultiStringValue DnsDomainPublishList"


@pytest.mark.parametrize(
    ("line", "normal"),
    [
        ("corp.example", "corp.example"),
        ("CORP.example.", "corp.example"),
        ("corp.example,0,0", "corp.example"),
        ("corp.example, 0, 5", "corp.example, 0, 5"),
        ("corp.example ,10", "corp.example, 10, 0"),
        ("corp.example, x, 1", "corp.example, x, 1"),
        ("Corp.example,1,2,3", "corp.example,1,2,3"),
    ],
)
def test_a_domain_in_its_normal_form(line: str, normal: str) -> None:
    assert normal_domain(line) == normal == normal_domain(normal)


def test_a_product_may_say_that_the_host_is_one_where_the_service_does_not() -> None:
    world = LicensingHost("6.1.7601", host=False)
    world.products = [keyed()]
    assert look(world, "6.1.7601").is_kms_host is True


@pytest.mark.parametrize("version", LATER[1:])
def test_a_column_that_is_not_filled_leaves_the_registry_to_count(version: str) -> None:
    world = LicensingHost(version, DisableDnsPublishing=1)
    world.classes["SoftwareLicensingService"] = [{"Version": "6.1", "IsKeyManagementServiceMachine": 1}]
    assert look(world, version).setting("self_publishing") is False


def test_the_firmwares_product_key_is_nowhere() -> None:
    world = LicensingHost("10.0.17763")
    found = look(world, "10.0.17763")
    assert FIRMWARE_KEY not in repr(found) + json.dumps(found.as_data())
    asked_for_all = LicensingHost("5.2.3790")
    asked_for_all.classes["SoftwareLicensingService"] = [{"Version": "6.1", "OA3xOriginalProductKey": FIRMWARE_KEY}]
    assert FIRMWARE_KEY not in repr(look(asked_for_all)) + json.dumps(look(asked_for_all).as_data())


@pytest.mark.parametrize("version", EVERY)
def test_without_its_classes_there_is_no_licensing_service(version: str) -> None:
    found = look(SmallWindows(), version)
    assert (found.present, found.products) == (False, ())
    assert {found.as_data()[name] for name in SETTINGS} == {None}


@pytest.mark.parametrize("version", EVERY)
def test_products_that_cannot_be_read_are_not_taken_for_none(version: str) -> None:
    world = LicensingHost(version)
    del world.classes["SoftwareLicensingProduct"]
    with pytest.raises(Failure):
        look(world, version)


@pytest.mark.parametrize("code", [0x80070426, 0x80070422, 0x80080005])
def test_a_service_that_does_not_run_is_there_and_does_not_answer(code: int) -> None:
    world = LicensingHost("5.2.3790", DisableDnsPublishing=1)

    def refuse() -> list[dict[str, t.Any]]:
        raise Refused(code)

    world.classes["SoftwareLicensingService"] = refuse
    found = look(world)
    assert (found.present, found.answers, found.setting("self_publishing")) == (True, False, False)


def test_on_server_2003_both_places_are_looked_at() -> None:
    world = LicensingHost("5.2.3790", KeyManagementServiceListeningPort="1689", DisableDnsPublishing=1)
    world.set(SPP, "KeyManagementServiceVersion", "6.1")
    world.set(SL + r"\Activation", "Manual", 1)
    found = look(world)
    assert found.roots == {"SL": Root(Values(1689, False)), "SPP": Root(version_mark=True)}
    assert found.port == 1689
    assert found.as_data()["self_publishing"] is True, "one of the two still publishes"
    assert look(world, with_manual=True).roots["SL"].manual == 1


@pytest.mark.parametrize(
    ("text", "port"),
    [("1689", 1689), (" 1689 ", 1689), ("", None), ("0", None), ("abc", None), ("-1", None), (5, None)],
)
def test_a_port_that_is_no_number_counts_as_not_set(text: str | int, port: int | None) -> None:
    world = LicensingHost("5.2.3790", KeyManagementServiceListeningPort=text)
    assert look(world).roots["SL"].values.port == port
    assert look(world).port == (port or 1688)


def test_manual_costs_a_question_only_where_it_matters() -> None:
    world = LicensingHost("6.1.7601")
    look(world, "6.1.7601")
    asked = len(world.asked)
    world.asked.clear()
    look(world, "6.1.7601", with_manual=True)
    assert len(world.asked) == asked + 1


@pytest.mark.parametrize("value", [None, 0, 1])
def test_manual_is_written_and_taken_away(value: int | None) -> None:
    world = LicensingHost("5.2.3790")
    windows.write_manual(world, "SL", 1)
    windows.write_manual(world, "SL", value)
    assert windows.read_manual(Client(world), "SL") == value


@pytest.mark.parametrize("wow", [False, True])
def test_the_version_mark_stands_in_both_views_of_the_registry_where_there_are_two(wow: bool) -> None:
    world = LicensingHost("5.2.3790")
    other = SL.replace("SOFTWARE", r"SOFTWARE\Wow6432Node")
    if wow:
        world.registry[other.lower()] = {}
    windows.write_version_mark(world, ["SL"], "6.1", both_views=True)
    assert world.value(SL, "KeyManagementServiceVersion") == "6.1"
    assert world.value(other, "KeyManagementServiceVersion") == ("6.1" if wow else None)
    assert look(world).roots["SL"].version_mark


@pytest.mark.parametrize("version", EVERY)
def test_a_licensing_service_as_data_is_plain(version: str) -> None:
    data = look(LicensingHost(version, **SET), version).as_data()
    assert json.loads(json.dumps(data)) == data
    assert (data["port"], data["self_publishing"], data["activation_interval"]) == (1689, False, 60)
