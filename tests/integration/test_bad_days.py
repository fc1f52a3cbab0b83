# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates that do not install, on every kind of Windows and in three languages; and what a restart would meet.

One estate, three days. On the first everything goes wrong that can; on the second its cause is gone and the same play
goes on where it stopped; on the third nothing is left to do. Judged are the messages as a new administrator reads them,
`done` and `remaining`, and the machines themselves.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Iterator, Mapping

import pytest
import sentences
from estate import Data, Estate, host_options, one_task, serving
from personas import PERSONAS

pytestmark = pytest.mark.once

_LETTERS = "BCDFGHJKMPQRTVWXY2346789"


@dataclasses.dataclass(frozen=True)
class Trouble:
    """A host and its bad day.

    Attributes:
        persona: its Windows; tests/personas.yml says what it is to become.
        fault: what goes wrong, in the words of `emulated-windows fault`; none where all goes well.
        name, code: of the error.
        says: what the sentence must name.
        done: the updates that were installed before it.
        settings: more of the host, in the words of ESTATE.yml.
        options: more of the wish.
    """

    persona: str
    fault: tuple[str, ...] = ()
    name: str = ""
    code: str | None = None
    says: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    settings: Data = dataclasses.field(default_factory=dict)
    options: Data = dataclasses.field(default_factory=dict)

    @property
    def language(self) -> str:
        """Of its Windows."""
        return str(self.settings.get("language", "ENU"))


GERMAN, JAPANESE = {"language": "DEU"}, {"language": "JPN"}
TROUBLES: Mapping[str, Trouble] = {
    # Update.exe. The language of the package is what it complains of; the log is in the language of the host.
    "exit03": Trouble(
        "server-2003-sp2-x86", ("installer-exit", "0xF0DA"), "installer_failed", "0xF0DA",
        ("61658 (0xF0DA)", "language, architecture or service pack", r"C:\WINDOWS\KMS-KB968915.log",
         "which ends: ", "Update.exe exit code = 0xf0da"),
        settings={**GERMAN, "start": "kms_1_0"},
    ),
    # The disk is full when the second package comes: the first stays, and what remains begins with the second.
    "half03": Trouble(
        "server-2003-sp2-x86", ("disk-full", "4"), "copy_failed", "1",
        ("kms_1_2.exe.b64", "exit code 1", "free space", "run the play again"), done=("kms_1_0",), settings=JAPANESE,
    ),
    # pkgmgr of 6.0.
    "pkgmgr08": Trouble(
        "server-2008-sp2", ("installer-exit", "0x80070490"), "installer_failed", "0x80070490",
        ("(0x80070490)", r"look at C:\Windows\KMS-KB968912.log", "HRESULT = 0x80070490"), settings=JAPANESE,
    ),
    "full08": Trouble(
        "server-2008-sp2", ("disk-full", "8"), "disk_full", "0x80070070", ("the disk is full", "make room"),
    ),
    "hang08": Trouble(
        "server-2008-sp2", ("installer-hang",), "command_timeout", None,
        ("within 15 seconds (install_timeout)", "was terminated", r"C:\Windows\KMS-KB968912.log", "it ends: "),
        options={"install_timeout": 15},
    ),
    # dism.
    "other7": Trouble(
        "windows-7-sp1", ("installer-exit", "0x800f081e"), "update_not_applicable", "0x800F081E",
        ("does not apply to this Windows", "architecture", "HRESULT = 0x800f081e"), settings=GERMAN,
    ),
    "later12r2": Trouble(
        "server-2012-r2", ("installer-exit", "0x800f081e"), "update_not_applicable", "0x800F081E",
        ("later rollup", "accepted_updates", "KB2919355"), settings=JAPANESE,
    ),
    "there12": Trouble(
        "server-2012", ("installer-exit", "0x00240006"), "update_not_registered", "0x240006",
        ("installed already", "KB3172615 is not registered", "accepted_updates", "restart the host"),
    ),
    "hang12r2": Trouble(
        "server-2012-r2", ("installer-hang",), "command_timeout", None,
        ("within 15 seconds (install_timeout)", "Waiting for TrustedInstaller"), options={"install_timeout": 15},
    ),
    # The same disk, full a little later each time.
    "copy08r2": Trouble(
        "server-2008-r2-sp1", ("disk-full", "2"), "disk_full", "0x80070070",
        ("kb3079821.msu", "exit code 0x80070070", "free space"), settings=GERMAN,
    ),
    "room08r2": Trouble(
        "server-2008-r2-sp1", ("disk-full", "4"), "package_unpack", "1",
        ("could not be unpacked", "exit code 1", "make room"), settings=JAPANESE,
    ),
}  # fmt: skip
WELL: Mapping[str, Trouble] = {
    "de03": Trouble("server-2003-sp2-x86", settings=GERMAN),
    "jp16": Trouble("server-2016", settings=JAPANESE),
    "de25": Trouble("server-2025", settings=GERMAN),
}
CARE: Mapping[str, Trouble] = {
    "busy03": Trouble(
        "server-2003-sp2-x86",
        settings={
            "sessions": ["interactive", "remote"],
            "domain_controller": True,
            "dials": {"foreign_windows_update": "pending", "pending_renames": "unrelated"},
        },
        options={"reboot": False},
    ),
    "busy12": Trouble(
        "server-2012",
        settings={
            "sessions": ["remote"],
            "cluster": True,
            "dials": {"foreign_windows_update": "pending", "foreign_servicing": "pending"},
        },
        options={"reboot": False},
    ),
}
"""Hosts that may not restart on the first day, and are told what the restart would meet."""
HOSTS = {**TROUBLES, **WELL, **CARE}
KEYS = {name: f"BCDFG-HJKMP-QRTVW-XY234-BBBB{letter}" for name, letter in zip(HOSTS, _LETTERS, strict=False)}
"""A key each: the emulated Microsoft takes a key from six hosts at most, as the real one does."""


