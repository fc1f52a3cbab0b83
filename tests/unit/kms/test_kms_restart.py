# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a host is restarted, when the run ends well before it, and when it is refused; the releases that are managed."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._foresight import foresee
from ansible_collections.activation.kms.plugins.plugin_utils._kms import record as records
from ansible_collections.activation.kms.plugins.plugin_utils._kms.catalogue import STANDARD
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record, load_record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.release import Release
from ansible_collections.activation.kms.plugins.plugin_utils._kms.restart import (
    Restart,
    read_restart_care,
    restart_step,
)
from ansible_collections.activation.kms.plugins.plugin_utils._kms.update_chain import UpdateChain
from ansible_collections.activation.kms.plugins.plugin_utils._kms.updates import Updates
from ansible_collections.activation.kms.plugins.plugin_utils._plan import (
    Look,
    Observe,
    Pause,
    Reader,
    Resource,
    Seen,
    Step,
)
from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing import Licensing
from ansible_collections.activation.kms.plugins.plugin_utils._windows.restart import RestartOptions
from ansible_collections.activation.kms.plugins.plugin_utils._windows.restart_care import (
    COMPONENTS,
    COMPONENTS_SIGN,
    FILES_SIGN,
    SESSION_MANAGER,
    UPDATE_SIGN,
    WINDOWS_UPDATE,
    RestartCare,
)
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import System, read_boot_time
from ansible_collections.activation.kms.tests.unit.kms.hosts import (
    BOOT,
    BOOT_TEXT,
    CARE,
    NO_LICENSING,
    SYSTEM,
    licensing,
    predicts_only_what_it_touches,
    seen,
    system,
    told,
    trace,
    updates,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows, moving

FOREIGN = dataclasses.replace(updates(), pending_signs=("registry: UpdateExeVolatile",))
PENDING = updates("kms_1_0", pending=True)
NOTED = Record(awaiting_restart={"boot": BOOT_TEXT, "updates": {"kms_1_0": "done"}})
OUTDATED = Record(awaiting_restart={"boot": "2026-02-01T06:00:00Z", "updates": {"kms_1_0": "done"}})
OPTIONS = RestartOptions(timeout=600.0)


def care(**changes: t.Any) -> RestartCare:
    """What a restart meets: by default nothing, and it will not cut the host off."""
    return dataclasses.replace(CARE, **changes)


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
    cut_off = care(winrm_start_mode=mode)
    with pytest.raises(Refusal, match=f"start mode {mode}.*sc config WinRM start= auto") as caught:
        Restart(True, OPTIONS).next(seen(PENDING, cut_off))
    assert caught.value.name == "winrm_not_automatic"
    assert told(Restart(False, OPTIONS).next(seen(PENDING, cut_off))) == "pause"
    assert Restart(True, OPTIONS).next(seen(cut_off)) is None


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


# -- what the restart meets


@pytest.mark.parametrize(
    ("met", "words"),
    [
        ({}, []),
        ({"sessions": 1}, ["1 interactive log-on session, which"]),
        ({"sessions": 3}, ["3 interactive log-on sessions, which"]),
        ({"sessions": None}, ["who is logged on to the host could not be read"]),
        ({"cluster": True}, ["failover cluster service runs"]),
        ({"domain_controller": True}, ["is a domain controller"]),
        ({"pending": ("registry: PendingFileRenameOperations",)}, ["others left .*PendingFileRenameOperations"]),
        ({"sessions": 2, "cluster": True, "domain_controller": True}, ["2 inter", "cluster", "controller"]),
        ({"read": False, "sessions": None, "cluster": True}, []),
    ],
)
@pytest.mark.parametrize("allowed", [True, False])
def test_what_the_restart_meets_is_said_and_stops_nobody(
    met: dict[str, t.Any], words: list[str], allowed: bool
) -> None:
    resource, now = Restart(allowed, OPTIONS), seen(PENDING, care(**met))
    notices = resource.notices(now)
    assert len(notices) == len(words)
    assert all(re.search(word, notice) for word, notice in zip(words, notices, strict=True))
    if met.get("read", True):
        assert trace(resource, now) == (["host_reboot.restart"] if allowed else ["pause"])


class Chain(Resource):
    """An update that is missing; installing it takes a restart, or does not."""

    name = "updates"
    needs = (System, Updates)

    def __init__(
        self, restart: bool = True, refusal: Refusal | None = None, run: t.Callable[[], None] = lambda: None
    ) -> None:
        self.restart, self.refusal, self.run = restart, refusal, run

    def next(self, seen: Seen) -> Step | None:
        if self.refusal is not None:
            raise self.refusal
        if seen[Updates].installed:
            return None
        after = updates("kms_1_0", pending=self.restart)
        return Step("install", "install", lambda before: before.having(after), lambda world: self.run(), (Updates,))


def machine(mode: str = "Auto") -> SmallWindows:
    """A host with two users on it."""
    world = SmallWindows()
    world.classes["Win32_Service"] = [{"Name": "WinRM", "State": "Running", "StartMode": mode}]
    world.classes["Win32_LogonSession"] = [{"LogonId": "1", "LogonType": 2}, {"LogonId": "2", "LogonType": 10}]
    return world


def looked(world: SmallWindows, resource: Restart, *before: Resource, parts: tuple[t.Any, ...] = ()) -> RestartCare:
    readers = {RestartCare: read_restart_care(resource.near(before))}
    return Look(world, readers, seen(*parts).without([RestartCare]))[RestartCare]


ALLOWED, ASKED, NOT_ALLOWED = Restart(True, OPTIONS), Restart(True, OPTIONS, always=True), Restart(False, OPTIONS)
IMPOSSIBLE = Refusal("no such package", name="package_missing")


@pytest.mark.parametrize(
    ("resource", "before", "parts", "near"),
    [
        (ALLOWED, (), (), False),
        (ALLOWED, (), (updates("kms_1_0"),), False),
        (ALLOWED, (), (OUTDATED,), False),
        (ALLOWED, (Chain(restart=False),), (), False),
        (ALLOWED, (Chain(refusal=IMPOSSIBLE),), (), False),
        (ALLOWED, (), (PENDING,), True),
        (NOT_ALLOWED, (), (PENDING,), True),
        (ALLOWED, (Chain(),), (), True),
        (NOT_ALLOWED, (Chain(),), (), True),
        (ASKED, (), (), True),
    ],
)
def test_it_costs_nothing_where_no_restart_is_near(
    resource: Restart, before: tuple[Resource, ...], parts: tuple[t.Any, ...], near: bool
) -> None:
    world = machine()
    found = looked(world, resource, *before, parts=parts)
    assert found.read == near == bool(world.asked)
    assert found.sessions == (2 if near else None)
    assert len(world.asked) <= 5


def test_a_restart_that_is_foreseen_is_refused_before_anything_is_changed() -> None:
    resources = [Chain(), Restart(True, OPTIONS)]
    world = machine("Manual")
    with pytest.raises(Refusal, match="start mode Manual"):
        foresee(resources, seen(looked(world, resources[1], resources[0])))
    assert world.deeds == []


def test_a_restart_that_nobody_foresaw_is_looked_at_before_it_is_made() -> None:
    item = Restart(True, OPTIONS).next(seen(PENDING, RestartCare()))
    assert isinstance(item, Observe)
    assert told(Restart(True, OPTIONS).next(seen(PENDING, item.assume))) == "host_reboot.restart"
    assert item.judge(seen(PENDING)) is None


@pytest.mark.parametrize("mode", ["Auto", "Manual"])
def test_an_update_that_needs_a_restart_against_expectation(mode: str) -> None:
    world = machine(mode)
    boots, now = [BOOT_TEXT], [updates()]
    world.classes["Win32_OperatingSystem"] = lambda: [{"LastBootUpTime": boots[-1]}]
    world.classes["SoftwareLicensingService"] = [{"Version": "6.1"}]

    def shut_down(given: t.Mapping[str, str]) -> int:
        now[:], boots[:] = [updates("kms_1_0")], ["2026-03-01T08:05:00Z"]
        return 0

    world.methods["Win32_OperatingSystem.Win32Shutdown"] = shut_down
    chain, resource = Chain(restart=False, run=lambda: now.append(PENDING)), Restart(True, OPTIONS)
    readers: dict[type, Reader] = {
        System: lambda world, look: system(boot_time=read_boot_time(world)),
        Record: lambda world, look: Record(),
        Licensing: lambda world, look: NO_LICENSING,
        Updates: lambda world, look: now[-1],
        RestartCare: read_restart_care(resource.near([chain])),
    }
    outcome = converge(world, [chain, resource], readers, check=False)
    assert [planned.step.id for planned in outcome.plan] == ["install"]
    done = [planned.step.id for planned in outcome.done]
    assert done == (["install", "host_reboot.restart"] if mode == "Auto" else ["install"])
    assert (outcome.problem.name if outcome.problem else None) == (None if mode == "Auto" else "winrm_not_automatic")
    assert ("Win32_OperatingSystem.Win32Shutdown" in world.deeds) == (mode == "Auto")


@pytest.mark.parametrize(
    ("parts", "signs", "pending"),
    [
        ((PENDING,), {}, ()),
        ((PENDING,), {"components": True}, ()),
        ((PENDING,), {"files": True}, ()),
        ((PENDING,), {"files": True, "agent": True}, (UPDATE_SIGN,)),
        ((), {"files": True}, (FILES_SIGN,)),
        ((), {"components": True}, (COMPONENTS_SIGN,)),
        ((FOREIGN,), {}, ("registry: UpdateExeVolatile",)),
        ((FOREIGN,), {"components": True}, ("registry: UpdateExeVolatile", COMPONENTS_SIGN)),
    ],
)
def test_what_waits_and_is_ours_is_not_of_others(
    parts: tuple[t.Any, ...], signs: dict[str, bool], pending: tuple[str, ...]
) -> None:
    world = machine()
    if signs.get("components"):
        world.registry[COMPONENTS.lower()] = {}
    if signs.get("agent"):
        world.registry[WINDOWS_UPDATE.lower()] = {}
    if signs.get("files"):
        world.set(SESSION_MANAGER, "PendingFileRenameOperations", r"\??\C:\old.dll")
    found = looked(world, ASKED, parts=(system(version="6.1.7601"), *parts))
    assert found.pending == pending


def test_what_others_left_pending_is_no_reason_for_a_restart_of_ours() -> None:
    assert trace(Restart(True, OPTIONS), seen(FOREIGN, care(pending=("registry: UpdateExeVolatile",)))) == []


@pytest.mark.parametrize("present", [True, False])
def test_where_the_licensing_service_belongs_to_windows_it_is_waited_for_too(present: bool) -> None:
    world = machine()
    boots = [BOOT_TEXT]
    world.methods["Win32_OperatingSystem.Win32Shutdown"] = moving(boots, "2026-03-01T08:05:00Z")
    world.classes["Win32_OperatingSystem"] = lambda: [{"LastBootUpTime": boots[-1]}]
    world.classes["SoftwareLicensingService"] = [{"Version": "6.1"}]
    step = Restart(True, OPTIONS, always=True).next(seen(licensing() if present else NO_LICENSING))
    assert isinstance(step, Step)
    step.run(world)
    assert ("query SoftwareLicensingService" in world.asked) == present


# -- the releases that are managed


@pytest.mark.parametrize("release", ["windows_xp_x64", "unknown"])
def test_releases_that_are_not_managed_are_refused_with_their_name(release: str) -> None:
    with pytest.raises(Refusal, match=release) as caught:
        Release().next(seen(system(release=release)))
    assert caught.value.name == "release_not_managed"


def test_a_host_whose_record_cannot_be_read_is_not_changed() -> None:
    with pytest.raises(Refusal, match="delete the value") as caught:
        Release().next(seen(Record(unreadable=True)))
    assert caught.value.name == "record_unreadable"


@pytest.mark.parametrize("release", STANDARD.hosts)
def test_the_managed_releases(release: str) -> None:
    Release().next(seen(system(release=release)))
