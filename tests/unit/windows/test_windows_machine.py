# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine is, from its numbers."""

from __future__ import annotations

import datetime as dt
import json
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Look, Seen
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import (
    BOOT_TOLERANCE,
    TCPIP,
    System,
    architecture_of,
    edition_of,
    moment_text,
    read_system,
    release_of,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows

# -- names by numbers


@pytest.mark.parametrize(
    ("version", "build", "product_type", "release"),
    [
        ("5.2.3790", 3790, 3, "server_2003"),
        ("5.2.3790", 3790, 2, "server_2003"),
        ("5.2.3790", 3790, 1, "windows_xp_x64"),
        ("6.0.6002", 6002, 1, "windows_vista"),
        ("6.0.6002", 6002, 3, "server_2008"),
        ("6.1.7601", 7601, 1, "windows_7"),
        ("6.1.7601", 7601, 2, "server_2008_r2"),
        ("6.2.9200", 9200, 3, "server_2012"),
        ("6.3.9600", 9600, 1, "windows_8_1"),
        ("6.3.9600", 9600, 3, "server_2012_r2"),
        ("10.0.14393", 14393, 3, "server_2016"),
        ("10.0.17763", 17763, 3, "server_2019"),
        ("10.0.20348", 20348, 3, "server_2022"),
        ("10.0.26100", 26100, 3, "server_2025"),
        ("10.0.26100", 26100, 2, "server_2025"),
        ("10.0.16299", 16299, 3, "server_sac"),
        ("10.0.18363", 18363, 3, "server_sac"),
        ("10.0.25398", 25398, 3, "server_sac"),
        ("10.0.19045", 19045, 1, "windows_10"),
        ("10.0.21999", 21999, 1, "windows_10"),
        ("10.0.22000", 22000, 1, "windows_11"),
        ("10.0.26100", 26100, 1, "windows_11"),
        ("5.1.2600", 2600, 1, "unknown"),
        ("5.2.3790", 3790, 0, "unknown"),
        ("15.2.1", 1, 3, "unknown"),
        ("", 0, 0, "unknown"),
    ],
)
def test_releases(version: str, build: int, product_type: int, release: str) -> None:
    assert release_of(version, build, product_type) == release


@pytest.mark.parametrize(
    ("suite", "edition"),
    [
        (0, "standard"),
        (0x110, "standard"),
        (0x112, "enterprise"),
        (402, "datacenter"),
        (0x82, "datacenter"),
        (0x400, "web"),
        (0x4000, "compute_cluster"),
        (0x2000, "storage"),
        (0x21, "small_business"),
    ],
)
def test_editions(suite: int, edition: str) -> None:
    assert edition_of(suite) == edition


@pytest.mark.parametrize(
    ("system_type", "architecture"),
    [
        ("X86-based PC", "x86"),
        ("x64-based PC", "x64"),
        ("AMD64-basierter PC", "x64"),
        ("Itanium (TM) -based System", "ia64"),
        ("ia64", "ia64"),
        ("ARM64-based PC", "arm64"),
        ("", "x86"),
    ],
)
def test_architectures(system_type: str, architecture: str) -> None:
    assert architecture_of(system_type) == architecture


# -- the machine

OPERATING_SYSTEM: dict[str, str | int | None] = {
    "BuildNumber": "3790",
    "Caption": "Microsoft(R) Windows(R) Server 2003, Standard Edition",
    "LastBootUpTime": "2026-03-01T08:00:00+02:00",
    "LocalDateTime": "2026-03-01T10:00:00.5+02:00",
    "OSLanguage": 1031,
    "OSProductSuite": 272,
    "ProductType": 3,
    "ServicePackMajorVersion": 2,
    "Version": "5.2.3790",
    "WindowsDirectory": "D:\\WINDOWS\\",
}
COMPUTER: dict[str, str | int | None] = {
    "DNSHostName": "KMS01",
    "Manufacturer": "VMware, Inc.",
    "Model": "VMware Virtual Platform",
    "Name": "KMS01",
    "SystemType": "X86-based PC",
}
SERVICES: list[dict[str, str | int | None]] = [
    {"Name": "sppsvc", "State": "Running", "StartMode": "Auto"},
    {"Name": "SharedAccess", "State": "Stopped", "StartMode": "Disabled"},
]


def machine(**changes: t.Any) -> SmallWindows:
    world = SmallWindows()
    changed = {name: value for name, value in changes.items() if name in OPERATING_SYSTEM}
    other = {name: value for name, value in changes.items() if name not in OPERATING_SYSTEM}
    world.classes["Win32_OperatingSystem"] = [{**OPERATING_SYSTEM, **changed}]
    world.classes["Win32_ComputerSystem"] = [{**COMPUTER, **other}]
    world.classes["Win32_Service"] = SERVICES
    world.set(TCPIP, "Domain", "Corp.Example")
    return world


def read(world: SmallWindows) -> System:
    return Look(world, {System: read_system}, Seen())[System]


def test_a_machine_is_read_with_four_questions_and_changed_by_none() -> None:
    world = machine()
    system = read(world)
    assert len(world.asked) == 4 and world.deeds == []
    assert (system.is_server_2003, system.workstation) == (True, False)
    assert (system.release, system.edition, system.service_pack) == ("server_2003", "standard", 2)
    assert (system.architecture, system.language_code, system.virtual) == ("x86", "DEU", True)
    assert (system.fqdn, system.windows_directory) == ("kms01.corp.example", r"D:\WINDOWS")
    assert system.boot_time == dt.datetime(2026, 3, 1, 6, tzinfo=dt.timezone.utc)
    assert moment_text(system.clock) == "2026-03-01T08:00:00Z"
    assert (system.services["sppsvc"].start_mode, system.services["sppsvc"].running) == ("Auto", True)
    assert not system.services["sharedaccess"].running


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"OSLanguage": 9999}, "language_code", ""),
        ({"OSLanguage": None}, "language_code", ""),
        ({"ProductType": 2}, "domain_controller", True),
        ({"ProductType": 2}, "workstation", False),
        ({"ProductType": 1}, "workstation", True),
        ({"DNSHostName": None}, "hostname", "KMS01"),
        ({"WindowsDirectory": None}, "windows_directory", r"C:\WINDOWS"),
        ({"Manufacturer": "Dell Inc.", "Model": "PowerEdge 2850"}, "virtual", False),
        ({"Manufacturer": "Microsoft Corporation", "Model": "Virtual Machine"}, "virtual", True),
        ({"Manufacturer": None, "Model": None}, "virtual", False),
        ({"ServicePackMajorVersion": None}, "service_pack", 0),
        ({"OSProductSuite": None}, "edition", "standard"),
    ],
)
def test_what_a_machine_may_not_say(changes: dict[str, t.Any], field: str, value: t.Any) -> None:
    assert getattr(read(machine(**changes)), field) == value