@dataclasses.dataclass(frozen=True)
class Days:
    """Results by host of each day, the machines after it, and the requests of the last that could change one."""

    results: tuple[Data, Data, Data]
    states: tuple[Data, Data, Data]
    mutations: list[Data]


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    hosts = {name: {"persona": one.persona, **one.settings} for name, one in HOSTS.items()}
    keys = {KEYS[name]: PERSONAS[one.persona].key_group for name, one in HOSTS.items()}
    with serving(tmp_path_factory.mktemp("bad-days"), hosts, host_keys=keys) as estate:
        for name, one in TROUBLES.items():
            estate.fault(name, *one.fault)
        results, states = [], []
        for day in range(3):
            earlier = len(estate.mutations())
            played = estate.play([one_task(list(HOSTS), "host", WISH)], inventory=inventory(estate, day))
            results.append(played.results["r_it"])
            states.append(json.loads(estate.command("show", str(estate.file))))
            for name in TROUBLES if not day else ():
                estate.fault(name, "clear")
        yield Days(
            (results[0], results[1], results[2]), (states[0], states[1], states[2]), estate.mutations()[earlier:]
        )


_OF_EACH = ("serve", "packages", "product_key", "key_group", "reboot", "install_timeout")
WISH = {**host_options(pathlib.Path()), **{name: f"{{{{ wish.{name} }}}}" for name in _OF_EACH}}


def inventory(estate: Estate, day: int) -> Data:
    """The estate's, with what each host is to become. On the first day not everybody may restart."""
    tree = estate.inventory()
    for name, one in HOSTS.items():
        wanted = PERSONAS[one.persona]
        tree["all"]["children"]["kms_hosts"]["hosts"][name]["wish"] = {
            "serve": wanted.serve,
            "key_group": wanted.key_group,
            "product_key": KEYS[name],
            "packages": str(estate.packages("--language", one.language)),
            "reboot": True,
            "install_timeout": 600,
            **(one.options if not day else {}),
        }
    return tree


def updates_of(persona: str) -> list[str]:
    return [f"host_update.{name}" for name in PERSONAS[persona].updates]


def ids(steps: list[Data]) -> list[str]:
    return [step["id"] for step in steps]


