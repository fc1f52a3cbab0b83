# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.host_key: the KMS host key, installed and activated, or removed."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible import wishes
from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.options import Specification
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._errors import Refusal
from ..plugin_utils._kms.catalogue import STANDARD
from ..plugin_utils._kms.host_key import HostKeyResource
from ..plugin_utils._kms.release import Release
from ..plugin_utils._kms.removal import Removal, removed
from ..plugin_utils._kms.replacement import replaced
from ..plugin_utils._kms.settings import Settings, SettingsWish

SPECIFICATION = Specification(
    argument_spec={
        **wishes.KEY_OPTIONS,
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "install_setup_key": {"type": "bool", "default": False},
    },
    required_if=(("state", "present", ("product_key",)),),
)
"""What the module accepts."""


class ActionModule(KmsAction):
    """Holds automatic activation, installs the key, activates it once; or takes it out."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        if options["state"] == "absent":
            unwanted = wishes.removal_wish(options)
            readers = wishes.removal_readers(unwanted)
            return Job([Release(), Removal(unwanted)], readers, lambda outcome: removed(outcome, unwanted))
        if options["install_setup_key"]:
            raise Refusal(
                "install_setup_key turns the machine into a KMS client, which is for state: absent; drop one of them",
                name="bad_option",
            )
        wish = wishes.key_wish(options, serve=(), encrypted=world.encrypted, known=STANDARD)
        return Job(
            [Release(), Settings(SettingsWish(key=wish)), HostKeyResource(wish)],
            wishes.system_readers(STANDARD, key=wish),
            lambda outcome: replaced(world, outcome, wish),
        )
