# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.host_key: the KMS host key, installed and activated."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible import wishes
from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.options import Specification
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._kms.catalogue import STANDARD
from ..plugin_utils._kms.host_key import HostKeyResource
from ..plugin_utils._kms.release import Release
from ..plugin_utils._kms.replacement import replaced
from ..plugin_utils._kms.settings import Settings, SettingsWish

SPECIFICATION = Specification(
    argument_spec={
        **wishes.KEY_OPTIONS,
        "product_key": {**wishes.KEY_OPTIONS["product_key"], "required": True},
    },
)
"""What the module accepts."""


class ActionModule(KmsAction):
    """Holds automatic activation, installs the key, activates it once."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        wish = wishes.key_wish(options, serve=(), encrypted=world.encrypted, known=STANDARD)
        hold = SettingsWish(key=wish.key.last_five, activate=wish.activate)
        return Job(
            [Release(), Settings(hold), HostKeyResource(wish)],
            wishes.system_readers(STANDARD, key=wish),
            lambda outcome: replaced(world, outcome, wish.key.last_five),
        )
