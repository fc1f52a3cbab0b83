# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings and the hold: when they are written, what is noted before, how a run that died goes on."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, OutcomeUnknown, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms import record as records
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import ABSENT, Record, load_record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.restart import Restart
from ansible_collections.activation.kms.plugins.plugin_utils._kms.settings import (
    Settings,
    SettingsWish,
    licensing_readers,
)
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Look, Seen, Step
from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing import ROOTS, Licensing, Root, Values
from ansible_collections.activation.kms.tests.unit.kms.hosts import (
    BOOT_TEXT,
    KEY,
    NO_LICENSING,
    NOW_TEXT,
    WISH,
    licensing,
    predicts_only_what_it_touches,
    product,
    seen,
    system,
    trace,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows, lost_after, moving

FIVE = KEY[-5:]
ROLLOUT = SettingsWish(self_publishing=False, key=WISH)
HELD = Record(former_manual={"SL": ABSENT})
QUIET = Values(self_publishing=False)
SILENT = licensing(roots={"SL": Root(QUIET)})
ON_HOLD = licensing(roots={"SL": Root(QUIET, manual=1)})
DUE, OUTDATED = Record(service_restart=BOOT_TEXT), Record(service_restart="2026-02-28T06:00:00Z")
SERVING = licensing(product(1))
SL, SPP = ROOTS["SL"], ROOTS["SPP"]


def root(**changes: t.Any) -> Licensing:
    return licensing(roots={"SL": Root(Values(**changes))})


def test_alone_it_wants_a_licensing_service() -> None:
    with pytest.raises(Refusal, match="no licensing service.*host_update") as caught:
        Settings(SettingsWish(required=True)).next(seen(NO_LICENSING))
    assert caught.value.name == "no_licensing_service" and caught.value.advice


# -- when


@pytest.mark.parametrize(
    ("wish", "parts", "wanted"),
    [
        (ROLLOUT, (NO_LICENSING,), []),
        (ROLLOUT, (licensing(),), ["host_settings.hold"]),
        (ROLLOUT, (SILENT,), ["host_settings.hold"]),
        (ROLLOUT, (ON_HOLD,), ["host_settings.hold"]),
        (ROLLOUT, (ON_HOLD, HELD), []),
        (ROLLOUT, (SILENT, HELD), ["host_settings.hold"]),
        (ROLLOUT, (SERVING,), ["host_settings.apply"]),
        (ROLLOUT, (SERVING, HELD), ["host_settings.apply", "host_settings.release"]),
        (ROLLOUT, (licensing(product(3)),), ["host_settings.hold"]),
        (ROLLOUT, (licensing(product(1, "XXXXX")),), ["host_settings.hold"]),
        (SettingsWish(key=WISH), (SERVING,), []),
        (SettingsWish(key=WISH), (SERVING, HELD), ["host_settings.release"]),
        (
            SettingsWish(key=WISH),
            (SERVING, Record(activating={FIVE: {"at": NOW_TEXT, "until": NOW_TEXT, "by": "1.0"}})),
            ["host_settings.release"],
        ),
        (SettingsWish(), (SERVING, HELD), []),
        (SettingsWish(), (licensing(),), []),
        (SettingsWish(), (licensing(), DUE), ["host_settings.apply"]),
        (SettingsWish(), (licensing(), OUTDATED), ["host_settings.forget"]),
        (SettingsWish(required=True), (licensing(),), []),
        (SettingsWish(low_priority=False, activation_interval=120, renewal_interval=10080), (licensing(),), []),
        (SettingsWish(low_priority=True), (licensing(),), ["host_settings.apply"]),
        (SettingsWish(activation_interval=119), (licensing(),), ["host_settings.apply"]),
        (SettingsWish(renewal_interval=10081), (licensing(),), ["host_settings.apply"]),
        (SettingsWish(renewal_interval=60), (root(renewal_interval=60),), []),
        (SettingsWish(low_priority=True), (licensing(shown=Values(low_priority=True)),), []),
        (SettingsWish(low_priority=True), (licensing(shown=Values(low_priority=False)),), ["host_settings.apply"]),
        (SettingsWish(self_publishing_domains=()), (licensing(),), []),
        (SettingsWish(self_publishing_domains=("a.b",)), (licensing(),), ["host_settings.apply"]),
        (SettingsWish(port=1688), (licensing(),), []),
        (SettingsWish(port=1689), (licensing(),), ["host_settings.apply"]),
        (SettingsWish(port=1689), (root(port=1689),), []),
        (SettingsWish(port=1688), (root(port=1689),), ["host_settings.apply"]),
        (SettingsWish(self_publishing=True), (root(self_publishing=False),), ["host_settings.apply"]),
        (SettingsWish(self_publishing=True), (licensing(),), []),
        (SettingsWish(self_publishing=False), (licensing(roots={}),), ["host_settings.apply"]),
    ],
)
def test_next(wish: SettingsWish, parts: tuple[t.Any, ...], wanted: list[str]) -> None:
    assert trace(Settings(wish), seen(*parts)) == wanted


@pytest.mark.parametrize("published", [False, True])
def test_a_host_that_serves_keeps_its_record_until_the_controller_has_one(published: bool) -> None:
    wish = dataclasses.replace(ROLLOUT, published=lambda now: published)
    assert trace(Settings(wish), seen(SERVING)) == (["host_settings.apply"] if published else [])
    assert trace(Settings(wish), seen(licensing())) == ["host_settings.hold"], (
        "a host that does not serve need not wait"
    )


def test_a_host_that_serves_office_alone_keeps_its_record_too() -> None:
    wish = dataclasses.replace(ROLLOUT, published=lambda now: False)
    office = dataclasses.replace(product(1, "OFFIC"), foreign=True)
    step = Settings(wish).next(seen(licensing(office)))
    assert isinstance(step, Step) and step.summary == "hold automatic activation until the host key is activated"
    assert licensing(office).host_products() == ()


@pytest.mark.parametrize("one_off", ["SL", "SPP"])
def test_both_settings_roots_must_agree(one_off: str) -> None:
    roots = {name: Root(Values(self_publishing=name == one_off)) for name in ROOTS}
    now = seen(licensing(roots=roots))
    step = Settings(SettingsWish(self_publishing=False)).next(now)
    assert isinstance(step, Step)
    assert {one.values.self_publishing for one in step.predict(now)[Licensing].roots.values()} == {False}


@pytest.mark.parametrize(
    ("wish", "parts"),
    [
        (ROLLOUT, (licensing(),)),
        (ROLLOUT, (licensing(roots={}),)),
        (SettingsWish(port=1689), (licensing(),)),
        (SettingsWish(key=WISH), (SERVING, HELD)),
        (SettingsWish(), (licensing(), DUE)),
        (SettingsWish(), (licensing(), OUTDATED)),
        (SettingsWish(port=1689), (licensing(shown=Values(port=1688)),)),
        (SettingsWish(self_publishing_domains=("a.b",)), (licensing(shown=Values(port=1688)),)),
    ],
)
def test_a_prediction_changes_only_what_is_read_again(wish: SettingsWish, parts: tuple[t.Any, ...]) -> None:
    step = Settings(wish).next(seen(*parts))
    assert isinstance(step, Step)
    predicts_only_what_it_touches(step, seen(*parts))


def test_a_guessed_place_is_said() -> None:
    assert "both places" in Settings(ROLLOUT).warnings(seen(licensing(roots={})))[0]
    assert Settings(ROLLOUT).warnings(seen(licensing())) == []
    assert Settings(ROLLOUT).warnings(seen(NO_LICENSING)) == []


def test_they_come_after_the_restart() -> None:
    assert Restart in Settings.after


# -- carrying it out


def host(**values: int | str) -> SmallWindows:
    """A host whose settings key is SL, with these values in it."""
    world = SmallWindows()
    world.registry[SL.lower()] = {}
    world.registry[(SL + r"\Activation").lower()] = {}
    for name, value in values.items():
        world.set(SL, name, value)
    state = ["Running"]
    world.classes["Win32_Service"] = lambda: [{"Name": "sppsvc", "State": state[-1], "StartMode": "Auto"}]
    world.methods["Win32_Service.StopService"] = moving(state, "Stopped")
    world.methods["Win32_Service.StartService"] = moving(state, "Running")
    world.classes["SoftwareLicensingService"] = [{"Version": "6.1", "IsKeyManagementServiceMachine": 0}]
    world.classes["SoftwareLicensingProduct"] = []
    return world


def look(world: SmallWindows) -> Seen:
    """What is seen of it now."""
    eyes = Look(world, {**licensing_readers(WISH)}, seen(load_record(world)).without([Licensing]))
    assert eyes[Licensing].present
    return eyes.seen


def carry_out(world: SmallWindows, wish: SettingsWish, most: int = 5) -> list[str]:
    """Step after step until nothing is wanted."""
    done: list[str] = []
    while len(done) < most:
        step = Settings(wish).next(look(world))
        if step is None:
            return done
        done.append(step.id)
        step.run(world)
    raise AssertionError(done)


MANUAL = SL + r"\Activation"


@pytest.mark.parametrize(("former", "noted"), [(None, ABSENT), (0, 0), (1, 1)])
def test_the_hold_notes_what_was_there_and_the_release_restores_it(former: int | None, noted: int | str) -> None:
    world = host()
    if former is not None:
        world.set(MANUAL, "Manual", former)
    assert carry_out(world, ROLLOUT) == ["host_settings.hold"]
    assert world.value(MANUAL, "Manual") == 1
    assert world.value(SL, "DisableDnsPublishing") == 1
    record = load_record(world)
    assert record.former_manual == {"SL": noted}
    assert record.former_settings == {"self_publishing": True}
    assert not record.service_restart
    world.classes["SoftwareLicensingProduct"] = [
        {"ID": "X", "Description": "VOLUME_KMS_R2_C", "PartialProductKey": FIVE, "LicenseStatus": 1}
    ]
    assert carry_out(world, ROLLOUT) == ["host_settings.release"]
    assert world.value(MANUAL, "Manual") == former
    assert load_record(world) == Record(former_settings={"self_publishing": True})
    assert carry_out(world, ROLLOUT) == []


@pytest.mark.parametrize(
    "dies_at",
    [
        "StdRegProv.SetStringValue",
        "StdRegProv.SetDWORDValue",
        "Win32_Service.StopService",
        "Win32_Service.StartService",
    ],
)
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("former", [None, 0])
def test_a_run_that_died_anywhere_is_taken_up(dies_at: str, nth: int, former: int | None) -> None:
    world = host()
    if former is not None:
        world.set(MANUAL, "Manual", former)
    count = [0]

    def die(word: str) -> None:
        count[0] += word.startswith(dies_at)
        if word.startswith(dies_at) and count[0] == nth:
            lost_after(word)(word)

    world.after = die
    step = Settings(ROLLOUT).next(look(world))
    assert isinstance(step, Step)
    try:
        step.run(world)
    except OutcomeUnknown:
        carry_out(world, ROLLOUT)
    assert world.value(MANUAL, "Manual") == 1
    assert world.value(SL, "DisableDnsPublishing") == 1
    record = load_record(world)
    assert record.former_manual == {"SL": ABSENT if former is None else former}, "what was there before, not ours"
    assert record.former_settings == {"self_publishing": True}
    assert not record.service_restart
    assert "Win32_Service.StartService" in world.deeds


def test_a_port_is_written_where_the_service_reads_it_and_the_service_restarted_once() -> None:
    world = host(KeyManagementServiceListeningPort="1690")
    assert carry_out(world, SettingsWish(port=1689, self_publishing=False)) == ["host_settings.apply"]
    assert world.value(SL, "KeyManagementServiceListeningPort") == "1689"
    assert world.value(SPP, "KeyManagementServiceListeningPort") is None
    assert world.deeds.count("Win32_Service.StopService") == world.deeds.count("Win32_Service.StartService") == 1
    assert load_record(world) == Record(former_settings={"port": 1690, "self_publishing": True})


def test_what_was_there_first_is_noted_only_once() -> None:
    world = host()
    carry_out(world, SettingsWish(port=1689))
    carry_out(world, SettingsWish(port=1700))
    assert load_record(world).former_settings == {"port": 1688}


def test_that_the_host_did_not_publish_itself_is_noted_too() -> None:
    world = host(DisableDnsPublishing=1)
    carry_out(world, SettingsWish(self_publishing=True))
    assert world.value(SL, "DisableDnsPublishing") == 0
    assert load_record(world) == Record(former_settings={"self_publishing": False})
    carry_out(world, SettingsWish(self_publishing=False))
    assert load_record(world) == Record(former_settings={"self_publishing": False})


def test_without_a_settings_key_both_places_are_written() -> None:
    world = host()
    del world.registry[SL.lower()]
    carry_out(world, ROLLOUT)
    assert {world.value(key, "DisableDnsPublishing") for key in (SL, SPP)} == {1}
    assert load_record(world).former_manual == {"SL": ABSENT, "SPP": ABSENT}


def test_a_service_restart_that_is_due_is_made_up_for() -> None:
    world = host()
    records.save(world, DUE)
    assert carry_out(world, SettingsWish()) == ["host_settings.apply"]
    assert "Win32_Service.StartService" in world.deeds
    assert load_record(world) == Record()


@pytest.mark.parametrize("name", ["sppsvc", "slsvc"])
def test_the_service_that_is_there_is_restarted(name: str) -> None:
    world = host()
    state = ["Running"]
    world.classes["Win32_Service"] = lambda: [{"Name": name, "State": state[-1], "StartMode": "Auto"}]

    def stop(given: t.Mapping[str, str]) -> int:
        state.append("Stopped")
        return 0 if given["Name"] == name else 2

    world.methods["Win32_Service.StopService"] = stop
    world.methods["Win32_Service.StartService"] = moving(state, "Running")
    step = Settings(SettingsWish(port=1689)).next(seen(licensing(), system(services={})))
    assert isinstance(step, Step)
    step.run(world)
    assert state == ["Running", "Stopped", "Running"]


def test_a_service_nobody_knows_the_name_of_is_said_and_the_restart_stays_due() -> None:
    world = host()
    world.classes["Win32_Service"] = []
    step = Settings(SettingsWish(port=1689)).next(seen(licensing()))
    assert isinstance(step, Step)
    with pytest.raises(Failure, match="restart the host") as caught:
        step.run(world)
    assert caught.value.name == "licensing_service_unknown"
    assert load_record(world).service_restart == BOOT_TEXT


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (ROLLOUT, ["hold self-publishing and automatic activation"]),
        (SettingsWish(key=WISH), ["hold automatic activation"]),
        (SettingsWish(key=WISH, port=1689), ["hold automatic activation", "listen on TCP 1689"]),
        (SettingsWish(self_publishing=False, port=1689), ["turn self-publishing off", "listen on TCP 1689"]),
    ],
)
def test_a_summary_says_what_is_done(wish: SettingsWish, words: list[str]) -> None:
    step = Settings(wish).next(seen(licensing()))
    assert isinstance(step, Step)
    assert all(word in step.summary for word in words)


def test_a_diff_has_a_line_a_setting() -> None:
    wish = SettingsWish(port=1689, self_publishing=False, self_publishing_domains=("a.b",), low_priority=True)
    step = Settings(wish).next(seen(root(port=1690)))
    assert isinstance(step, Step)
    assert step.before.splitlines() == [
        "port: 1690",
        "self_publishing: true",
        "self_publishing_domains: its own domain alone",
        "low_priority: false",
    ]
    assert step.after.splitlines() == [
        "port: 1689",
        "self_publishing: false",
        "self_publishing_domains: corp.example; a.b",
        "low_priority: true",
    ]
    held = Settings(ROLLOUT).next(seen(licensing()))
    assert isinstance(held, Step)
    assert "automatic_activation: held" in held.after and "automatic_activation: as Windows" in held.before
