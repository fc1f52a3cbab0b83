# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks/awx gives to AWX is what AWX takes, and fits the playbooks it is for; an execution environment can be
made.

AWX' rules: JobTemplateSurveySpec of awx/api/views (surveys), CredentialTypeInputField and CredentialTypeInjectorField
of awx/main/fields.py (credential types). Jobs themselves are run by tests/integration/test_awx.py.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from build_tree import BUILD, ROOT, refresh
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

AWX = ROOT / "playbooks" / "awx"
BUILDER = Path(sys.executable).with_name("ansible-builder")
TYPES = {"text": str, "textarea": str, "password": str, "integer": int, "float": float, "multiplechoice": str}
SECRET = re.compile(r"password|secret|product_key")


class Loader(yaml.SafeLoader):
    """Takes AWX' templates as they are."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(cast(yaml.ScalarNode, node)))


def load(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


TEMPLATES = load(AWX / "vars" / "templates.yml")
JOBS: list[dict[str, Any]] = TEMPLATES["kms_awx_job_templates"]
IN_WORKFLOW = {node["unified_job_template"]["name"] for node in TEMPLATES["kms_awx_workflow"]["nodes"]}
CREDENTIALS: list[dict[str, Any]] = load(AWX / "vars" / "credential_types.yml")["kms_awx_credential_types"]


def by_name(item: dict[str, Any]) -> str:
    return str(item["name"])


@pytest.mark.parametrize("job", JOBS, ids=by_name)
def test_a_survey_asks_for_variables_of_its_playbook(job: dict[str, Any]) -> None:
    playbook = (ROOT / job["playbook"]).read_text(encoding="utf-8")
    for question in job["survey"]:
        assert question["variable"] in playbook
        assert question["question_name"] and isinstance(question["required"], bool)
        assert isinstance(question.get("default", TYPES[question["type"]]()), TYPES[question["type"]])
        if job["name"] in IN_WORKFLOW:
            assert question["required"] == ("default" in question), "a workflow can launch it without an answer"
        assert question.get("default", "") in question.get("choices", [question.get("default", "")])


def test_each_playbook_has_a_template() -> None:
    assert {job["playbook"] for job in JOBS} == {f"playbooks/{path.name}" for path in AWX.parent.glob("*.yml")}


def test_nobody_is_retired_by_a_default() -> None:
    (job,) = (job for job in JOBS if job["playbook"] == "playbooks/retire.yml")
    assert {"default"}.isdisjoint(job["survey"][0]) and job["survey"][0]["required"]


def test_the_workflow_leads_from_job_to_job_by_an_approval() -> None:
    nodes = {node["identifier"]: node for node in TEMPLATES["kms_awx_workflow"]["nodes"]}
    following = {
        name: [after["identifier"] for after in node.get("related", {}).get("success_nodes", [])]
        for name, node in nodes.items()
    }
    assert following == {
        "installation_ids": ["confirmation_ids"],
        "confirmation_ids": ["activation"],
        "activation": [],
    }
    kinds = [node["unified_job_template"]["type"] for node in nodes.values()]
    assert kinds == ["job_template", "workflow_approval", "job_template"]
    for node in nodes.values():
        if node["unified_job_template"]["type"] == "job_template":
            assert node["unified_job_template"]["name"] in {job["name"] for job in JOBS}


@pytest.mark.parametrize("kind", CREDENTIALS, ids=by_name)
def test_a_credential_type_is_one(kind: dict[str, Any]) -> None:
    """Each template refers to fields that are asked for, and no secret is asked for in the open."""
    fields = {field["id"]: field for field in kind["inputs"]["fields"]}
    assert set(kind["inputs"]["required"]) == set(fields)
    for field in fields.values():
        known = {"id", "label", "type", "secret", "multiline", "help_text", "choices", "default"}
        assert set(field) <= known and {"id", "label"} <= set(field)
        assert bool(SECRET.search(field["id"])) == field.get("secret", False)
    values = {name: f"<{name}>" for name in fields}
    jinja = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    injectors = kind["injectors"]
    assert set(injectors) <= {"extra_vars", "env", "file"} and set(injectors.get("file", {})) <= {"template"}
    tower = {"filename": "<file>"} if "file" in injectors else {}
    used = [
        jinja.from_string(text).render(values, tower=tower)
        for part in injectors.values()
        for value in part.values()
        for text in (value if isinstance(value, list) else [value])
    ]
    assert set(values.values()) <= set(used), "each field is injected"
    assert not [name for name in injectors.get("env", {}) if name.startswith("ANSIBLE_")], "AWX would ignore it"


def test_the_key_goes_to_the_role() -> None:
    options = load(ROOT / "roles" / "kms_host" / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    (key,) = (kind for kind in CREDENTIALS if kind["name"] == "KMS host key")
    assert set(key["injectors"]["extra_vars"]) <= set(options)


def test_the_linter_is_told_of_every_module_that_is_not_here() -> None:
    (play,) = load(AWX / "setup.yml")
    used = {name for task in play["tasks"] for name in task if name.startswith("awx.awx.")}
    assert used == set(load(ROOT / ".ansible-lint")["mock_modules"])


def test_a_second_run_takes_nothing_away_that_it_is_not_told_of() -> None:
    """awx.awx takes an empty list for a wish: it would detach what an administrator has attached by hand."""
    (play,) = load(AWX / "setup.yml")
    (made,) = (task["awx.awx.job_template"] for task in play["tasks"] if "awx.awx.job_template" in task)
    lists = {name: made[name] for name in ("credentials", "instance_groups")}
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    for name, text in lists.items():
        variable = {f"kms_awx_{name}": []}
        assert play["vars"][f"kms_awx_{name}"] == []
        assert environment.from_string(text).render(variable, omit="<omitted>") == "<omitted>", name


def ansible_builder(*arguments: str) -> str:
    command = [str(BUILDER), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_ansible_builder_finds_what_the_collection_needs() -> None:
    refresh()
    found = yaml.safe_load(ansible_builder("introspect", str(BUILD)))
    python = {line.partition(" ")[0].strip() for line in found["python"]}
    files = (ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8").splitlines()
    assert python == {line.partition(" ")[0] for line in files if line and not line.startswith("#")}
    assert any(line.startswith("pywinrm[kerberos]") for line in python)
    assert any(line.startswith("pypsrp[kerberos]") for line in python)
    system = {line.partition(" ")[0] for line in found["system"]}
    assert {"krb5-workstation", "krb5-devel", "krb5-user", "libkrb5-dev", "gcc"} <= system


def test_the_execution_environment_can_be_created(tmp_path: Path) -> None:
    """The context of the build names the collection, from which the build takes the rest."""
    example = AWX / "execution-environment.yml"
    ansible_builder("create", "-f", str(example), "-c", str(tmp_path), "--output-filename", "Containerfile")
    requirements = yaml.safe_load((tmp_path / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    assert [one["name"] for one in requirements["collections"]] == ["activation.kms"]
    recipe = (tmp_path / "Containerfile").read_text(encoding="utf-8")
    assert "python3.12" in recipe and "introspect" in recipe


def test_the_collection_s_own_metadata_is_a_definition(tmp_path: Path) -> None:
    """Read from the root of the collection, as ansible-builder reads it there, it makes a context with our files."""
    for name in ("meta/ee-requirements.txt", "meta/ee-bindep.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    definition = tmp_path / "execution-environment.yml"
    definition.write_bytes((ROOT / "meta" / "execution-environment.yml").read_bytes())
    ansible_builder("create", "-f", str(definition), "-c", str(tmp_path / "context"))
    made = {path.name: path.read_bytes() for path in (tmp_path / "context" / "_build").iterdir() if path.is_file()}
    assert (ROOT / "meta" / "ee-requirements.txt").read_bytes() in made.values()
    assert (ROOT / "meta" / "ee-bindep.txt").read_bytes() in made.values()
