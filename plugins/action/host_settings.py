# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.host_settings: the settings of the licensing service as a KMS host."""

from __future__ import annotations

import dataclasses
import typing as t

from ..plugin_utils._ansible import wishes
from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.options import Specification
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._kms.catalogue import STANDARD
from ..plugin_utils._kms.release import Release
from ..plugin_utils._kms.settings import Settings

SPECIFICATION = Specification(argument_spec={**wishes.SETTINGS_OPTIONS})
"""What the module accepts."""


class ActionModule(KmsAction):
    """Port, self-publishing, priority and intervals of one host."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        wish = dataclasses.replace(wishes.settings_wish(options), required=True)
        return Job([Release(), Settings(wish)], wishes.system_readers(STANDARD))
