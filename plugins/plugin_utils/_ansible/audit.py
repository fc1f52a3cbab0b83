# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log: one JSON line for each step that was carried out, in a file on the controller.

Internal to the collection activation.kms; not a public interface.

Lines are only ever added. A line is written right after the step, before anybody looks at what came of it, so a
controller that dies later has left it.
"""

from __future__ import annotations

import datetime as dt
import getpass
import json
import os
import typing as t

from .._errors import Failure, OutcomeUnknown, Problem, Refusal
from .._plan import Audit, Step
from .._secret import Scrubber
from .._windows.system import moment_text
from .._world import World

Entry = dict[str, t.Any]


class AuditLog(Audit):
    """The log of one task.

    Attributes:
        warnings: what could not be written of steps that had failed already; their own problem counts.
    """

    def __init__(self, world: World, path: str, origin: t.Mapping[str, str | None], scrubber: Scrubber) -> None:
        """`origin` stands in every line: see `origin_of`."""
        self.warnings: list[str] = []
        self._world = world
        self._path = path
        self._origin = origin
        self._scrubber = scrubber
        self._opened = False

    def open(self) -> None:
        """Find out before the first step whether lines can be written. Raises Refusal."""
        if self._opened:
            return
        try:
            self._world.append(self._path, "")
        except (OSError, ValueError) as error:
            raise Refusal(
                f"{self._world.host}: the audit log {self._path} cannot be opened for appending on the controller "
                f"({_reason(error)}), so nothing was changed; audit_log must name a file, in a directory that exists, "
                "that the user who runs Ansible may write",
                name="audit_log_unwritable",
                advice="Correct audit_log, create its directory, or let the user who runs Ansible write there.",
            ) from None
        self._opened = True

    def note(self, step: Step, error: BaseException | None) -> None:
        """Add the line of a step. Raises Failure."""
        try:
            self._world.append(self._path, json.dumps(self._entry(step, error)))
        except OSError as trouble:
            problem = Failure(
                f'{self._world.host}: the audit log {self._path} could not be written after "{step.summary}" '
                f"({_reason(trouble)}), so the run ends here; make room for it or correct its permissions, and run the "
                "play again",
                name="audit_log_unwritable",
                advice="The step was carried out, and no line tells of it.",
            )
            if error is None or isinstance(error, OutcomeUnknown):
                raise problem from None
            self.warnings.append(problem.message)

    def _entry(self, step: Step, error: BaseException | None) -> Entry:
        code, name = (error.code, error.name) if isinstance(error, Problem) else (None, _unexpected(error))
        told: Entry = {
            **self._origin,
            "step": step.id,
            "summary": step.summary,
            "before": step.before or None,
            "after": step.after or None,
            "code": code,
            "error": name,
        }
        scrubbed = {key: self._scrubber.scrub(value) for key, value in told.items()}  # never the names of the keys
        time = moment_text(dt.datetime.fromtimestamp(self._world.now(), dt.timezone.utc))
        return {"time": time, "outcome": _outcome(error), **scrubbed}


def origin_of(host: str, module: str, key: str | None, task_vars: t.Mapping[str, t.Any]) -> dict[str, str | None]:
    """Who does it where: host, module, the wished key's last five characters, and job and user as AWX names them."""
    job = task_vars.get("awx_job_id", task_vars.get("tower_job_id", os.environ.get("JOB_ID")))
    user = task_vars.get("awx_user_name", task_vars.get("tower_user_name"))
    return {
        "job": None if job is None else str(job),
        "user": str(user) if user else _login_name(),
        "host": host,
        "module": module,
        "key": key,
    }


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "done"
    return "failed" if isinstance(error, Problem) and not isinstance(error, OutcomeUnknown) else "unknown"


def _unexpected(error: BaseException | None) -> str | None:
    """The name of what is no Problem: a defect of ours, or whatever ended the task (its time-out, a signal)."""
    if error is None:
        return None
    return "unexpected" if isinstance(error, Exception) else "interrupted"


def _login_name() -> str:
    """The controller's user; an execution environment may run as one that has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