@pytest.mark.parametrize("host", TROUBLES)
def test_what_went_wrong_is_one_sentence(days: Days, host: str) -> None:
    result, trouble = days.results[0][host], TROUBLES[host]
    assert result["failed"] and not result.get("unreachable")
    assert (result["error"]["name"], result["error"].get("code")) == (trouble.name, trouble.code), result["msg"]
    assert result["error"]["advice"]
    sentences.judge(result["msg"], host, trouble.says)


@pytest.mark.parametrize("host", TROUBLES)
def test_it_says_what_was_done_and_what_remains(days: Days, host: str) -> None:
    result, trouble = days.results[0][host], TROUBLES[host]
    done = [f"host_update.{name}" for name in trouble.done]
    cut_off = trouble.name == "command_timeout"  # nobody knows what it has changed
    assert ids(result["done"]) == done and result["changed"] == (bool(done) or cut_off)
    assert ids(result["remaining"]) == ids(result["plan"])[len(done) :]


@pytest.mark.parametrize("host", TROUBLES)
def test_nothing_is_left_behind(days: Days, host: str) -> None:
    state, trouble = days.states[0][host], TROUBLES[host]
    assert state["files_left"] == [] and state["shells_open"] == 0 and state["processes"] == []
    assert state["boot_count"] == 1 and state["activations_spent"] == {}
    assert state["restart_pending"] == bool(trouble.done)


@pytest.mark.parametrize("host", WELL)
def test_other_languages_go_through_at_once(days: Days, host: str) -> None:
    assert not days.results[0][host]["failed"] and days.results[0][host]["changed"]
    converged(days.states[0][host], host)


@pytest.mark.parametrize("host", CARE)
def test_what_the_restart_would_meet_is_said_and_waited_for(days: Days, host: str) -> None:
    result, state, busy = days.results[0][host], days.states[0][host], CARE[host].settings
    assert not result["failed"] and result["reboot_required"] and state["boot_count"] == 1
    care, said = result["observed"]["restart_care"], " ".join(result["warnings"])
    assert care["winrm_start_mode"] == "Auto"
    assert care["sessions"] == len(busy["sessions"]) and f"has {care['sessions']} interactive log-on session" in said
    assert care["cluster"] == bool(busy.get("cluster")) == ("failover cluster" in said)
    assert care["domain_controller"] == bool(busy.get("domain_controller")) == ("is a domain controller" in said)
    assert care["pending"] and all(sign in said for sign in care["pending"])
    assert "host_key.install" in ids(result["remaining"])


@pytest.mark.parametrize("host", HOSTS)
def test_the_day_after_everybody_goes_on_and_converges(days: Days, host: str) -> None:
    result = days.results[1][host]
    assert not result["failed"] and not result.get("unreachable"), result["msg"]
    remained = ids(days.results[0][host]["remaining"]) if host not in WELL else []
    assert ids(result["plan"]) == ["host_reboot.restart"] * (host in CARE) + remained
    converged(days.states[1][host], host)


@pytest.mark.parametrize("host", HOSTS)
def test_then_there_is_nothing_left_to_do(days: Days, host: str) -> None:
    result = days.results[2][host]
    assert not result["failed"] and not result["changed"] and result["plan"] == []
    assert [entry for entry in days.mutations if entry["host"] == host] == []


def converged(state: Data, host: str) -> None:
    """What tests/personas.yml says, by the machine itself: one activation, one restart, nothing lying about."""
    wanted = PERSONAS[HOSTS[host].persona]
    last = KEYS[host][-5:]
    licensed = [one["license_status"] for one in state["products"] if one["partial_product_key"] == last]
    assert licensed == [1] and state["activations_spent"] == {last: 1}
    assert set(wanted.updates) <= set(state["updates"])
    assert state["boot_count"] == 1 + wanted.restarts and not state["restart_pending"]
    assert state["files_left"] == [] and state["shells_open"] == 0 and state["processes"] == []
    assert 1688 in [entry["port"] for entry in state["open_ports"] if entry["enabled"]]
