# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""netsh: which of its contexts a command line is for.

Knows that `firewall` is the only context on Server 2003 and a deprecated one from Vista on, where `advfirewall` is
the real one (learn, cc771046). Refuses to know what the contexts do.
"""

from __future__ import annotations

from ..machine.firewall_ports import PortListFirewall
from ..machine.firewall_rules import RulesFirewall
from . import netsh_legacy, netsh_ports, netsh_profiles, netsh_rules
from .line import Line
from .netsh_words import NetshError
from .program import Call, Done, Program, Result
from .texts import said

_CHANGES = ("add", "set", "delete", "reset", "import", "new")


def _run(call: Call) -> Result:
    words = tuple(word.lower() for word in call.arguments[:2])
    context, firewall = words[0] if words else "", call.machine.firewall
    try:
        if isinstance(firewall, PortListFirewall) and context == "firewall":
            return netsh_ports.run(call, firewall)
        if isinstance(firewall, RulesFirewall):
            if context == "firewall":
                return netsh_legacy.run(call, firewall)
            if words == ("advfirewall", "firewall"):
                return netsh_rules.run(call, firewall)
            if context == "advfirewall":
                return netsh_profiles.run(call, firewall)
    except NetshError as error:
        return Done(1, said(call.machine, error.text))
    return Done(1, said(call.machine, "unknown_command", command=" ".join(call.arguments)))


def _mutates(line: Line) -> bool:
    return any(word.lower() in _CHANGES for word in line.words[2:4])


PROGRAMS = {"netsh": Program(_run, _mutates)}
