# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts as an action plugin runs them, without Ansible's process around them."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

from personas import Wanted
from simulated import HOST_KEY, ZONE, Fault, Killed, SimulatedWorld, Surroundings

from ansible_collections.activation.kms.plugins.action import host, host_key, host_reboot, host_update
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.action import KmsAction
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.audit import AuditLog
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.options import Specification, validate
from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Problem
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Scrubber

Options = dict[str, t.Any]
Faults = t.Mapping[int, Fault] | None
Doors = t.Callable[[Surroundings, t.Mapping[str, str], Faults], SimulatedWorld]


def wish(folder: pathlib.Path, **changes: t.Any) -> Options:
    """The rollout of the README."""
    options: Options = {
        "serve": ["windows_7", "server_2008_r2"],
        "packages": str(folder),
        "reboot": True,
        "product_key": HOST_KEY,
        "key_group": "server_2008_r2_c",
        "port": 1688,
        "firewall": "open",
        "firewall_remote_addresses": ["10.0.0.0/8"],
        "publish": [{"zone": ZONE, "server": "127.0.0.1"}],
    }
    options.update(changes)
    return {name: value for name, value in options.items() if value is not None}


def wish_of(wanted: Wanted, folder: pathlib.Path, **changes: t.Any) -> Options:
    """The same for a persona as tests/personas.yml has it. KMS 1.0 for x64 lies in a folder of its own."""
    chosen: Options = {"serve": wanted.serve, "product_key": wanted.key, "key_group": wanted.key_group}
    if wanted.x64_chain:
        chosen["package_files"] = {"kms_1_0": str(folder / "x64" / "Kmsw2k3.exe")}
    return wish(folder, **{**chosen, **changes})


@dataclasses.dataclass
class Run:
    """One controller's run. `outcome` is None when it was killed or refused; `refusal` says why."""

    outcome: Outcome | None
    refusal: Problem | None
    killed: bool
    world: SimulatedWorld

    @property
    def converged(self) -> bool:
        """Whether it came to its end with nothing left to do, and nothing awaited."""
        found = self.outcome
        return found is not None and found.problem is None and not (found.remaining or found.pauses)

    @property
    def code(self) -> str | None:
        """The number with which it failed."""
        return self.outcome.problem.code if self.outcome is not None and self.outcome.problem is not None else None

    @property
    def problem(self) -> Problem | None:
        """What it was refused for, or failed with."""
        return self.refusal if self.outcome is None else self.outcome.problem

    @property
    def name(self) -> str | None:
        """The name of that."""
        return None if self.problem is None else self.problem.name

    @property
    def done(self) -> list[str]:
        """The steps it carried out."""
        return [] if self.outcome is None else [planned.step.id for planned in self.outcome.done]

    @property
    def story(self) -> str:
        """For the message of a failed check."""
        if self.outcome is None:
            return "killed" if self.killed else f"refused: {self.refusal}"
        return f"done {self.done}, problem {self.outcome.problem}, faults {self.world.met}"


class _Connection:
    """What the action plugin asks of Ansible's connection."""

    def get_option(self, name: str) -> str:
        return "127.0.0.1"


class _Found:
    """Controller files are where they are said to be: there is no playbook to look beside."""

    _connection = _Connection()

    def _find_folder(self, path: str) -> str:
        return path

    def _find_files(self, paths: t.Mapping[str, t.Any]) -> dict[str, str]:
        return {name: str(path) for name, path in paths.items()}


class _HostAction(_Found, host.ActionModule):
    """The action plugin without Ansible's process around it."""


class _UpdateAction(_Found, host_update.ActionModule):
    """The same, of the module that only installs updates."""


def update(around: Surroundings, files: t.Mapping[str, pathlib.Path], serve: t.Collection[str]) -> Run:
    """One controller runs the module `host_update` once, with these files in its packages folder."""
    options = {"serve": list(serve), "packages": str(next((file.parent for file in files.values()), ""))}
    there = {name: str(file) for name, file in files.items()}
    return _run(around, there, _UpdateAction, host_update.SPECIFICATION, options, None, False)


def restart(around: Surroundings) -> Run:
    """Somebody follows the advice and restarts the host, with host_reboot and `if_pending: false`."""
    return _run(around, {}, host_reboot.ActionModule, host_reboot.SPECIFICATION, {"if_pending": False}, None, False)


def run(
    around: Surroundings,
    folder: pathlib.Path,
    options: Options,
    faults: Faults = None,
    check: bool = False,
    doors: Doors = SimulatedWorld,
) -> Run:
    """One controller runs the module `host` once."""
    files = {item.name: str(item) for item in folder.iterdir()}
    return _run(around, files, _HostAction, host.SPECIFICATION, options, faults, check, doors)


def key_run(
    around: Surroundings, options: Options, faults: Faults = None, check: bool = False, doors: Doors = SimulatedWorld
) -> Run:
    """One controller runs the module `host_key` once."""
    return _run(around, {}, host_key.ActionModule, host_key.SPECIFICATION, options, faults, check, doors)


def _run(
    around: Surroundings,
    files: dict[str, str],
    action: type[KmsAction],
    specification: Specification,
    options: Options,
    faults: Faults,
    check: bool,
    doors: Doors = SimulatedWorld,
) -> Run:
    world = doors(around, files, faults)
    try:
        job = action.__new__(action)._job(validate(specification, options, "activation.kms"), t.cast(t.Any, world))
        audit = AuditLog(world, "audit.jsonl", {"host": world.host}, Scrubber())
        return Run(converge(world, job.resources, job.readers, check=check, audit=audit), None, False, world)
    except Problem as problem:
        return Run(None, problem, False, world)
    except Killed:
        return Run(None, None, True, world)
