# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.kerberos_info: what keeps a connection from logging in by Kerberos, as the controller sees it."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible import kerberos
from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.options import Specification
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._plan import Look, Outcome, Resource, Seen
from ..plugin_utils._windows.kerberos import Kerberos, troubles
from ..plugin_utils._world import World

SPECIFICATION = Specification(argument_spec={}, windows=False)
"""What the module accepts: nothing, since everything is said in the options of the connection."""


class _Login(Resource):
    """Wants nothing, looks at the controller."""

    name = "login"
    needs = (Kerberos,)

    def next(self, seen: Seen) -> None:
        """Nothing is ever missing."""


class ActionModule(KmsAction):
    """Looks at the controller, never at the host."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        login = kerberos.login_of(self._connection)
        if login is not None and login.password is not None:
            world.hide(login.password)

        def read(_doors: World, _look: Look) -> Kerberos:
            return kerberos.look(login)

        def report(outcome: Outcome) -> dict[str, t.Any]:
            found = [{"msg": trouble.message, **trouble.as_data()} for trouble in troubles(outcome.seen[Kerberos])]
            return {"used": login is not None, "troubles": found}

        return Job([_Login()], {Kerberos: read}, report)
