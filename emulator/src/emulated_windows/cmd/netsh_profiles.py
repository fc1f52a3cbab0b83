# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""netsh advfirewall show and set: the state of the profiles.

Knows `show` and `set` of allprofiles, currentprofile, domainprofile, privateprofile and publicprofile with `state`
(learn, netsh advfirewall). Refuses the other settings of a profile.
"""

from __future__ import annotations

from ..machine.firewall_rules import RulesFirewall
from ..machine.machine import Machine
from .netsh_words import NetshError
from .program import Call, Done, Result, lines
from .texts import said, word

_NAMES = {"domainprofile": "Domain", "privateprofile": "Private", "publicprofile": "Public"}
_STATES = {"on": True, "off": False}


def _profiles(firewall: RulesFirewall, name: str) -> tuple[str, ...]:
    if name == "allprofiles":
        return tuple(firewall.profiles)
    found = firewall.current if name == "currentprofile" else _NAMES.get(name)
    if found is None:
        raise NetshError
    return (found,)


def _show(machine: Machine, firewall: RulesFirewall, name: str) -> Done:
    shown = ""
    for profile in _profiles(firewall, name):
        state = word(machine, "on" if firewall.enabled(profile) else "off")
        shown += lines("", word(machine, "settings_of", profile=profile), "-" * 70)
        shown += lines(f"{word(machine, 'state'):<38}{state}")
    return Done(0, shown + said(machine, "ok"))


def run(call: Call, firewall: RulesFirewall) -> Result:
    """One command of the context. Without the service there is nobody to ask."""
    words = [text.lower() for text in call.arguments]
    verb = words[1] if len(words) > 1 else ""
    if not firewall.running() and verb in ("show", "set"):
        raise NetshError("service_needed")
    if verb == "show" and len(words) in (3, 4) and words[3:] in ([], ["state"]):
        return _show(call.machine, firewall, words[2])
    if verb == "set" and len(words) == 5 and words[3] == "state" and words[4] in _STATES:
        for profile in _profiles(firewall, words[2]):
            firewall.switch(profile, _STATES[words[4]])
        return Done(0, said(call.machine, "ok"))
    raise NetshError
