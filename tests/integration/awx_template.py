# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job template of playbooks/awx, launched as AWX does it: the project synced, credentials injected, the inventory
sliced.

As in AWX: awx/playbooks/project_update.yml (a clone of git, then ansible-galaxy in it), inject_credential of
awx/main/models/credential.py (a sandbox of Jinja; files, variables of the environment, and extra variables marked
!unsafe in a file of env that is named on the command line), Inventory.get_sliced_hosts (every n-th host by name), and
SurveyJobTemplateMixin (a question without a default leaves its variable alone). Knows nothing of KMS.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from awx_job import Data, Job, run_prepared
from build_tree import ROOT, checkout_files
from jinja2.sandbox import ImmutableSandboxedEnvironment

AWX = ROOT / "playbooks" / "awx" / "vars"
COLLECTIONS = "requirements_collections"


class _Loader(yaml.SafeLoader):
    """Takes AWX's templates as they are."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(t.cast(yaml.ScalarNode, node)))


class _Dumper(yaml.SafeDumper):
    """Marks every text !unsafe, so that Ansible takes it for no template."""


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("!unsafe", text))


def load(name: str) -> Data:
    """The variables of a file of playbooks/awx/vars."""
    found: Data = yaml.load((AWX / name).read_text(encoding="utf-8"), _Loader)
    return found


@dataclasses.dataclass(frozen=True)
class Credential:
    """A credential of one of our types: by its name, with what was typed in."""

    kind: str
    inputs: Mapping[str, str]


def sync(folder: Path) -> Path:
    """Sync this repository as a project, without any network; the folder with the checkout and its collections."""
    origin, project = folder / "origin", folder / "project"
    for name in checkout_files():
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, origin / name)
    author = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "All of it"]):
        _run(["git", "-C", str(origin), *command])
    _run(["git", "clone", "-q", "--depth", "1", origin.as_uri(), str(project)])
    requirements = project / "collections" / "requirements.yml"
    install = [sys.executable, "-m", "ansible", "galaxy", "collection", "install", "-r", str(requirements)]
    places = {"ANSIBLE_COLLECTIONS_PATH": str(folder / COLLECTIONS), "ANSIBLE_HOME": str(folder / "home")}
    nowhere = {"ANSIBLE_GALAXY_SERVER": "http://127.0.0.1:9/"}
    _run(install, cwd=project, env={**os.environ, **places, **nowhere})
    return folder


def launch(
    synced: Path,
    folder: Path,
    template: str,
    inventory: Mapping[str, t.Any],
    login: tuple[str, str],
    credentials: Sequence[Credential],
    answers: Mapping[str, t.Any],
    limit: str = "",
) -> Job:
    """Run a job of a template of ours.

    Args:
        login: name and password of the machine credential.
        answers: to the survey, in place of its defaults.
    """
    (chosen,) = (one for one in load("templates.yml")["kms_awx_job_templates"] if one["name"] == template)
    private = folder / "private"
    for name in ("env", "inventory"):
        (private / name).mkdir(mode=0o700, parents=True)
    for name in ("project", COLLECTIONS):
        shutil.copytree(synced / name, private / name)
    variables = {question["variable"]: question["default"] for question in chosen["survey"] if "default" in question}
    _write(private / "env" / "extravars", {**variables, **answers})
    (private / "inventory" / "hosts.yml").write_text(yaml.safe_dump(dict(inventory)), encoding="utf-8")
    environment = {"ANSIBLE_COLLECTIONS_PATH": str(private / COLLECTIONS)}
    arguments = [f"-u {login[0]} --ask-pass --diff -vvv", *([f"--limit {limit}"] if limit else [])]
    for credential in credentials:
        more, argument = inject(credential, private)
        environment.update(more)
        arguments += argument
    passwords = {r"SSH password:\s*?$": login[1]}
    return run_prepared(folder, chosen["playbook"], " ".join(arguments), passwords, environment, facts=False)


def inject(credential: Credential, private: Path) -> tuple[dict[str, str], list[str]]:
    """What a credential brings: variables of the environment, arguments of ansible-playbook, and files in `private`."""
    types = {kind["name"]: kind for kind in load("credential_types.yml")["kms_awx_credential_types"]}
    injectors = types[credential.kind]["injectors"]
    jinja = ImmutableSandboxedEnvironment()
    known: Data = {name: value for name, value in credential.inputs.items() if value}

    def render(node: t.Any) -> t.Any:
        if isinstance(node, dict):
            return {render(name): render(value) for name, value in node.items()}
        if isinstance(node, list):
            return [render(item) for item in node]
        return jinja.from_string(node).render(**known)

    if "file" in injectors:
        known["tower"] = {"filename": _new_file(private, render(injectors["file"]["template"]))}
    if "extra_vars" not in injectors:
        return render(injectors.get("env", {})), []
    text = yaml.dump(render(injectors["extra_vars"]), Dumper=_Dumper, default_flow_style=False)
    return render(injectors.get("env", {})), [f"-e @{_new_file(private, text)}"]


def slice_of(inventory: Data, number: int, count: int) -> Data:
    """The inventory of one slice of a job: every so-and-so-many-th host by name, with all groups and variables."""
    sliced: Data = json.loads(json.dumps(inventory))
    names = sorted({host for group in _groups(sliced) for host in group.get("hosts", {})})
    kept = set(names[number - 1 :: count])
    for group in _groups(sliced):
        if "hosts" in group:
            group["hosts"] = {host: variables for host, variables in group["hosts"].items() if host in kept}
    return sliced


def _groups(tree: Mapping[str, t.Any]) -> t.Iterator[Data]:
    for group in tree.values():
        yield group
        yield from _groups(group.get("children", {}))


def _new_file(private: Path, text: str) -> str:
    handle, path = tempfile.mkstemp(dir=private / "env")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, stat.S_IRUSR)
    return path


def _write(path: Path, variables: Mapping[str, t.Any]) -> None:
    path.write_text(yaml.dump(dict(variables), Dumper=_Dumper), encoding="utf-8")


def _run(command: Sequence[str], **more: t.Any) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **more)
    assert done.returncode == 0, done.stdout + done.stderr
