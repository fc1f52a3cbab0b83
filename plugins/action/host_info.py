# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.host_info: everything known about a KMS host, as data."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible import wishes
from ..plugin_utils._ansible.action import Job, KmsAction, observed
from ..plugin_utils._ansible.options import Specification
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._errors import Refusal
from ..plugin_utils._kms.catalogue import STANDARD
from ..plugin_utils._kms.client_count import count_notices
from ..plugin_utils._kms.record import Record
from ..plugin_utils._kms.restart import read_restart_care
from ..plugin_utils._kms.update_notices import contradictions
from ..plugin_utils._kms.updates import Updates
from ..plugin_utils._plan import Outcome, Resource, Seen
from ..plugin_utils._windows.firewall.model import Firewall
from ..plugin_utils._windows.licensing import Licensing
from ..plugin_utils._windows.restart_care import RestartCare
from ..plugin_utils._windows.system import System

try:
    import jmespath

    HAS_JMESPATH = True
except ImportError:
    HAS_JMESPATH = False

SPECIFICATION = Specification(
    argument_spec={
        "query": {"type": "str"},
        "port": {"type": "int", "default": 1688},
    },
)
"""What the module accepts."""


class _Everything(Resource):
    """Wants nothing, looks at everything."""

    name = "everything"
    needs = (System, Updates, Licensing, Record, Firewall, RestartCare)

    def next(self, seen: Seen) -> None:
        """Nothing is ever missing."""

    def notices(self, seen: Seen) -> list[str]:
        """Where witnesses of what is installed disagree."""
        return contradictions(seen[Updates])


class ActionModule(KmsAction):
    """Reads one host."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        wishes.check_port(options["port"])
        expression = _compiled(options["query"])

        def report(outcome: Outcome) -> dict[str, t.Any]:
            notices = count_notices(outcome.observed[Licensing])
            found = {} if expression is None else {"query_result": _searched(expression, observed(outcome))}
            return {"notices": notices, **found}

        readers = {
            **wishes.system_readers(STANDARD, thorough=True),
            **wishes.firewall_report(options["port"]),
            RestartCare: read_restart_care(lambda look: True),
        }
        return Job([_Everything()], readers, report)


def _compiled(query: str | None) -> t.Any:
    """The JMESPath expression, compiled before the host is contacted. Raises Refusal."""
    if query is None:
        return None
    if not HAS_JMESPATH:
        raise Refusal(
            "query needs the Python library jmespath on the controller; install it with: pip install jmespath",
            name="library_missing",
            advice="pip install jmespath",
        )
    try:
        expression = jmespath.compile(query)
    except jmespath.exceptions.JMESPathError as error:
        raise _bad_query(error) from None
    unknown = sorted(_functions(expression.parsed) - set(jmespath.functions.Functions.FUNCTION_TABLE))
    if unknown:
        raise _bad_query(f"unknown function {', '.join(unknown)}")
    return expression


def _functions(node: t.Mapping[str, t.Any]) -> set[str]:
    """The functions an expression calls; jmespath itself looks them up only when it meets them."""
    own = {str(node["value"])} if node["type"] == "function_expression" else set()
    return own.union(*(_functions(child) for child in node.get("children", ()) if isinstance(child, dict)))


def _searched(expression: t.Any, seen: dict[str, t.Any]) -> t.Any:
    """What the expression finds. Raises Refusal where it does not fit what was observed."""
    try:
        return expression.search(seen)
    except jmespath.exceptions.JMESPathError as error:
        raise _bad_query(error) from None


def _bad_query(reason: object) -> Refusal:
    first = next(iter(str(reason).splitlines()), "").rstrip(":")
    return Refusal(
        f"query is no valid JMESPath expression for what is observed ({first}); the documentation of host_info has "
        "examples",
        name="bad_query",
    )
