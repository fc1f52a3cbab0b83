# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnscmd: deleting SRV records, which is all that is modelled of it.

Knows `dnscmd [server] /recorddelete ZONE NODE SRV [PRIORITY WEIGHT PORT TARGET] [/f]` (dnscmd, Learn): that it asks
without /f, and that without data it takes every record of the type. Exit codes are assumed.
"""

from __future__ import annotations

from collections.abc import Sequence

import dns.name
import dns.rdata

from ..dns_zone import Zone
from ..machine.dns_admin import INVALID_PARAMETER, RPC_UNAVAILABLE, DnsError, DnsRole, name_of, srv
from ..machine.machine import Machine
from .line import Line
from .program import Call, Done, Program, Reads, Result, switch
from .texts import said, word

NAME = "dnscmd"
_USAGE = 1
_TYPE = "srv"


def is_there(machine: Machine) -> bool:
    """It comes with the role, or with the Support Tools on Server 2003: a dial."""
    return machine.dns is not None and machine.dials["dnscmd"] == "present"


def _run(call: Call) -> Result:
    role, words = call.machine.dns, list(call.arguments)
    assert role is not None  # is_there
    server = words.pop(0) if words and not words[0].startswith(("/", "-")) else ""
    if not words or switch(words[0]) != "/recorddelete":
        return Done(_USAGE, said(call.machine, "dnscmd_usage"))
    silent = [word for word in words if switch(word) == "/f"]
    arguments = [word for word in words[1:] if switch(word) != "/f"]
    if silent:
        return _delete(call.machine, role, server, arguments)
    consent = word(call.machine, "yes_letter").encode()

    def answered(data: bytes, end: bool) -> Done | None:
        if data[:1].lower() == consent:
            return _delete(call.machine, role, server, arguments)
        return Done(_USAGE, said(call.machine, "dnscmd_cancelled")) if data or end else None

    return Reads(answered, word(call.machine, "dnscmd_question"))


def _delete(machine: Machine, role: DnsRole, server: str, arguments: Sequence[str]) -> Done:
    try:
        if server and not role.is_me(server):
            raise DnsError(RPC_UNAVAILABLE)
        if len(arguments) not in (3, 7) or arguments[2].lower() != _TYPE:
            raise DnsError(INVALID_PARAMETER)
        zone = role.zone(arguments[0])
        data = _data(machine, zone, arguments[3:]) if arguments[3:] else None
        role.delete(zone, _node(zone, arguments[1]), None if data is None else [data])
    except DnsError as error:
        code = error.number if machine.dials["dnscmd_exit_code"] == "status" else 0
        return Done(code, said(machine, "dnscmd_failed", number=error.number, code=f"0x{error.number:X}"))
    return Done(0, said(machine, "dnscmd_done"))


def _node(zone: Zone, text: str) -> dns.name.Name:
    """@ is the zone, a name with a last dot is full, any other belongs to the zone."""
    if text == "@":
        return zone.origin
    return name_of(text if text.endswith(".") else f"{text}.{zone.origin}")


def _data(machine: Machine, zone: Zone, words: Sequence[str]) -> dns.rdata.Rdata:
    numbers = [int(text) if text.isascii() and text.isdigit() else -1 for text in words[:3]]
    if not all(0 <= number < 65536 for number in numbers):
        raise DnsError(INVALID_PARAMETER)
    full = machine.dials["dnscmd_target"] == "absolute"
    return srv(numbers, name_of(words[3]) if full else _node(zone, words[3]))


def _mutates(line: Line) -> bool:
    return any(switch(word) == "/recorddelete" for word in line.words[1:])


PROGRAMS = {NAME: Program(_run, _mutates)}
