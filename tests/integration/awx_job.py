# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job of AWX without AWX: a playbook run by ansible-runner the way AWX asks for it.

As in awx/main/tasks/jobs.py of AWX: a private data dir with project, inventory and env; the values of credentials in
env/extravars, which ansible-playbook reads as `-e @file`; passwords of the machine and the vault as answers to prompts,
from memory (suppress_env_files); facts cached and events kept below artifacts. Unlike AWX no container is around it,
and ansible-runner keeps the output. Knows nothing of what is run.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

Data = dict[str, t.Any]
IDENT = "7"  # AWX numbers its jobs
PATIENCE = 600  # seconds
EXTRAVARS = "private/env/extravars"
ARTIFACTS = f"private/artifacts/{IDENT}"
VAULT_FILE = "vault.yml"
ENDS = ("runner_on_ok", "runner_on_failed", "runner_on_unreachable")
# ansible-runner of the running interpreter; the passwords come by standard input.
RUNNER = "import json, sys, ansible_runner; sys.exit(ansible_runner.run(**json.load(sys.stdin)).rc)"


@dataclasses.dataclass(frozen=True)
class Credentials:
    """What AWX injects, by way: extra variables, the login, and a vault (encrypted variables, and its password)."""

    variables: Mapping[str, str]
    password: str
    vault: Mapping[str, str]
    vault_password: str


@dataclasses.dataclass(frozen=True)
class Job:
    """A finished job. `folder` holds all that was written: `private`, the private data dir, and `around`, where home,
    temporary files, log and output are."""

    folder: Path
    returncode: int

    def events(self) -> list[Data]:
        """The job events, in their order."""
        events: list[Data] = [
            json.loads(path.read_bytes()) for path in (self.folder / ARTIFACTS / "job_events").glob("*.json")
        ]
        return sorted(events, key=lambda event: int(event["counter"]))

    def results(self) -> dict[str, list[Data]]:
        """What tasks of this collection came to, by host, in their order."""
        found: dict[str, list[Data]] = {}
        for event in self.events():
            data = event.get("event_data", {})
            if event["event"] in ENDS and str(data.get("task_action", "")).startswith("activation.kms."):
                found.setdefault(str(data["host"]), []).append(data["res"])
        return found

    def artifacts(self) -> Data:
        """What set_stats left for later jobs of a workflow."""
        (last,) = (event for event in self.events() if event["event"] == "playbook_on_stats")
        found: Data = last["event_data"]["artifact_data"]
        return found

    def said(self) -> str:
        """What AWX shows as the output."""
        return (self.folder / ARTIFACTS / "stdout").read_text(encoding="utf-8")


def run_job(
    folder: Path, plays: Sequence[Data], inventory: Mapping[str, t.Any], login: str, credentials: Credentials
) -> Job:
    """Run the plays at -vvvvv with --diff. Those that need the vault name VAULT_FILE in their vars_files."""
    _write_private_data(folder / "private", plays, inventory, credentials)
    passwords = {
        r"SSH password:\s*?$": credentials.password,
        r"Vault password:\s*?$": credentials.vault_password,
    }
    return run_prepared(
        folder, "play.yml", f"-u {login} --ask-pass --ask-vault-pass --diff -vvvvv", passwords, {}, facts=True
    )


def run_prepared(
    folder: Path,
    playbook: str,
    arguments: str,
    passwords: Mapping[str, str],
    environment: Mapping[str, str],
    *,
    facts: bool,
) -> Job:
    """Run a playbook of the project in `private`, which has an inventory and extra variables.

    Args:
        passwords: answers to prompts, by what asks for them.
        environment: more variables of the job.
        facts: whether facts are cached.
    """
    around = folder / "around"
    (around / "tmp").mkdir(parents=True)
    (around / "home").mkdir()
    asked = {
        "ident": IDENT,
        "private_data_dir": str(folder / "private"),
        "playbook": playbook,
        "inventory": str(folder / "private" / "inventory"),
        "cmdline": arguments,
        "passwords": dict(passwords),
        "envvars": {
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_LOG_PATH": str(around / "log"),
            "ANSIBLE_REMOTE_TEMP": str(around / "tmp" / "modules"),  # localhost's: "~" would be that of the account
            **environment,
        },
        "settings": {"job_timeout": PATIENCE},
        "fact_cache_type": "jsonfile" if facts else "",
        "suppress_env_files": True,
    }
    inherited = {name: value for name, value in os.environ.items() if name != "ANSIBLE_HOME"}
    inherited["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', os.defpath)}"
    inherited.update(HOME=str(around / "home"), TMPDIR=str(around / "tmp"))
    with (around / "stdout").open("wb") as out, (around / "stderr").open("wb") as err:
        done = subprocess.run(
            [sys.executable, "-c", RUNNER],
            cwd=around,
            env=inherited,
            input=json.dumps(asked).encode(),
            stdout=out,
            stderr=err,
            timeout=PATIENCE + 60,
            check=False,
        )
    return Job(folder, done.returncode)


def _write_private_data(
    private: Path, plays: Sequence[Data], inventory: Mapping[str, t.Any], credentials: Credentials
) -> None:
    for name in ("env", "inventory", "project"):
        (private / name).mkdir(mode=0o700, parents=True)
    locked = VaultLib([("default", VaultSecret(credentials.vault_password.encode()))])
    vault = locked.encrypt(json.dumps(dict(credentials.vault)))
    (private / "project" / VAULT_FILE).write_bytes(vault)
    (private / "project" / "play.yml").write_text(yaml.safe_dump(list(plays), sort_keys=False), encoding="utf-8")
    (private / "inventory" / "hosts.yml").write_text(yaml.safe_dump(dict(inventory)), encoding="utf-8")
    (private / "env" / "extravars").write_text(yaml.safe_dump(dict(credentials.variables)), encoding="utf-8")
