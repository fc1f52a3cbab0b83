# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""netsh firewall: opening, changing, closing and showing ports.

Knows the positional and the tag=value form of add, set and delete portopening, the profiles, and that an address is
stored with a dotted mask (netsh help, cc771046; KB897663). With the firewall service stopped it only warns. Output
is localized text: clients read the registry instead.
"""

from __future__ import annotations

from ..machine.firewall import PROFILES, PortEntry, normal_network
from ..machine.machine import Machine
from .line import Line
from .program import Call, Done, Program, Result, lines

_ADD = ("protocol", "port", "name", "mode", "scope", "addresses", "profile", "interface")
_DELETE = ("protocol", "port", "profile", "interface")
_SYNTAX = Done(1, lines("The syntax supplied for this command is not valid. Check help for the correct syntax."))
_STOPPED = lines(
    "",
    "The service has not been started.",
    "IMPORTANT: the command has been executed, but the firewall service does not run.",
)
_OK = lines("Ok.")


class _SyntaxError(Exception):
    pass


def _tags(words: tuple[str, ...], order: tuple[str, ...]) -> dict[str, str]:
    """Positional words first, then tag=value, as netsh takes them."""
    found: dict[str, str] = {}
    tagged = False
    for place, word in enumerate(words):
        tag, equals, text = word.partition("=")
        name = tag.strip().lower()
        if equals and name in order:
            tagged = True
        elif tagged or place >= len(order):
            raise _SyntaxError
        else:
            name, text = order[place], word
        if name in found:
            raise _SyntaxError
        found[name] = text.strip()
    return found


def _port(tags: dict[str, str]) -> tuple[str, int]:
    protocol, port = tags.get("protocol", "").upper(), tags.get("port", "")
    if protocol not in ("TCP", "UDP") or not port.isdigit() or not 0 < int(port) < 65536:
        raise _SyntaxError
    return protocol, int(port)


def _profiles(machine: Machine, tags: dict[str, str]) -> tuple[str, ...]:
    wanted = tags.get("profile", "CURRENT").upper()
    if wanted == "ALL":
        return tuple(PROFILES.values())
    wanted = machine.firewall.current if wanted == "CURRENT" else wanted
    if wanted not in PROFILES:
        raise _SyntaxError
    return (PROFILES[wanted],)


def _scope(tags: dict[str, str]) -> str:
    scope, addresses = tags.get("scope", "ALL").upper(), tags.get("addresses", "")
    if addresses and scope != "CUSTOM":
        raise _SyntaxError
    if scope == "ALL":
        return "*"
    if scope == "SUBNET":
        return "LocalSubNet"
    if scope != "CUSTOM" or not addresses:
        raise _SyntaxError
    try:
        return ",".join(normal_network(part) for part in addresses.split(","))
    except ValueError:
        raise _SyntaxError from None


def _open(machine: Machine, words: tuple[str, ...]) -> Done:
    tags = _tags(words, _ADD)
    protocol, port = _port(tags)
    mode = tags.get("mode", "ENABLE").upper()
    if not tags.get("name") or mode not in ("ENABLE", "DISABLE") or "interface" in tags:
        raise _SyntaxError
    scope = _scope(tags)
    for profile in _profiles(machine, tags):
        machine.firewall.open(PortEntry(profile, port, protocol, scope, mode == "ENABLE", tags["name"]))
    return _said(machine)


def _close(machine: Machine, words: tuple[str, ...]) -> Done:
    tags = _tags(words, _DELETE)
    protocol, port = _port(tags)
    gone = [machine.firewall.close(profile, port, protocol) for profile in _profiles(machine, tags)]
    return _said(machine) if any(gone) else Done(1, lines("The system cannot find the file specified."))


def _said(machine: Machine) -> Done:
    return Done(0, _OK if machine.services.running("SharedAccess") else _OK + _STOPPED)


def _show(machine: Machine, what: str) -> Done:
    if what == "state":
        on = machine.services.running("SharedAccess") and machine.firewall.enabled(machine.firewall.current)
        return Done(
            0,
            lines(
                "",
                "Firewall status:",
                "-" * 67,
                f"Profile                           = {machine.firewall.current.capitalize()}",
                f"Operational mode                  = {'Enable' if on else 'Disable'}",
            ),
        )
    if what != "portopening":
        raise _SyntaxError
    shown = [
        lines("", f"Port configuration for {profile}:", "Port   Protocol  Mode     Name", "-" * 67)
        + "".join(
            lines(f"{entry.port:<6} {entry.protocol:<9} {'Enable' if entry.enabled else 'Disable':<8} {entry.name}")
            for entry in machine.firewall.entries()
            if entry.profile == profile
        )
        for profile in PROFILES.values()
    ]
    return Done(0, "".join(shown))


def _run(call: Call) -> Result:
    words = call.arguments
    if len(words) < 3 or words[0].lower() != "firewall":
        return _SYNTAX
    verb, what = words[1].lower(), words[2].lower()
    try:
        if verb == "show":
            return _show(call.machine, what)
        if what == "portopening" and verb in ("add", "set"):
            return _open(call.machine, words[3:])
        if what == "portopening" and verb == "delete":
            return _close(call.machine, words[3:])
    except _SyntaxError:
        return _SYNTAX
    return _SYNTAX


def _mutates(line: Line) -> bool:
    return len(line.words) > 2 and line.words[2].lower() in ("add", "set", "delete", "reset")


PROGRAMS = {"netsh": Program(_run, _mutates)}
