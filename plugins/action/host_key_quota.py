# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.host_key_quota: no host key for more hosts than Microsoft activates."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.options import Specification
from ..plugin_utils._ansible.play_variable import PlayVariable, judge_names
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._errors import Refusal
from ..plugin_utils._kms.key_quota import MAX_HOSTS, KeyedHosts, KeyQuota, keyed_hosts
from ..plugin_utils._plan import Look, Outcome
from ..plugin_utils._secret import HostKey
from ..plugin_utils._world import World

SPECIFICATION = Specification(
    argument_spec={
        "variable": {"type": "str", "default": "kms_host_product_key"},
        "state_variable": {"type": "str", "default": "kms_host_state"},
        "max_hosts": {"type": "int", "default": MAX_HOSTS},
    },
    windows=False,
)
"""What the module accepts."""


class ActionModule(KmsAction):
    """Counts over all hosts of the play, on the controller."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        if options["max_hosts"] < 1:
            raise Refusal("max_hosts must be at least 1", name="bad_option")
        judge_names(options, "variable", "state_variable")
        variable, state = (
            PlayVariable(options[name], self._task, self._templar) for name in ("variable", "state_variable")
        )

        def read(_doors: World, _look: Look) -> KeyedHosts:
            written = {host: variable.text(host) for host in variable.hosts()}
            for text in filter(None, written.values()):
                world.hide(HostKey(text))
            # Whoever is to be retired activates nothing; asked only where there is a key, since each question costs.
            written = {host: "" if text and state.text(host) == "absent" else text for host, text in written.items()}
            if not variable.complete:
                world.log("this ansible-core does not tell a task's variables for other hosts; hostvars are read")
            return keyed_hosts(written, complete=variable.complete)

        def report(outcome: Outcome) -> dict[str, t.Any]:
            return {"host_keys": outcome.seen[KeyedHosts].as_data()}

        return Job([KeyQuota(options["max_hosts"])], {KeyedHosts: read}, report)
