# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restart counts once it has happened and is over, and never before."""

from __future__ import annotations

import datetime as dt
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, Unreachable
from ansible_collections.activation.kms.plugins.plugin_utils._windows.restart import (
    RestartOptions,
    restart,
    wait_for_restart,
)
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import moment_text
from ansible_collections.activation.kms.plugins.plugin_utils._world import NoAnswer
from ansible_collections.activation.kms.tests.unit.windows.small_windows import Refused, SmallWindows, lost_after

BOOT = dt.datetime(2026, 3, 1, 6, tzinfo=dt.timezone.utc)
OLD, NEW = BOOT, BOOT + dt.timedelta(hours=3)
OPTIONS = RestartOptions(timeout=600.0)
SHUTDOWN = "Win32_OperatingSystem.Win32Shutdown"


class Host(SmallWindows):
    """Shows a story: what the host answers from which second after the request on (None: nothing)."""

    def __init__(self, story: dict[float, dt.datetime | None], returns: int = 0) -> None:
        super().__init__()
        self.story = story
        self.asked_at: float | None = None
        self.lines: list[str] = []
        self.classes["Win32_OperatingSystem"] = lambda: [{"LastBootUpTime": moment_text(self.boot() or OLD)}]
        self.methods[SHUTDOWN] = self._shut_down(returns)
        self.programs.append((r"^shutdown\.exe ", self._run_shutdown))
        self.before = self._away

    def boot(self) -> dt.datetime | None:
        if self.asked_at is None:
            return OLD
        passed = self.clock - self.asked_at
        return [boot for second, boot in sorted(self.story.items()) if second <= passed][-1]

    def _away(self, word: str) -> None:
        if self.boot() is None:
            raise NoAnswer("the connection was refused", sent=False)

    def _shut_down(self, returns: int) -> t.Callable[[t.Mapping[str, str]], int]:
        def do(given: t.Mapping[str, str]) -> int:
            assert given["Flags"] == "6"
            if returns in (0, 1115):
                self.asked_at = self.clock
            return returns

        return do

    def _run_shutdown(self, line: str) -> int:
        self.lines.append(line)
        self.asked_at = self.clock
        return 0


ORDINARY: dict[float, dt.datetime | None] = {0: OLD, 20: None, 120: NEW}
FLAPPING: dict[float, dt.datetime | None] = {0: OLD, 20: None, 100: NEW, 105: None, 150: NEW, 154: None, 200: NEW}


@pytest.mark.parametrize(
    ("story", "earliest"),
    [
        (ORDINARY, 126),
        ({0: OLD, 30: NEW}, 36),
        (FLAPPING, 206),
        ({0: OLD, 20: None, 100: OLD, 110: NEW}, 116),
        ({0: OLD, 20: None, 100: BOOT + dt.timedelta(seconds=2), 200: NEW}, 206),
        ({0: OLD, 5: NEW, 8: OLD, 11: NEW, 14: OLD, 17: NEW, 20: OLD, 40: None, 120: NEW}, 126),
    ],
    ids=["ordinary", "never away", "flapping", "still going down", "a corrected clock", "a clock that jumps"],
)
def test_a_restart_is_over_after_several_good_reads_in_a_row(
    story: dict[float, dt.datetime | None], earliest: float
) -> None:
    host = Host(story)
    restart(host, OLD, OPTIONS)
    assert host.asked_at is not None
    assert earliest - 0.1 <= host.clock - host.asked_at <= earliest + 12
    assert host.deeds.count(SHUTDOWN) == 1


def test_sessions_are_forgotten_while_the_host_is_away() -> None:
    host = Host(ORDINARY)
    restart(host, OLD, OPTIONS)
    assert host.disconnected > 5


