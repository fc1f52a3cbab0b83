# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on the wire: rollouts by real ansible-playbook over real sockets, each host with one fault of its own.

Knows the kinds of faults, where they hit, and how a host is judged: by the machine, after its run and at most one more.
Refuses to know how many of each kind are wanted; the table and the tests say so.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from estate import Data, Estate, Run, host_options, one_task, serving
from personas import PERSONAS

_LETTERS = "BCDFGHJKMPQRTVWXY2346789"
_PERSONAS = ("server-2003-sp2-x86", "server-2008-r2-sp1", "server-2022")
_PIECES = 5  # of a package are sent before the controller is killed

# The fault and where it hits; a rollout is about 200 requests on Server 2003, 110 where no package is copied. The
# numbers lie in the first reads, the copying, the installation, the wait for the restart, the key and the firewall.
INJECTED: Mapping[str, Sequence[tuple[str, ...]]] = {
    "dropped connection": (("drop", "30"), ("reset", "75"), ("drop", "60"), ("reset", "4"), ("drop", "125")),
    "stale encryption (400)": (("stale", "40"), ("stale", "20"), ("stale", "60"), ("stale", "100"), ("stale", "3")),
    "quota": (("quota-shells", "1"), ("quota", "30"), ("quota-user", "50"), ("quota-system", "90"), ("quota", "5")),
    "WinRM flaps after boot": (("flap", "3"), ("flap", "1"), ("flap", "2"), ("flap", "4"), ("flap", "5")),
    "slow restart": tuple(("slow-boot", seconds) for seconds in ("4", "15", "8", "2", "20")),
    "unknown outcome": (
        ("drop-answer", "40"),
        ("time-out", "52"),
        ("drop-answer", "75"),
        ("drop-answer", "130"),
        ("time-out", "100"),
    ),
}  # fmt: skip
_WITH_RESTART = ("WinRM flaps after boot", "slow restart")
_HITS_ONCE = ("quota-shells",)  # its number counts shells, not requests
KILLED: Mapping[str, Callable[[Data], bool]] = {
    "killed in a copy": lambda entry: entry["resource"].lower() == "send",
    "killed in an installation": lambda entry: "/norestart" in entry["method"],
    "killed in an activation": lambda entry: bool(entry["method"] == "Activate"),
}
"""Requests of which the last is seen when the controller is killed."""
KINDS = (*INJECTED, *KILLED)


@dataclasses.dataclass(frozen=True)
class Case:
    """One host and its fault."""

    kind: str
    host: str
    persona: str
    key: str
    fault: tuple[str, ...] = ()

    @property
    def settings(self) -> Data:
        """Of the host, in the words of ESTATE.yml. What is to be killed takes its time."""
        if self.kind == "killed in an activation":
            # A host that needs no restart. Its durations follow boot_seconds: eight seconds to activate.
            return {"persona": "server-2022", "boot_seconds": 120, "dials": {"auto_activation": "off"}}
        slow = {"boot_seconds": 10} if self.kind == "killed in an installation" else {}
        return {"persona": self.persona, **slow}

    @property
    def wish(self) -> Data:
        """What this host is to become."""
        wanted = PERSONAS[str(self.settings["persona"])]
        return {"serve": wanted.serve, "key_group": wanted.key_group, "product_key": self.key}


@dataclasses.dataclass(frozen=True)
class Told:
    """What came of it.

    Attributes:
        met: whether the fault was met.
        first: whether the run with the fault had converged the host already.
        survived: whether it has converged after at most one more, and a last one has nothing to do.
        spent: activations of its key.
        why: what the machine lacks, or the message of a run that failed.
    """

    case: Case
    met: bool
    first: bool
    survived: bool
    spent: int
    why: str


def cases(handful: int, kinds: Sequence[str] = KINDS) -> list[Case]:
    """So many hosts of each kind."""
    found = []
    for kind in kinds:
        personas = _PERSONAS if kind not in _WITH_RESTART and kind not in KILLED else _PERSONAS[:2]
        for number in range(handful):
            count = len(found)
            key = f"BCDFG-HJKMP-QRTVW-XY234-BBB{_LETTERS[count // 24]}{_LETTERS[count % 24]}"
            fault = INJECTED[kind][number % len(INJECTED[kind])] if kind in INJECTED else ()
            found.append(Case(kind, f"kms{count + 1:02d}", personas[number % len(personas)], key, fault))
    return found