@pytest.mark.parametrize("version", ["6.0.6002", "6.1.7601", "6.3.9600", "10.0.20348"])
def test_after_server_2003_only_the_firewalls_service_is_asked_for(version: str) -> None:
    world = machine(Version=version)
    world.classes["Win32_Service"] = [{"Name": "MpsSvc", "State": "Running", "StartMode": "Auto"}]
    assert read(world).services.keys() == {"mpssvc"}
    assert [wql.partition("WHERE ")[2] for wql in world.queries if "Win32_Service" in wql] == ["Name='MpsSvc'"]
    assert len(world.asked) == 4


@pytest.mark.parametrize(("suffix", "name"), [("", "kms01"), ("lab", "kms01.lab")])
def test_a_name_without_a_suffix_stays_bare(suffix: str, name: str) -> None:
    world = machine()
    world.set(TCPIP, "Domain", suffix)
    assert read(world).fqdn == name
    del world.registry[TCPIP.lower()]
    assert read(world).fqdn == "kms01"


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda world: world.classes.update(Win32_OperatingSystem=[]), "wmi_damaged"),
        (lambda world: world.classes.update(Win32_ComputerSystem=[]), "wmi_damaged"),
        (
            lambda world: world.classes.update(Win32_OperatingSystem=[{**OPERATING_SYSTEM, "LastBootUpTime": None}]),
            "no_boot_time",
        ),
    ],
)
def test_a_damaged_machine_is_said(spoil: t.Callable[[SmallWindows], None], name: str) -> None:
    world = machine()
    spoil(world)
    with pytest.raises(Failure, match="kms01") as caught:
        read(world)
    assert caught.value.name == name


def test_a_build_that_is_no_number_is_a_problem_and_no_defect() -> None:
    world = machine()
    world.classes["Win32_OperatingSystem"] = [{**OPERATING_SYSTEM, "BuildNumber": "seven"}]
    with pytest.raises(Failure, match="BuildNumber"):
        read(world)


@pytest.mark.parametrize(
    ("seconds", "another"), [(0, False), (2, False), (-2, False), (6, True), (-6, True), (300, True)]
)
def test_another_boot_is_told_from_a_corrected_clock(seconds: int, another: bool) -> None:
    system = read(machine())
    assert dt.timedelta(seconds=5) == BOOT_TOLERANCE
    assert system.booted_since(system.boot_time + dt.timedelta(seconds=seconds)) is another


def test_a_machine_as_data_is_plain() -> None:
    data = read(machine()).as_data()
    assert json.loads(json.dumps(data)) == data
    assert data["boot_time"] == "2026-03-01T06:00:00Z"
    assert data["services"]["sppsvc"] == {"state": "Running", "start_mode": "Auto"}
