# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings on every generation: by registry before there is a key, afterwards as the release has it; one restart."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, OutcomeUnknown
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record, load_record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.settings import (
    Settings,
    SettingsWish,
    licensing_readers,
)
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Look, Seen, Step
from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing import Licensing
from ansible_collections.activation.kms.tests.unit.kms.hosts import BOOT_TEXT, WISH, seen, system
from ansible_collections.activation.kms.tests.unit.windows.licensing_host import GENERATIONS, LicensingHost, keyed
from ansible_collections.activation.kms.tests.unit.windows.small_windows import lost_after, lost_before

OLD, NEW = ["5.2.3790", "6.0.6002"], ["6.1.7601", "10.0.17763"]
EVERY = list(GENERATIONS)
ALL = SettingsWish(1689, False, ("lab.example, 10, 5",), True, 60, 1440)
CLASS = "SoftwareLicensingService"
# option: value to wish for, registry value and its content, method
TABLE: dict[str, tuple[t.Any, str, t.Any, str]] = {
    "port": (1689, "KeyManagementServiceListeningPort", "1689", "SetKeyManagementServiceListeningPort"),
    "self_publishing": (False, "DisableDnsPublishing", 1, "DisableKeyManagementServiceDnsPublishing"),
    "self_publishing_domains": (("a.b",), "DnsDomainPublishList", ("corp.example", "a.b"), ""),
    "low_priority": (True, "EnableKmsLowPriority", 1, "EnableKeyManagementServiceLowPriority"),
    "activation_interval": (60, "VLActivationInterval", 60, "SetVLActivationInterval"),
    "renewal_interval": (1440, "VLRenewalInterval", 1440, "SetVLRenewalInterval"),
}
INTERVALS = ("activation_interval", "renewal_interval")


def look(world: LicensingHost, version: str) -> Seen:
    known = seen(load_record(world), system(version=version, services={})).without([Licensing])
    eyes = Look(world, {**licensing_readers(WISH)}, known)
    assert eyes[Licensing].present
    return eyes.seen


def carry_out(world: LicensingHost, version: str, wish: SettingsWish, most: int = 4) -> list[str]:
    """Step after step until nothing is wanted."""
    done: list[str] = []
    while len(done) < most:
        step = Settings(wish).next(look(world, version))
        if step is None:
            return done
        done.append(step.id)
        step.run(world)
    raise AssertionError(done)


def writes(world: LicensingHost) -> list[str]:
    """What was written of the settings, the record and the service's restart left out."""
    at_all = [word for word in world.asked if word.startswith((f"{CLASS}.", "StdRegProv.Set", "StdRegProv.Delete"))]
    return [word for word in at_all if not word.endswith(" record")]


def restarts(world: LicensingHost) -> list[str]:
    return [word for word in world.deeds if word.startswith("Win32_Service.")]


ONE_RESTART = ["Win32_Service.StopService", "Win32_Service.StartService"]


@pytest.mark.parametrize("version", EVERY)
@pytest.mark.parametrize("option", TABLE)
def test_before_the_key_each_setting_goes_to_the_registry(version: str, option: str) -> None:
    value, name, kept, _method = TABLE[option]
    world = LicensingHost(version, host=False)
    wish = SettingsWish(**{option: value})
    assert carry_out(world, version, wish) == ["host_settings.apply"]
    assert world.value(world.key, name) == kept
    assert len(writes(world)) == 1 and writes(world)[0].endswith(name)
    assert restarts(world) == ONE_RESTART
    assert carry_out(world, version, wish) == []


@pytest.mark.parametrize("version", EVERY)
@pytest.mark.parametrize("option", TABLE)
def test_afterwards_by_the_method_the_release_has(version: str, option: str) -> None:
    value, name, kept, method = TABLE[option]
    world = LicensingHost(version)
    wish = SettingsWish(**{option: value})
    assert carry_out(world, version, wish) == ["host_settings.apply"]
    assert world.value(world.key, name) == kept
    by_method = bool(method) and (version in NEW or option in INTERVALS)
    assert [word.startswith(f"{CLASS}.{method}") for word in writes(world)] == [by_method]
    assert restarts(world) == ONE_RESTART
    assert carry_out(world, version, wish) == []


@pytest.mark.parametrize("version", EVERY)
@pytest.mark.parametrize("host", [False, True], ids=["before", "after"])
def test_all_of_them_cost_one_step_and_one_restart(version: str, host: bool) -> None:
    world = LicensingHost(version, host=host)
    assert carry_out(world, version, ALL) == ["host_settings.apply"]
    assert restarts(world) == ONE_RESTART and len(writes(world)) == len(TABLE)
    found = look(world, version)[Licensing]
    assert {name: found.setting(name) for name in TABLE} == {
        **{name: getattr(ALL, name) for name in TABLE},
        "self_publishing_domains": ("corp.example", "lab.example, 10, 5"),
    }
    assert load_record(world) == Record(
        former_settings={
            "port": 1688,
            "self_publishing": True,
            "self_publishing_domains": [],
            "low_priority": False,
            "activation_interval": 120,
            "renewal_interval": 10080,
        }
    )


@pytest.mark.parametrize("version", EVERY)
def test_what_was_set_before_the_key_still_holds_once_the_host_counts_as_one(version: str) -> None:
    world = LicensingHost(version, host=False)
    carry_out(world, version, ALL)
    world.host_flag = True
    world.products = [keyed()]
    assert carry_out(world, version, ALL) == []


