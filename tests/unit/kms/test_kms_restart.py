# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a host is restarted, when the run ends well before it, and when it is refused; the releases that are managed."""

from __future__ import annotations

import datetime as dt
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms import record as records
from ansible_collections.activation.kms.plugins.plugin_utils._kms.catalogue import STANDARD
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record, load_record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.release import Release
from ansible_collections.activation.kms.plugins.plugin_utils._kms.restart import Restart, restart_step
from ansible_collections.activation.kms.plugins.plugin_utils._kms.update_chain import UpdateChain
from ansible_collections.activation.kms.plugins.plugin_utils._kms.updates import Updates
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Pause, Step
from ansible_collections.activation.kms.plugins.plugin_utils._windows.restart import RestartOptions
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import System
from ansible_collections.activation.kms.tests.unit.kms.hosts import (
    BOOT,
    BOOT_TEXT,
    SYSTEM,
    licensing,
    predicts_only_what_it_touches,
    seen,
    service,
    system,
    told,
    trace,
    updates,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows, moving

PENDING = updates("kms_1_0", pending=True)
NOTED = Record(awaiting_restart={"boot": BOOT_TEXT, "updates": {"kms_1_0": "done"}})
OUTDATED = Record(awaiting_restart={"boot": "2026-02-01T06:00:00Z", "updates": {"kms_1_0": "done"}})
OPTIONS = RestartOptions(timeout=600.0)


@pytest.mark.parametrize(
    ("parts", "allowed", "always", "wanted"),
    [
        ((), True, False, []),
        ((), True, True, ["host_reboot.restart"]),
        ((PENDING,), True, False, ["host_reboot.restart"]),
        ((PENDING,), True, True, ["host_reboot.restart"]),
        ((PENDING, NOTED), True, False, ["host_reboot.restart"]),
        ((PENDING,), False, False, ["pause"]),
        ((NOTED,), True, False, []),
        ((OUTDATED,), False, False, ["host_reboot.forget"]),
        ((OUTDATED, PENDING), True, False, ["host_reboot.restart"]),
    ],
)
def test_next(parts: tuple[t.Any, ...], allowed: bool, always: bool, wanted: list[str]) -> None:
    assert trace(Restart(allowed, OPTIONS, always=always), seen(*parts)) == wanted


def test_without_leave_the_run_pauses_and_says_what_is_awaited() -> None:
    pause = Restart(False, OPTIONS).next(seen(PENDING))
    assert isinstance(pause, Pause)
    assert pause.result == {"reboot_required": True} and pause.restart
    assert "reboot: true" in pause.reason and "0xC004F050" in pause.reason
    assert not pause.predict(seen(PENDING))[Updates].restart_pending


@pytest.mark.parametrize("mode", ["Manual", "Disabled", "Unknown"])
def test_a_host_whose_winrm_does_not_start_by_itself_is_never_restarted(mode: str) -> None:
    services = {} if mode == "Unknown" else {"winrm": service("WinRM", start_mode=mode)}
    with pytest.raises(Refusal, match=f"start mode {mode}.*sc config WinRM start= auto") as caught:
        Restart(True, OPTIONS).next(seen(PENDING, system(services=services)))
    assert caught.value.name == "winrm_not_automatic"
    assert told(Restart(False, OPTIONS).next(seen(PENDING, system(services=services)))) == "pause"
    assert Restart(True, OPTIONS).next(seen(system(services=services))) is None


def test_the_step_touches_everything_and_is_never_repeated() -> None:
    step = restart_step(SYSTEM, OPTIONS, licensing=True)
    assert step.touches == "everything" and step.once
    after = step.predict(seen(PENDING, NOTED, licensing()))
    assert after[System].booted_since(BOOT)
    assert after[Record].awaiting_restart is None
    assert not after[Updates].restart_pending


def test_once_means_once_even_when_it_is_always_wanted() -> None:
    resource = Restart(True, OPTIONS, always=True)
    assert told(resource.next(seen())) == "host_reboot.restart"
    later = system(boot_time=BOOT + dt.timedelta(hours=3))
    assert resource.next(seen(later)) is None


def test_it_comes_after_the_updates() -> None:
    assert UpdateChain in Restart.after


def test_forgetting_is_upkeep_and_clears_the_note() -> None:
    step = Restart(False, OPTIONS).next(seen(OUTDATED))
    assert isinstance(step, Step) and step.upkeep
    predicts_only_what_it_touches(step, seen(OUTDATED))
    world = SmallWindows()
    records.save(world, OUTDATED)
    step.run(world)
    assert load_record(world) == Record()


@pytest.mark.parametrize("licensed", [False, True])
def test_a_restart_waits_for_the_licensing_service_only_where_there_is_one(licensed: bool) -> None:
    world = SmallWindows()
    records.save(world, NOTED)
    boots = [BOOT_TEXT]
    world.methods["Win32_OperatingSystem.Win32Shutdown"] = moving(boots, "2026-03-01T08:05:00Z")
    world.classes["Win32_OperatingSystem"] = lambda: [{"LastBootUpTime": boots[-1]}]
    world.classes["SoftwareLicensingService"] = [{"Version": "6.1"}]
    restart_step(SYSTEM, OPTIONS, licensing=licensed).run(world)
    assert ("query SoftwareLicensingService" in world.asked) == licensed
    assert load_record(world) == Record()


@pytest.mark.parametrize("release", ["windows_xp_x64", "unknown"])
def test_releases_that_are_not_managed_are_refused_with_their_name(release: str) -> None:
    with pytest.raises(Refusal, match=release) as caught:
        Release().next(seen(system(release=release)))
    assert caught.value.name == "release_not_managed"


@pytest.mark.parametrize("release", STANDARD.hosts)
def test_the_managed_releases(release: str) -> None:
    Release().next(seen(system(release=release)))
