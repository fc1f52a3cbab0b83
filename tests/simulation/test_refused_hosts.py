# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts as no seed finds them, and wishes no seed has: refused by name before anything is touched.

Where the host is what is wrong, somebody puts it right, and the same rollout converges.
"""

from __future__ import annotations

import pathlib
import typing as t
from collections.abc import Callable

import pytest
from invariants import check_nothing_touched, check_run
from personas import PERSONAS
from rollout import Options, run, wish_of
from simulated import Surroundings, surroundings
from whole import whole

from emulated_windows.cmd.job import Job
from emulated_windows.core import HostOptions

OLD = "server-2003-sp2-x86"
RECORD = r"SOFTWARE\activation.kms"
_TEXT = 1  # REG_SZ


def at(persona: str) -> Surroundings:
    """A bare host."""
    return surroundings(HostOptions(name="kms03", persona=persona))


def typed(around: Surroundings, line: str) -> None:
    """Somebody types a command at the host."""
    machine = around.machine.machine
    job = Job(machine, line, direct=False, parent=4, folder="C:\\")
    assert job.ending is not None and job.ending.code == 0, line


def winrm(mode: str) -> Callable[[Surroundings], None]:
    """How WinRM starts."""

    def change(around: Surroundings) -> None:
        service = around.machine.machine.services.get("WinRM")
        assert service is not None
        service.mode = mode

    return change


def unreadable_record(around: Surroundings) -> None:
    """Somebody has edited our record by hand."""
    around.machine.machine.registry.write(RECORD, "record", _TEXT, '{"draining_until": ')


def no_record(around: Surroundings) -> None:
    """And takes it away."""
    around.machine.machine.registry.remove(RECORD)


def foreign_entry(around: Surroundings) -> None:
    """Somebody has opened the port for one network, under a name of his own."""
    typed(around, 'netsh firewall set portopening TCP 1688 "Ours" ENABLE CUSTOM 192.0.2.0/24')


def no_entry(around: Surroundings) -> None:
    """And closes it."""
    typed(around, "netsh firewall delete portopening TCP 1688")


HOSTS = {
    "winrm_not_automatic": (winrm("Manual"), winrm("Auto")),
    "record_unreadable": (unreadable_record, no_record),
    "foreign_firewall_entry": (foreign_entry, no_entry),
}
"""By the name of the refusal: what is wrong with the host, and how somebody puts it right."""
WISHES: tuple[tuple[str, str, Options], ...] = (
    ("serve_impossible", OLD, {"serve": ["windows_11"], "key_group": None}),
    ("ipv6_not_supported", OLD, {"firewall_remote_addresses": ["2001:db8::/32"]}),
    ("too_many_networks", OLD, {"firewall_remote_addresses": [f"10.{n // 256}.{n % 256}.0/25" for n in range(600)]}),
    ("package_checksum", OLD, {"package_checksums": {"kms_1_2": "sha256:" + 64 * "0"}}),
)
"""The name of the refusal, the persona, and what is wished of it."""


def check_refused(around: Surroundings, packages: pathlib.Path, options: Options, name: str) -> None:
    """In check mode and without, and nothing is touched."""
    before = whole(around)
    for check in (True, False):
        refused = run(around, packages, options, check=check)
        assert (refused.name, refused.outcome) == (name, None), refused.story
        check_run(around, refused, refused.story)
        check_nothing_touched(before, around, refused.story)


@pytest.mark.parametrize("name", HOSTS)
def test_a_host_that_is_refused_until_somebody_puts_it_right(name: str, packages: pathlib.Path) -> None:
    around, (spoil, mend) = at(OLD), HOSTS[name]
    options = wish_of(PERSONAS[OLD], packages)
    spoil(around)
    check_refused(around, packages, options, name)
    mend(around)
    done = run(around, packages, options)
    assert done.converged, done.story


@pytest.mark.parametrize(("name", "persona", "changes"), WISHES)
def test_a_wish_the_host_cannot_fulfil(
    name: str, persona: str, changes: dict[str, t.Any], packages: pathlib.Path
) -> None:
    check_refused(at(persona), packages, wish_of(PERSONAS[persona], packages, **changes), name)
