# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.host_update: the KMS update packages a host needs."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible import wishes
from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.options import Specification
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._kms.release import Release
from ..plugin_utils._kms.update_chain import UpdateChain

SPECIFICATION = Specification(
    argument_spec={
        **wishes.UPDATE_OPTIONS,
        "serve": {**wishes.UPDATE_OPTIONS["serve"], "required": True},
        "key_group": wishes.KEY_OPTIONS["key_group"],
    },
)
"""What the module accepts."""


class ActionModule(KmsAction):
    """Installs what is missing; never restarts."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        known = wishes.known_catalogue(options)
        folder = None if options["packages"] is None else self._find_folder(options["packages"])
        options["package_files"] = self._find_files(options["package_files"])
        wish = wishes.update_wish(options, folder, known)
        readers = {**wishes.system_readers(known, wish.wanted), **wishes.update_readers(wish)}
        return Job([Release(), UpdateChain(wish)], readers)
