# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.host_reboot: a restart that is known to have happened and to be over."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible import wishes
from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.options import Specification
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._kms.catalogue import STANDARD
from ..plugin_utils._kms.release import Release
from ..plugin_utils._kms.restart import Restart

SPECIFICATION = Specification(
    argument_spec={"if_pending": {"type": "bool", "default": True}, **wishes.REBOOT_OPTIONS},
)
"""What the module accepts."""


class ActionModule(KmsAction):
    """Restarts one host."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        restart = Restart(True, wishes.restart_options(options), always=not options["if_pending"])
        release = Release()
        readers = {**wishes.system_readers(STANDARD), **wishes.restart_readers(restart, [release])}
        return Job([release, restart], readers)
