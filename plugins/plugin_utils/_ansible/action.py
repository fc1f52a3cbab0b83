# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of every task of this collection: validate, refuse, converge, tell, scrub.

Internal to the collection activation.kms; not a public interface.

An action plugin says what its options mean (`_job`); everything else is here once. Nothing is executed on the managed
host except through the doors; nothing leaves `run` that has not passed the scrubber.
"""

from __future__ import annotations

import abc
import dataclasses
import traceback
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from .._converge import converge
from .._errors import Problem, Refusal, Unreachable
from .._kms.keys import host_key
from .._kms.updates import Updates
from .._plan import Outcome, Planned, Reader, Resource
from .._secret import Scrubber, Secret
from .._windows.restart_care import RestartCare
from .audit import AuditLog, origin_of
from .connections import door_of
from .door import Door
from .options import Specification, judge_spoken, lookalikes_of, secrets_of, validate
from .world import ControllerWorld

_DISPLAY = Display()


@dataclasses.dataclass(frozen=True)
class Job:
    """What the options of one task come down to.

    Attributes:
        resources: what is to be so, in the order in which it is to be made so.
        readers: how each part of the world is read.
        report: turns the outcome into the module's own result keys.
    """

    resources: t.Sequence[Resource]
    readers: t.Mapping[type, Reader]
    report: t.Callable[[Outcome], dict[str, t.Any]] | None = None


class KmsAction(ActionBase, metaclass=abc.ABCMeta):
    """Base of the action plugins."""

    specification: Specification

    @abc.abstractmethod
    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        """Options to resources and readers; contacts nobody. Raises Refusal."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Entry point of Ansible."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        scrubber = Scrubber()
        host = str((task_vars or {}).get("inventory_hostname", "host"))
        if self._task.delegate_to:
            host = str(self._task.delegate_to)
        try:
            result.update(self._carry_out(host, scrubber, task_vars or {}))
        except Problem as problem:
            result.update(_trouble(problem, host, changed=False))
        except Exception as error:  # the last net: a traceback is never a message
            _DISPLAY.vvvv(scrubber.text(traceback.format_exc()), host=host)
            text = f"{host}: {self._task.action} met an error it does not know ({type(error).__name__}: {error})"
            advice = "Please report it with the output of -vvvv."
            result.update({"failed": True, "changed": False, "msg": f"{text}; {advice[0].lower()}{advice[1:-1]}"})
            result["error"] = {"name": "unexpected", "advice": advice}
        # What Ansible goes by stays readable whatever the secret is: a password may well be "failed".
        kept = {name: result[name] for name in ("changed", "failed", "unreachable") if name in result}
        return {**scrubber.scrub(result), **kept}

    def _carry_out(self, host: str, scrubber: Scrubber, task_vars: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        specification = self.specification
        for secret in (*lookalikes_of(self._task.args), *secrets_of(specification.spec(), self._task.args)):
            scrubber.add(secret)
        options = validate(specification, self._task.args, self._task.action)
        door = self._door(host, options) if specification.speaks_windows(options) else None
        if door is not None:
            self._hide_password(scrubber)
        judge_spoken(options, scrubber)
        timeout = float(options.get("operation_timeout", 60))
        world = ControllerWorld(host, scrubber, door, timeout, ticket_cache=self._ticket_cache())
        job = self._job(options, world)
        audit = self._audit(options, world, scrubber, task_vars)
        outcome = converge(world, job.resources, job.readers, check=bool(self._task.check_mode), audit=audit)
        outcome.warnings += audit.warnings if audit else ()
        result = _told(outcome, host, diff=bool(self._task.diff))
        if job.report is not None:
            result.update(job.report(outcome))
        return result

    def _door(self, host: str, options: t.Mapping[str, t.Any]) -> Door:
        """The way to the managed host, refused where this collection cannot use it."""
        if getattr(self._play_context, "become", False) or getattr(self._connection, "become", None):
            raise Refusal(
                f"{host}: become is set for this task, but WMI calls over WinRM run as the connecting user and cannot "
                "become another; set become: false here and log in as an administrator of the host",
                name="become_not_supported",
                advice="Set become: false on the task, the role or the play.",
            )
        if not 1 <= int(options["operation_timeout"]) <= 3600:
            raise Refusal(f"{host}: operation_timeout must be between 1 and 3600 seconds", name="bad_option")
        return door_of(self._connection, host)

    def _audit(
        self,
        options: t.Mapping[str, t.Any],
        world: ControllerWorld,
        scrubber: Scrubber,
        task_vars: t.Mapping[str, t.Any],
    ) -> AuditLog | None:
        """The audit log, where one is wished; a relative path counts from the playbook's folder."""
        if not options.get("audit_log"):
            return None
        path = self._beside_playbook(options["audit_log"])
        module = getattr(self._task, "resolved_action", None) or self._task.action
        key = host_key(options["product_key"]).last_five if options.get("product_key") else None
        return AuditLog(world, path, origin_of(world.host, str(module), key, task_vars), scrubber)

    def _beside_playbook(self, path: str) -> str:
        """A path on the controller; a relative one counts from the playbook's folder."""
        return str(t.cast(t.Any, self)._loader.path_dwim(path))

    def _ticket_cache(self) -> str:
        """KRB5CCNAME as the task's `environment` has it: Ansible sets that for modules, not for action plugins."""
        found = ""
        for variables in self._task.environment or ():
            if isinstance(variables, dict):
                found = str(variables.get("KRB5CCNAME", found))
        return found

    def _hide_password(self, scrubber: Scrubber) -> None:
        password = t.cast(t.Any, self._connection).get_option("remote_password")
        if password:
            scrubber.add(Secret(str(password)))

    def _find_folder(self, path: str) -> str:
        """A controller folder, looked for like the `files` folder of roles and plays. Raises Refusal."""
        try:
            return str(t.cast(t.Any, self)._find_needle("files", path))
        except AnsibleError:
            raise Refusal(
                f"the folder {path!r} is not on the controller (looked for beside the playbook, in its files "
                "folder and in the role's files folder); create it and put Microsoft's packages into it, or correct "
                "`packages`",
                name="packages_folder_missing",
                advice="Correct the option packages.",
            ) from None

    def _find_files(self, paths: t.Mapping[str, t.Any]) -> dict[str, str]:
        """Controller files, looked for in the same places. What is not there keeps its path: reading it says so."""
        found = {}
        for name, path in paths.items():
            try:
                found[name] = str(t.cast(t.Any, self)._find_needle("files", str(path)))
            except AnsibleError:
                found[name] = str(path)
        return found


def _told(outcome: Outcome, host: str, *, diff: bool) -> dict[str, t.Any]:
    """The part of a result that is the same for every module."""
    result: dict[str, t.Any] = {
        "changed": outcome.changed,
        "plan": [planned.as_data() for planned in outcome.plan],
        "observed": observed(outcome),
        "reboot_required": _reboot_required(outcome),
        "warnings": list(outcome.warnings),
    }
    result.update(outcome.extra)
    if outcome.pauses:
        result["pauses"] = [pause.reason for pause in outcome.pauses]
        result["msg"] = " ".join(result["pauses"])
    if outcome.problem is not None or outcome.pauses:
        result["done"] = [planned.as_data() for planned in outcome.done]
        result["remaining"] = [planned.as_data() for planned in outcome.remaining]
    if outcome.problem is not None:
        result.update(_trouble(outcome.problem, host, changed=outcome.changed))
    if diff:
        result["diff"] = _diff(outcome.plan if outcome.check else outcome.done)
    return result


def observed(outcome: Outcome) -> dict[str, t.Any]:
    """Every part as last really read; one that nobody had to look at has no data.

    What a restart would meet is read only where one is near, so the end of a run may not know it: then it is what the
    run saw before it restarted the host, or nothing.
    """
    looks = (outcome.observed.get(RestartCare), outcome.first.get(RestartCare))
    care = next((care for care in looks if care is not None and care.read), None)
    parts = {**outcome.observed.parts(), RestartCare: care}
    return {part.key: data for part in parts.values() if part is not None and (data := part.as_data()) is not None}


def _reboot_required(outcome: Outcome) -> bool:
    """Whether a KMS update awaits a restart, as last really seen."""
    updates = outcome.observed.get(Updates)
    return updates is not None and updates.restart_pending


def _trouble(problem: Problem, host: str, *, changed: bool) -> dict[str, t.Any]:
    """A failure as a result: returned rather than raised, so that what was done is not lost."""
    state = "unreachable" if isinstance(problem, Unreachable) else "failed"
    message = problem.message if problem.message.startswith(host) else f"{host}: {problem.message}"
    return {state: True, "changed": changed, "msg": message, "error": problem.as_data()}


def _diff(steps: t.Sequence[Planned]) -> list[dict[str, str]]:
    return [
        {
            "before_header": planned.step.id,
            "after_header": planned.step.id,
            "before": _line(planned.step.before),
            "after": _line(planned.step.after or planned.step.summary),
        }
        for planned in steps
    ]


def _line(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"