def inject(folder: Path, wanted: Sequence[Case]) -> list[Told]:
    """Play it: the run with the fault, one more for everybody, and a last one that has nothing to do."""
    keys = {case.key: PERSONAS[str(case.settings["persona"])].key_group for case in wanted}
    with serving(folder, {case.host: case.settings for case in wanted}, host_keys=keys) as estate:
        packages = estate.packages("--pad", "1")
        inventory = estate.inventory()
        for case in wanted:
            inventory["all"]["children"]["kms_hosts"]["hosts"][case.host]["wish"] = case.wish

        def start(hosts: Sequence[Case]) -> Run:
            options = {**host_options(packages), **{name: f"{{{{ wish.{name} }}}}" for name in wanted[0].wish}}
            return estate.start([one_task([case.host for case in hosts], "host", options)], inventory=inventory)

        injected = [case for case in wanted if case.fault]
        for case in injected:
            estate.fault(case.host, *case.fault)
        results = start(injected).finish().results["r_it"] if injected else {}
        for case in wanted:
            if not case.fault:
                _kill(estate, case, start([case]))
        first = {case.host: estate.show(case.host) for case in wanted}
        met = {case.host: _met(estate, case) for case in wanted}
        second = start(wanted).finish().results["r_it"]
        last = start(wanted).finish().results["r_it"]
        return [
            _told(case, met[case.host], first[case.host], estate.show(case.host),
                  [results.get(case.host, {}), second[case.host], last[case.host]])
            for case in wanted
        ]  # fmt: skip


def _kill(estate: Estate, case: Case, run: Run) -> None:
    """kill -9 as soon as the request is seen."""
    sign = KILLED[case.kind]
    wanted = _PIECES if case.kind == "killed in a copy" else 1
    estate.wait_for(lambda: sum(map(sign, estate.journal(case.host))) >= wanted, case.kind)
    run.kill()
    if case.kind == "killed in an installation":  # the installer goes on without us, and suffers no other beside it
        estate.wait_for(lambda: not _installers(estate.show(case.host)), "the installer's end")


def _installers(state: Data) -> list[str]:
    """What runs of an installation; the host of the remote shell stays until WinRM ends it."""
    return [one["name"] for one in state["processes"] if "/norestart" in one["command_line"]]


def _met(estate: Estate, case: Case) -> bool:
    """Whether there were as many requests as it waited for, or a restart."""
    if not case.fault or case.fault[0] in _HITS_ONCE:
        return True
    if case.kind in _WITH_RESTART:
        return bool(estate.show(case.host)["boot_count"] > 1)
    return sum(entry["host"] == case.host for entry in estate.exchanges()) >= int(case.fault[1])


def _told(case: Case, met: bool, first: Data, after: Data, results: Sequence[Data]) -> Told:
    lacks = _lacks(case, after)
    failed = [str(result["msg"]) for result in results[1:] if result.get("failed") or result.get("unreachable")]
    busy = [f"the last run changed {result['plan']}" for result in results[2:] if result.get("changed")]
    spent = after["activations_spent"].get(case.key[-5:], 0)
    why = [*lacks, *failed, *busy]
    clean = not (results[0].get("failed") or results[0].get("unreachable")) and bool(results[0])
    return Told(case, met, clean and not _lacks(case, first), not why, spent, "; ".join(why))


def _lacks(case: Case, state: Data) -> list[str]:
    """What is not as it shall be. A shell that a killed controller left is WinRM's to end (its idle time-out)."""
    last = case.key[-5:]
    status = [one["license_status"] for one in state["products"] if one["partial_product_key"] == last]
    shells = state["shells_open"] if case.fault else 0
    judged = {
        "not activated": status == [1],
        "port closed": 1688 in [one["port"] for one in state["open_ports"] if one["enabled"]],
        "files or jobs left": not (state["files_left"] or state["processes"]),
        "shells left": shells == 0,
        "more than one activation": state["activations_spent"] in ({}, {last: 1}),
    }
    return [text for text, fine in judged.items() if not fine]


def table(told: Sequence[Told]) -> list[list[str]]:
    """A row a kind."""
    rows = [["fault", "injected", "met", "converged at once", "survived", "activations spent"]]
    for kind in dict.fromkeys(one.case.kind for one in told):
        of = [one for one in told if one.case.kind == kind]
        spent = sorted({one.spent for one in of})
        numbers: list[t.Any] = [len(of), sum(one.met for one in of), sum(one.first for one in of)]
        numbers += [sum(one.survived for one in of), " to ".join(map(str, dict.fromkeys((spent[0], spent[-1]))))]
        rows.append([kind, *map(str, numbers)])
    return rows
