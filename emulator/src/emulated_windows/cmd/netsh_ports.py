# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""netsh firewall on Server 2003: opening, changing, closing and showing ports.

Knows `show` of config, state and portopening, the positional and the tag=value form of add, set and delete
portopening, the profiles, and that an address is stored with a dotted mask (netsh help, cc771046; KB897663). With the
firewall service stopped it only warns. Output is localized text: clients read the registry instead.
"""

from __future__ import annotations

from ..machine.firewall_ports import LOCAL_SUBNET, PROFILES, PortEntry, PortListFirewall, normal_network
from ..machine.machine import Machine
from .netsh_words import NetshError, tags
from .program import Call, Done, Result, lines
from .texts import said, word

ADD = ("protocol", "port", "name", "mode", "scope", "addresses", "profile", "interface")
DELETE = ("protocol", "port", "profile", "interface")
_RULE = lines("-" * 67)


def port(given: dict[str, str]) -> tuple[str, int]:
    """The protocol and the port."""
    protocol, number = given.get("protocol", "").upper(), given.get("port", "")
    if protocol not in ("TCP", "UDP") or not number.isdigit() or not 0 < int(number) < 65536:
        raise NetshError
    return protocol, int(number)


def scope(given: dict[str, str]) -> str:
    """The scope as it is stored."""
    kind, addresses = given.get("scope", "ALL").upper(), given.get("addresses", "")
    if addresses and kind != "CUSTOM":
        raise NetshError
    if kind == "ALL":
        return "*"
    if kind == "SUBNET":
        return LOCAL_SUBNET
    if kind != "CUSTOM" or not addresses:
        raise NetshError
    try:
        return ",".join(normal_network(part) for part in addresses.split(","))
    except ValueError:
        raise NetshError from None


def mode(given: dict[str, str]) -> bool:
    """Enabled or not; a name must be given too."""
    text = given.get("mode", "ENABLE").upper()
    if not given.get("name") or text not in ("ENABLE", "DISABLE") or "interface" in given:
        raise NetshError
    return text == "ENABLE"


def _profiles(firewall: PortListFirewall, given: dict[str, str]) -> tuple[str, ...]:
    wanted = given.get("profile", "CURRENT").upper()
    if wanted == "ALL":
        return tuple(PROFILES.values())
    wanted = firewall.current if wanted == "CURRENT" else wanted
    if wanted not in PROFILES:
        raise NetshError
    return (PROFILES[wanted],)


def _open(machine: Machine, firewall: PortListFirewall, words: tuple[str, ...]) -> Done:
    given = tags(words, ADD, by_place=True)
    protocol, number = port(given)
    enabled, where = mode(given), scope(given)
    for profile in _profiles(firewall, given):
        firewall.open(PortEntry(profile, number, protocol, where, enabled, given["name"]))
    return _done(machine)


def _close(machine: Machine, firewall: PortListFirewall, words: tuple[str, ...]) -> Done:
    given = tags(words, DELETE, by_place=True)
    protocol, number = port(given)
    gone = [firewall.close(profile, number, protocol) for profile in _profiles(firewall, given)]
    return _done(machine) if any(gone) else Done(1, said(machine, "not_found"))


def _done(machine: Machine) -> Done:
    ok = said(machine, "ok")
    return Done(0, ok if machine.firewall.running() else f"{ok}\r\n{said(machine, 'not_started')}")


def _mode(machine: Machine, *, on: bool) -> str:
    return word(machine, "enable" if on else "disable")


def _setting(machine: Machine, key: str, *, on: bool) -> str:
    return lines(f"{word(machine, key):<34}= {_mode(machine, on=on)}")


def operational(machine: Machine, *, on: bool) -> str:
    """The line that says whether the firewall is on."""
    return _setting(machine, "legacy_mode", on=on)


def _state(machine: Machine, firewall: PortListFirewall) -> str:
    on = firewall.running() and firewall.enabled(firewall.current)
    profile = f"{word(machine, 'legacy_profile'):<34}= {firewall.current.capitalize()}"
    return said(machine, "legacy_status") + _RULE + lines(profile) + operational(machine, on=on)


def _ports(machine: Machine, firewall: PortListFirewall, profile: str) -> str:
    rows = [
        f"{entry.port:<6} {entry.protocol:<9} {_mode(machine, on=entry.enabled):<8} {entry.name}"
        for entry in firewall.entries()
        if entry.profile == profile
    ]
    return said(machine, "legacy_ports", profile=profile) + _RULE + lines(*rows)


def _config(machine: Machine, firewall: PortListFirewall, profile: str) -> str:
    """The settings in force and the host's own ports of one profile. Programs and ICMP are not modelled."""
    current = word(machine, "legacy_current") if profile == firewall.current else ""
    return (
        said(machine, "legacy_config", profile=profile.capitalize(), current=current)
        + _RULE
        + operational(machine, on=firewall.enabled(profile))
        + _setting(machine, "legacy_exceptions", on=not firewall.setting(profile, "DoNotAllowExceptions", 0))
        + _ports(machine, firewall, PROFILES[profile])
    )


def _show(machine: Machine, firewall: PortListFirewall, what: str) -> Done:
    if what == "state":
        return Done(0, _state(machine, firewall))
    if what == "portopening":
        return Done(0, "".join(_ports(machine, firewall, folder) for folder in PROFILES.values()))
    if what == "config":
        return Done(0, "".join(_config(machine, firewall, profile) for profile in PROFILES))
    raise NetshError


def run(call: Call, firewall: PortListFirewall) -> Result:
    """One command of the context."""
    if len(call.arguments) < 3:
        raise NetshError
    verb, what = call.arguments[1].lower(), call.arguments[2].lower()
    if verb == "show":
        return _show(call.machine, firewall, what)
    if what == "portopening" and verb in ("add", "set"):
        return _open(call.machine, firewall, call.arguments[3:])
    if what == "portopening" and verb == "delete":
        return _close(call.machine, firewall, call.arguments[3:])
    raise NetshError