def test_it_is_not_over_before_it_is_ready() -> None:
    host = Host(ORDINARY)
    asked: list[float] = []

    def ready(world: t.Any) -> bool:
        asked.append(world.clock)
        if len(asked) == 2:
            raise Unreachable("gone again", name="unreachable")
        return len(asked) > 4

    restart(host, OLD, OPTIONS, ready)
    assert len(asked) == 5


@pytest.mark.parametrize(
    ("story", "ready", "name", "words"),
    [
        ({0: OLD}, True, "restart_not_seen", "still shows the old boot time"),
        ({0: OLD, 20: None}, True, "restart_not_seen", "no answer from WinRM"),
        (ORDINARY, False, "restart_not_ready", "licensing service does not answer"),
        ({0: OLD, 20: None, 100: NEW, 104: None}, True, "restart_not_ready", "no answer from WinRM"),
    ],
)
def test_a_restart_that_is_not_over_in_time(
    story: dict[float, dt.datetime | None], ready: bool, name: str, words: str
) -> None:
    host = Host(story)
    with pytest.raises(Failure, match=words) as caught:
        restart(host, OLD, RestartOptions(timeout=200.0), lambda world: ready)
    assert caught.value.name == name
    assert "raise reboot_timeout" in caught.value.message and "kms01" in caught.value.message
    assert host.asked_at is not None and 200 <= host.clock - host.asked_at <= 215


def test_a_lost_answer_is_as_good_as_a_yes() -> None:
    host = Host(ORDINARY)
    host.after = lost_after(SHUTDOWN)
    restart(host, OLD, OPTIONS)
    assert host.deeds.count(SHUTDOWN) == 1
    assert host.lines == []


@pytest.mark.parametrize("form", ["returned", "fault"])
@pytest.mark.parametrize("code", [1314, 0x80041062])
def test_where_wmi_may_not_shutdown_exe_is_asked(form: str, code: int) -> None:
    host = Host(ORDINARY, returns=code)
    if form == "fault":

        def refuse(given: t.Mapping[str, str]) -> int:
            raise Refused(code)

        host.methods[SHUTDOWN] = refuse
    restart(host, OLD, OPTIONS)
    assert len(host.lines) == 1
    assert host.lines[0].startswith("shutdown.exe /r /f /t 2 /c ")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (RestartOptions(delay=60), 'shutdown.exe /r /f /t 60 /c "activation.kms: KMS updates take effect" /d p:4:2'),
        (RestartOptions(delay=0), 'shutdown.exe /r /f /t 2 /c "activation.kms: KMS updates take effect" /d p:4:2'),
        (RestartOptions(reason='the "big" one'), "shutdown.exe /r /f /t 2 /c \"the 'big' one\" /d p:4:2"),
    ],
)
def test_a_delay_or_a_reason_means_shutdown_exe(options: RestartOptions, line: str) -> None:
    host = Host(ORDINARY)
    restart(host, OLD, options)
    assert host.lines == [line]
    assert SHUTDOWN not in host.deeds


def test_a_delay_is_waited_for_beside_the_timeout() -> None:
    host = Host({0: OLD, 500: None, 650: NEW})
    restart(host, OLD, RestartOptions(timeout=200.0, delay=500))


@pytest.mark.parametrize("code", [1191, 5])
def test_a_host_that_refuses_to_restart(code: int) -> None:
    host = Host(ORDINARY, returns=code)
    with pytest.raises(Failure, match="refuses to restart") as caught:
        restart(host, OLD, OPTIONS)
    assert (caught.value.name, caught.value.code) == ("restart_refused", str(code))
    assert host.clock == 1000.0


def test_a_restart_that_somebody_else_began_is_waited_for() -> None:
    host = Host(ORDINARY, returns=1115)
    restart(host, OLD, OPTIONS)
    assert host.lines == []


def test_a_restart_that_an_installer_began_is_waited_for_without_asking() -> None:
    host = Host(ORDINARY)
    host.asked_at = host.clock
    wait_for_restart(host, OLD, OPTIONS, lambda world: True)
    assert host.deeds == []