@pytest.mark.parametrize("version", EVERY)
@pytest.mark.parametrize("refusal", [-0xC004F038, -5], ids=["fault", "return value"])
def test_a_method_that_refuses_leaves_it_to_the_registry(version: str, refusal: int) -> None:
    world = LicensingHost(version, refusal=refusal)
    assert carry_out(world, version, ALL) == ["host_settings.apply"]
    assert {name: world.value(world.key, TABLE[name][1]) for name in INTERVALS} == {
        "activation_interval": 60,
        "renewal_interval": 1440,
    }
    assert restarts(world) == ONE_RESTART
    assert carry_out(world, version, ALL) == []


@pytest.mark.parametrize("version", EVERY)
def test_who_may_not_is_told_and_the_registry_is_not_tried(version: str) -> None:
    world = LicensingHost(version, refusal=-0x80070005)
    with pytest.raises(Failure) as caught:
        carry_out(world, version, SettingsWish(renewal_interval=60))
    assert caught.value.name == "access_denied"
    assert world.value(world.key, "VLRenewalInterval") is None


@pytest.mark.parametrize("version", EVERY)
def test_back_to_the_home_domain_alone(version: str) -> None:
    world = LicensingHost(version, DnsDomainPublishList=("corp.example", "lab.example"))
    assert carry_out(world, version, SettingsWish(self_publishing_domains=())) == ["host_settings.apply"]
    assert world.value(world.key, "DnsDomainPublishList") is None
    assert load_record(world).former_settings == {"self_publishing_domains": ["corp.example", "lab.example"]}
    assert carry_out(world, version, SettingsWish(self_publishing_domains=())) == []


@pytest.mark.parametrize("version", EVERY)
def test_defaults_that_are_wished_change_nothing(version: str) -> None:
    wish = SettingsWish(1688, True, ("corp.example",), False, 120, 10080)
    for host in (False, True):
        world = LicensingHost(version, host=host)
        assert carry_out(world, version, wish) == [] and world.deeds == []


@pytest.mark.parametrize("version", EVERY)
def test_only_what_differs_is_written(version: str) -> None:
    world = LicensingHost(version, KeyManagementServiceListeningPort="1689", VLRenewalInterval=1440)
    wish = dataclasses.replace(ALL, self_publishing=None, self_publishing_domains=None, low_priority=None)
    assert carry_out(world, version, wish) == ["host_settings.apply"]
    assert len(writes(world)) == 1 and "SetVLActivationInterval" in writes(world)[0]


@pytest.mark.parametrize("version", EVERY)
@pytest.mark.parametrize("silence", [lost_before, lost_after])
@pytest.mark.parametrize(
    "word",
    ["StdRegProv.SetStringValue", "StdRegProv.Set", "SoftwareLicensingService.Set", *ONE_RESTART],
)
def test_a_run_that_lost_an_answer_is_taken_up(version: str, silence: t.Any, word: str) -> None:
    world = LicensingHost(version)
    if silence is lost_before:
        world.before = silence(word)
    else:
        world.after = silence(word)
    with pytest.raises(OutcomeUnknown):
        carry_out(world, version, ALL)
    carry_out(world, version, ALL)
    assert world.state[-1] == "Running"
    assert load_record(world).service_restart is None
    assert (load_record(world).former_settings or {})["renewal_interval"] == 10080, "what was there before, not ours"
    assert look(world, version)[Licensing].setting("port") == 1689


@pytest.mark.parametrize("version", EVERY)
def test_a_service_that_will_not_stop_is_said_and_a_restart_of_the_host_settles_it(version: str) -> None:
    world = LicensingHost(version, host=False)
    world.methods["Win32_Service.StopService"] = lambda given: 2
    with pytest.raises(Failure, match="restart the host"):
        carry_out(world, version, SettingsWish(port=1689))
    assert load_record(world).service_restart == BOOT_TEXT and world.state == ["Running"]
    step = Settings(SettingsWish(port=1689)).next(look(world, version))
    assert isinstance(step, Step) and step.summary.startswith("restart the licensing service")
    later = look(world, version)
    rebooted = later.having(system(version=version, boot_time=later[type(system())].boot_time.replace(hour=7)))
    step = Settings(SettingsWish(port=1689)).next(rebooted)
    assert isinstance(step, Step) and step.id == "host_settings.forget"
    step.run(world)
    assert load_record(world).service_restart is None


@pytest.mark.parametrize("version", EVERY)
def test_the_hold_is_put_where_the_generation_keeps_it(version: str) -> None:
    world = LicensingHost(version, host=False)
    wish = SettingsWish(self_publishing=False, key=WISH)
    assert carry_out(world, version, wish) == ["host_settings.hold"]
    assert world.value(world.key + r"\Activation", "Manual") == 1
    assert world.value(world.key, "DisableDnsPublishing") == 1
    world.host_flag, world.products = True, [keyed()]
    assert carry_out(world, version, wish) == ["host_settings.release"]
    assert world.value(world.key + r"\Activation", "Manual") is None


@pytest.mark.parametrize(("version", "roots"), [("5.2.3790", {"SL", "SPP"}), *((v, None) for v in EVERY[1:])])
def test_a_missing_settings_key_is_made_where_the_generation_looks(version: str, roots: set[str] | None) -> None:
    world = LicensingHost(version, host=False)
    del world.registry[world.key.lower()]
    now = look(world, version)
    assert bool(Settings(ALL).warnings(now)) is (roots is not None)
    carry_out(world, version, SettingsWish(low_priority=True))
    found = set(look(world, version)[Licensing].roots)
    assert found == (roots or {"SL" if version in OLD else "SPP"})
