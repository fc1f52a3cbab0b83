# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the contexts of netsh have in common: tags with values, and how values are checked.

Knows `tag=value`, positions where a context has them, ports, protocols and addresses. Refuses to know single commands.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..machine import scopes
from ..machine.firewall_rule import RANGES_SINCE, TCP, UDP

_PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmpv4": 1, "icmpv6": 58}
_PORT_WORDS = {"rpc": "RPC", "rpc-epmap": "RPC-EPMap", "iphttps": "IPHTTPS"}
_PROFILES = {"domain": "Domain", "private": "Private", "public": "Public"}


class NetshError(Exception):
    """The command is refused; `text` is the key of what is printed."""

    def __init__(self, text: str = "syntax") -> None:
        super().__init__(text)
        self.text = text


def tags(words: Sequence[str], known: Sequence[str], *, by_place: bool = False) -> dict[str, str]:
    """Tags with their values; words without a tag go by their place where the context allows that."""
    found: dict[str, str] = {}
    tagged = not by_place
    for place, word in enumerate(words):
        tag, equals, text = word.partition("=")
        name = tag.strip().lower()
        if equals and name in known:
            tagged = True
        elif tagged or place >= len(known):
            raise NetshError
        else:
            name, text = known[place], word
        if name in found:
            raise NetshError
        found[name] = text.strip()
    return found


def yes(text: str) -> bool:
    """`yes` or `no`."""
    if text.lower() not in ("yes", "no"):
        raise NetshError
    return text.lower() == "yes"


def protocol(text: str) -> int | None:
    """A protocol's number; None for any."""
    if text.lower() == "any":
        return None
    if text.lower() in _PROTOCOLS:
        return _PROTOCOLS[text.lower()]
    if not text.isdigit() or int(text) > 255:
        raise NetshError
    return int(text)


def ports(text: str, version: tuple[int, int]) -> tuple[str, ...]:
    """A list of ports; empty for any. Ranges came with version 2.10 of the rules."""
    if text.lower() == "any":
        return ()
    return tuple(_port(part.strip(), version) for part in text.split(","))


def _port(text: str, version: tuple[int, int]) -> str:
    if text.lower() in _PORT_WORDS:
        return _PORT_WORDS[text.lower()]
    numbers = text.split("-")
    if len(numbers) > 2 or not all(number.isdigit() and int(number) < 65536 for number in numbers):
        raise NetshError
    if len(numbers) == 2 and (version < RANGES_SINCE or int(numbers[0]) > int(numbers[1])):
        raise NetshError
    return "-".join(str(int(number)) for number in numbers)


def addresses(text: str) -> tuple[str, ...]:
    """A list of remote addresses; empty for any."""
    if text.lower() == "any":
        return ()
    try:
        return tuple(dict.fromkeys(scopes.normal(part) for part in text.split(",")))
    except ValueError:
        raise NetshError from None


def profiles(text: str) -> tuple[str, ...]:
    """A list of profiles; empty for any."""
    names = [part.strip().lower() for part in text.split(",")]
    if names == ["any"]:
        return ()
    if not set(names) <= set(_PROFILES):
        raise NetshError
    return tuple(_PROFILES[name] for name in names)
