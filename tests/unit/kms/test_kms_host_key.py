# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host key: judged before it is touched, installed, activated once, and never spent twice."""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms import record as records
from ansible_collections.activation.kms.plugins.plugin_utils._kms.host_key import HostKeyResource
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record, load_record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.restart import Restart
from ansible_collections.activation.kms.plugins.plugin_utils._kms.settings import Settings, licensing_readers
from ansible_collections.activation.kms.plugins.plugin_utils._kms.updates import Updates
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome, Reader, Step
from ansible_collections.activation.kms.plugins.plugin_utils._windows.edition import Edition
from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing import ROOTS, Root
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import System, moment_text
from ansible_collections.activation.kms.tests.unit.kms.hosts import (
    KEY,
    NO_LICENSING,
    NOW,
    SYSTEM,
    WISH,
    licensing,
    predicts_only_what_it_touches,
    product,
    seen,
    trace,
    updates,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import (
    Refused,
    SmallWindows,
    lost_after,
    lost_before,
)

FIVE = KEY[-5:]
READY = updates("kms_1_0", "kms_1_2")
IN_PROGRESS, NO_ACTIVATIONS_LEFT, INVALID = 0xC004E028, 0xC004C008, 0xC004F050
UNMARKED = {"SL": Root()}


def wish(**changes: t.Any) -> HostKeyResource:
    return HostKeyResource(dataclasses.replace(WISH, **changes))


# -- what is wanted


@pytest.mark.parametrize(
    ("products", "changes", "wanted"),
    [
        ((), {}, ["host_key.install", "host_key.activate"]),
        ((), {"activation": "unmanaged"}, ["host_key.install"]),
        ((product(),), {}, ["host_key.activate"]),
        ((product(2),), {}, ["host_key.activate"]),
        ((product(),), {"activation": "unmanaged"}, []),
        ((product(1),), {}, []),
        ((product(1, FIVE.lower()),), {}, []),
        ((product(3),), {"reactivate": True}, ["host_key.activate"]),
        ((dataclasses.replace(product(5), license_status_reason=0xC004F009),), {}, ["host_key.activate"]),
        ((dataclasses.replace(product(1), license_status_reason=0xC004F00F),), {}, []),
        ((product(3),), {"activation": "unmanaged"}, []),
        ((product(1), product(1, "XXXXX")), {}, []),
        ((product(1, "XXXXX"),), {"replace": True}, ["host_key.install", "host_key.activate"]),
        ((product(1, "XXXXX", "VOLUME_KMSCLIENT channel"),), {}, ["host_key.install", "host_key.activate"]),
        ((product(1, FIVE, "VOLUME_KMSCLIENT channel"),), {}, ["host_key.install", "host_key.activate"]),
        ((product(1, "XXXXX", "RETAIL channel"),), {}, ["host_key.install", "host_key.activate"]),
    ],
)
def test_next(products: tuple[t.Any, ...], changes: dict[str, t.Any], wanted: list[str]) -> None:
    now = seen(READY, licensing(*products))
    # A bare `licensing` carries the mark; the key's own is seen to below.
    assert trace(wish(**changes), now) == wanted


@pytest.mark.parametrize("status", [0, 1])
def test_the_mark_comes_last_so_that_it_never_stands_in_the_way_of_the_activation(status: int) -> None:
    wanted = trace(wish(), seen(READY, licensing(product(status), roots=UNMARKED)))
    assert wanted == (["host_key.mark"] if status else ["host_key.activate", "host_key.mark"])


@pytest.mark.parametrize(
    ("parts", "changes", "name"),
    [
        ((NO_LICENSING,), {}, "no_licensing_service"),
        ((NO_LICENSING, updates("kms_1_0", "kms_1_2")), {}, "no_licensing_service"),
        ((licensing(), updates("kms_1_0", pending=True)), {}, "restart_pending"),
        ((licensing(product(1)), updates("kms_1_0", pending=True)), {}, "restart_pending"),
        ((licensing(answers=False),), {}, "licensing_service_stopped"),
        ((licensing(),), {"key_group": "server_2022"}, "key_group_wrong_host"),
        ((licensing(),), {"key_group": "windows_vista", "serve": frozenset(["windows_7"])}, "key_group_too_low"),
        ((licensing(product(1, "XXXXX")),), {}, "other_key_installed"),
        ((licensing(product(0, "XXXXX")),), {}, "other_key_installed"),
        ((licensing(),), {"encrypted": False}, "key_unencrypted"),
        ((licensing(product(3)),), {}, "reactivation_needed"),
        ((licensing(dataclasses.replace(product(5), license_status_reason=0xC004F00F)),), {}, "reactivation_needed"),
        ((licensing(dataclasses.replace(product(5), license_status_reason=-0x3FFB0FF1)),), {}, "reactivation_needed"),
        ((licensing(product(0)),), {"max_activations": 0}, "activation_not_allowed"),
    ],
)
def test_what_speaks_against_it_is_said_before_anything_is_changed(
    parts: tuple[t.Any, ...], changes: dict[str, t.Any], name: str
) -> None:
    with pytest.raises(Refusal) as caught:
        wish(**changes).next(seen(READY, *parts))
    assert caught.value.name == name
    assert KEY not in repr(caught.value) and caught.value.advice


def test_registered_updates_without_a_licensing_service_are_not_to_be_installed_again_by_us() -> None:
    with pytest.raises(Refusal, match=r"registered on the host \(kms_1_0, kms_1_2\).*again by hand"):
        wish().next(seen(NO_LICENSING, updates("kms_1_0", "kms_1_2")))


def test_an_activated_key_needs_neither_encryption_nor_leave() -> None:
    now = seen(READY, licensing(product(1)))
    assert trace(wish(encrypted=False, max_activations=0), now) == []


def test_the_key_that_would_be_lost_is_named_by_its_last_five() -> None:
    with pytest.raises(Refusal, match="ends in XXXXX.*client count to zero.*replace: true"):
        wish().next(seen(READY, licensing(product(1, "XXXXX"))))
    step = wish(replace=True).next(seen(READY, licensing(product(1, "XXXXX"))))
    assert isinstance(step, Step)
    assert step.summary == "install the host key *****-67892 in place of *****-XXXXX"
    assert (step.before, step.after) == ("host key *****-XXXXX", "host key *****-67892")


@pytest.mark.parametrize("products", [(), (product(),)], ids=["install", "activate"])
def test_a_prediction_changes_only_what_is_read_again(products: tuple[t.Any, ...]) -> None:
    now = seen(READY, licensing(*products))
    step = wish().next(now)
    assert isinstance(step, Step)
    predicts_only_what_it_touches(step, now)
    assert KEY not in repr((step.summary, step.before, step.after))


def test_activation_is_once_and_may_take_its_time() -> None:
    step = wish(activation_timeout=77.0).next(seen(READY, licensing(product())))
    assert isinstance(step, Step)
    assert (step.id, step.once, step.settle) == ("host_key.activate", True, 77.0)
    assert {Restart, Settings} <= set(HostKeyResource.after)


# -- carrying it out

ROOT = ROOTS["SL"]
START = NOW.timestamp()


class Host(SmallWindows):
    """A licensing service that takes one key, and counts what it spends.

    Attributes:
        spent: activations asked of Microsoft.
        answers: what Activate returns, by turn; 0 afterwards.
        licensed_at: the controller's clock when the key becomes licensed; None: as soon as Activate succeeds.
    """

    def __init__(self, installed: bool = True) -> None:
        super().__init__()
        self.registry[ROOT.lower()] = {}
        self.clock = START
        self.key = FIVE if installed else ""
        self.status = 0
        self.spent = 0
        self.answers: list[int] = []
        self.licensed_at: float | None = None
        self.classes["SoftwareLicensingService"] = [{"Version": "6.1"}]
        self.classes["SoftwareLicensingProduct"] = self._products
        self.methods["SoftwareLicensingService.InstallProductKey"] = self._install
        self.methods["SoftwareLicensingService.RefreshLicenseStatus"] = lambda given: 0
        self.methods["SoftwareLicensingProduct.Activate"] = self._activate

    def host_clock(self) -> dt.datetime:
        """Two hours after its start when the test begins; runs as the controller's does."""
        return dt.datetime.fromtimestamp(self.clock, dt.timezone.utc)

    def _products(self) -> list[dict[str, t.Any]]:
        if self.licensed_at is not None and self.clock >= self.licensed_at:
            self.status = 1
        row = {"ID": "ID1", "Description": "VOLUME_KMS_R2_C", "LicenseStatus": self.status}
        return [{**row, "PartialProductKey": self.key}] if self.key else []

    def _install(self, given: t.Mapping[str, str]) -> int:
        assert given["ProductKey"] == KEY
        self.key = FIVE
        return 0

    def _activate(self, given: t.Mapping[str, str]) -> int:
        assert given["ID"] == "id1"
        noted = (load_record(self).activating or {})[FIVE]
        assert noted["at"] == moment_text(self.host_clock() - dt.timedelta(seconds=1)), "noted before it is asked for"
        self.spent += 1
        code = self.answers.pop(0) if self.answers else 0
        if not code and self.licensed_at is None:
            self.status = 1
        return code


def asked_at(when: dt.datetime, key: str = FIVE, patience: float = 300.0) -> Record:
    """The note of a run that asked then."""
    until = when + dt.timedelta(seconds=patience)
    return Record(activating={key: {"at": moment_text(when), "until": moment_text(until), "by": "1.0"}})


READERS: dict[type, Reader] = {
    System: lambda world, look: SYSTEM,
    Record: lambda world, look: load_record(world),
    Updates: lambda world, look: READY,
    Edition: lambda world, look: Edition(),
    **licensing_readers(WISH),
}


def run(host: SmallWindows, **changes: t.Any) -> Outcome:
    return converge(host, [wish(**changes)], READERS, check=False)


def done(outcome: Outcome) -> list[str]:
    return [planned.step.id for planned in outcome.done]


def test_a_key_is_installed_activated_and_marked() -> None:
    host = Host(installed=False)
    outcome = run(host)
    assert outcome.problem is None
    assert done(outcome) == ["host_key.install", "host_key.activate"]
    assert host.spent == 1
    assert host.value(ROOT, "KeyManagementServiceVersion") == "6.1"
    assert not run(host).changed
    assert host.spent == 1


@pytest.mark.parametrize(
    "word",
    ["SoftwareLicensingService.InstallProductKey", "SoftwareLicensingService.RefreshLicenseStatus"],
)
@pytest.mark.parametrize("carried_out", [False, True])
def test_lost_answers_around_the_installation(word: str, carried_out: bool) -> None:
    host = Host(installed=False)
    if carried_out:
        host.after = lost_after(word)
    else:
        host.before = lost_before(word)
    assert run(host).problem is None
    assert host.spent == 1
    assert host.status == 1


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_lost_answer_about_the_mark_does_not_swallow_the_activation(carried_out: bool) -> None:
    host = Host()
    silence = lost_after("StdRegProv.SetStringValue KeyManagementServiceVersion", times=99)
    setattr(host, "after" if carried_out else "before", silence)
    assert run(host).problem is None
    assert host.spent == 1
    assert (host.value(ROOT, "KeyManagementServiceVersion") is not None) == carried_out


def test_an_activation_whose_answer_is_lost_is_never_asked_for_again() -> None:
    host = Host()
    host.after = lost_after("SoftwareLicensingProduct.Activate")
    assert run(host).problem is None, "the status decides"
    assert host.spent == 1


def test_an_activation_that_never_arrived_is_left_to_the_next_run_which_polls_first() -> None:
    host = Host()
    host.before = lost_before("SoftwareLicensingProduct.Activate")
    outcome = run(host, activation_timeout=300.0)
    assert outcome.problem is not None and outcome.problem.name == "outcome_unknown"
    assert host.spent == 0
    assert load_record(host).activation_asked(FIVE) is not None
    again = run(host)
    assert again.problem is None
    assert host.spent == 1


def test_a_killed_run_is_resumed_by_polling_and_spends_nothing_more() -> None:
    host = Host()
    records.save(host, asked_at(NOW))
    host.licensed_at = START + 120
    outcome = run(host)
    assert outcome.problem is None
    assert done(outcome) == ["host_key.activate"]
    assert host.spent == 0
    assert START + 120 <= host.clock < START + 140


def test_an_activation_that_another_controller_asked_for_since_is_waited_for() -> None:
    host = Host()
    step = wish().next(seen(READY, licensing(dataclasses.replace(product(), id="id1"))))
    records.save(host, asked_at(NOW))
    host.licensed_at = START + 60
    assert isinstance(step, Step) and step.id == "host_key.activate"
    step.run(host)
    assert (host.spent, host.status) == (0, 1)


def test_polling_ends_when_the_earlier_activation_can_no_longer_be_under_way() -> None:
    host = Host()
    records.save(host, asked_at(NOW, patience=100.0))
    assert run(host).problem is None
    assert host.spent == 1
    assert START + 100 <= host.clock < START + 117


@pytest.mark.parametrize("ago", [dt.timedelta(hours=1), dt.timedelta(days=-3)], ids=["long ago", "in the far future"])
def test_an_old_note_is_not_waited_for(ago: dt.timedelta) -> None:
    host = Host()
    records.save(host, asked_at(NOW - ago))
    assert run(host).problem is None
    assert (host.spent, host.clock) == (1, START + 1)


def test_a_note_about_another_key_is_not_waited_for() -> None:
    host = Host()
    records.save(host, asked_at(NOW, "XXXXX"))
    assert run(host).problem is None
    assert (host.spent, host.clock) == (1, START + 1)


def test_somebody_elses_activation_under_way_is_waited_for() -> None:
    host = Host()
    host.answers = [IN_PROGRESS]
    host.licensed_at = START + 60
    outcome = run(host)
    assert outcome.problem is None
    assert host.spent == 1, "asked once, and Windows was busy with it"
    assert host.status == 1


@pytest.mark.parametrize("form", ["returned", "fault"])
@pytest.mark.parametrize(
    ("code", "settled"),
    [(NO_ACTIVATIONS_LEFT, True), (INVALID, True), (0xC004FFFF, False), (0x800706BE, False), (0xC004F075, False)],
)
def test_a_refused_activation_is_explained_and_its_note_stays_while_it_may_be_under_way(
    form: str, code: int, settled: bool
) -> None:
    host = Host()

    def refuse(given: t.Mapping[str, str]) -> int:
        host.spent += 1
        if form == "fault":
            raise Refused(code)
        return code

    host.methods["SoftwareLicensingProduct.Activate"] = refuse
    outcome = run(host)
    assert isinstance(outcome.problem, Failure)
    assert outcome.problem.code == f"0x{code:08X}"
    assert "activating the host key *****-67892" in outcome.problem.message
    assert (load_record(host).activating is None) == settled
    assert host.spent == 1


def test_the_answer_is_not_lost_over_a_note_that_cannot_be_taken_back() -> None:
    host = Host()
    host.answers = [NO_ACTIVATIONS_LEFT]

    def lose(word: str) -> None:
        if host.spent:
            lost_before("StdRegProv")(word)

    host.before = lose
    outcome = run(host)
    assert outcome.problem is not None and outcome.problem.code == "0xC004C008"


# -- several controllers


def interrupted_at(host: Host, word: str, nth: int, other: t.Callable[[], object]) -> list[str]:
    """Let another controller do its work when this one sends the nth message of a kind; all that was sent by then."""
    count, at = [0], list[str]()

    def meanwhile(sent: str) -> None:
        count[0] += sent.startswith(word)
        if sent.startswith(word) and count[0] == nth:
            host.before = lambda later: None
            at.extend(host.asked)
            other()

    host.before = meanwhile
    return at


@pytest.mark.parametrize("nth", range(1, 40))
@pytest.mark.parametrize("installed", [False, True])
def test_another_controller_in_between_spends_no_second_activation(installed: bool, nth: int) -> None:
    """Unless one is held for more than five minutes between its last look and its request: nothing can help then."""
    host = Host(installed=installed)
    at = interrupted_at(host, "", nth, lambda: run(host))
    run(host)
    assert host.status == 1
    held = "SoftwareLicensingProduct.Activate" in at[-2:]  # the host here looks at the note while it activates
    assert host.spent == (2 if held else 1)


def test_of_two_that_claim_at_the_same_time_the_one_whose_note_stands_asks() -> None:
    """The other one writes its note over ours, and asks a moment later."""
    host = Host()
    theirs = {"at": moment_text(NOW), "until": moment_text(NOW + dt.timedelta(seconds=300)), "by": "theirs"}

    def claim(word: str) -> None:
        if word.startswith("StdRegProv.SetStringValue record"):
            host.after = lambda later: None
            records.save(host, Record(activating={FIVE: theirs}))
            host.licensed_at = host.clock + 40.0

    host.after = claim
    assert run(host).problem is None
    assert (host.spent, host.status) == (0, 1)


def test_a_note_that_does_not_stand_means_that_nothing_is_asked() -> None:
    host = Host()
    host.before = lost_before("StdRegProv.SetStringValue record", times=9)
    outcome = run(host)
    assert outcome.problem is not None and outcome.problem.name == "activation_not_noted"
    assert host.spent == 0 and done(outcome) == []


def test_a_note_whose_answer_is_lost_stands_all_the_same() -> None:
    host = Host()
    host.after = lost_after("StdRegProv.SetStringValue record")
    assert run(host).problem is None
    assert host.spent == 1


def test_a_key_that_came_in_meanwhile_is_not_replaced_unasked() -> None:
    host = Host(installed=False)

    def theirs() -> None:
        host.key = "XXXXX"

    interrupted_at(host, "query SoftwareLicensingProduct", 2, theirs)
    outcome = run(host)
    assert outcome.problem is not None and outcome.problem.name == "other_key_installed"
    assert host.key == "XXXXX" and "SoftwareLicensingService.InstallProductKey" not in host.deeds


def test_an_activation_with_little_patience_may_still_be_under_way_for_minutes() -> None:
    host = Host()
    host.after = lost_after("SoftwareLicensingProduct.Activate")
    host.licensed_at = START + 200
    assert run(host, activation_timeout=10.0).problem is not None
    assert run(host, activation_timeout=10.0).problem is None
    assert host.spent == 1


@pytest.mark.parametrize("form", ["returned", "fault"])
def test_a_refused_key_is_explained_without_the_key(form: str) -> None:
    host = Host(installed=False)

    def refuse(given: t.Mapping[str, str]) -> int:
        if form == "fault":
            raise Refused(INVALID)
        return INVALID

    host.methods["SoftwareLicensingService.InstallProductKey"] = refuse
    outcome = run(host)
    assert outcome.problem is not None
    assert outcome.problem.name == "SL_E_INVALID_PRODUCT_KEY"
    assert KEY not in repr(outcome.problem) + outcome.problem.message + outcome.problem.advice
    assert [planned.step.id for planned in outcome.remaining] == ["host_key.install", "host_key.activate"]


def test_a_quota_of_winrm_keeps_its_own_advice() -> None:
    host = Host(installed=False)

    def busy(given: t.Mapping[str, str]) -> int:
        raise Refused(2150859174)

    host.methods["SoftwareLicensingService.InstallProductKey"] = busy
    outcome = run(host)
    assert outcome.problem is not None and outcome.problem.name == "winrm_quota"


def test_a_key_nobody_wants_activated_is_only_installed() -> None:
    host = Host(installed=False)
    assert done(run(host, activation="unmanaged")) == ["host_key.install"]
    assert host.spent == 0 and load_record(host) == Record()


def test_refreshing_may_fail() -> None:
    host = Host(installed=False)

    def fail(given: t.Mapping[str, str]) -> int:
        raise Refused(0x80004005)

    host.methods["SoftwareLicensingService.RefreshLicenseStatus"] = fail
    assert run(host).problem is None
    assert host.logged
