# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Microsoft: knows host keys and counts activations, online and offline.

Knows which key belongs to which key group, which are blocked, how often each host has activated with one, and the
limits (six hosts a key, ten activations a host: volume activation FAQ, error 0xC004C008; that a confirmation ID counts
as one activation is assumed). Answers no activation request of a client machine; emulated Windows never does. A
confirmation ID is a made-up digest that no real product would accept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping

from .key_groups import MAK

HOSTS_PER_KEY = 6
ACTIVATIONS_PER_HOST = 10
KEY_ALPHABET = frozenset("BCDFGHJKMPQRTVWXY2346789N")
CONFIRMATION_DIGITS = 48
_GROUP = 6
"""Digits of a confirmation ID that are read out together; the last of them is their check digit."""

SL_E_KEY_UNKNOWN = 0xC004C001
SL_E_KEY_BLOCKED = 0xC004C003
SL_E_BINDING_NOT_FOUND = 0xC004C005
SL_E_ACTIVATION_LIMIT = 0xC004C008
SL_E_MAK_LIMIT = 0xC004C020
"""Names and numbers: slerror.h; C003 and C008 in "Volume activation error codes" too."""
_REFUSALS = {
    SL_E_KEY_UNKNOWN: "Microsoft does not know this product key",
    SL_E_KEY_BLOCKED: "Microsoft has blocked this product key",
    SL_E_BINDING_NOT_FOUND: "no machine of this estate has shown this installation ID for a product key",
    SL_E_ACTIVATION_LIMIT: "this key has no activations left (six hosts a key, ten activations a host)",
    SL_E_MAK_LIMIT: "this Multiple Activation Key has no activations left (none is ever given here)",
}


class Refused(Exception):
    """The emulated Microsoft says no: one sentence with the number, which is in `hresult` too."""

    def __init__(self, hresult: int) -> None:
        super().__init__(f"0x{hresult:08X}: {_REFUSALS[hresult]}.")
        self.hresult = hresult


def looks_like_key(text: str) -> bool:
    """Five groups of five characters of the product key alphabet, joined by hyphens."""
    groups = text.upper().split("-")
    return len(groups) == 5 and all(len(group) == 5 and set(group) <= KEY_ALPHABET for group in groups)


def partial_key(key: str) -> str:
    """The last five characters, as Windows shows them."""
    return key.upper()[-5:]


def _digits(text: str, count: int) -> str:
    """`count` decimal digits that depend on nothing but `text`."""
    digits = ""
    counter = 0
    while len(digits) < count:
        digest = hashlib.sha256(f"emulated windows {counter} {text}".encode()).hexdigest()
        digits += str(int(digest, 16))
        counter += 1
    return digits[:count]


def installation_id(machine: str, key: str, digits: int) -> str:
    """The installation ID an emulated machine shows for a key: fixed for this state of the machine and this key."""
    return _digits(f"installation {machine.lower()} {key.upper()}", digits)


def confirmation_version(shown: str) -> str:
    """The first digit of a confirmation ID: it tells for how long an installation ID it was made."""
    return str(len(shown) % 10)


def _check_digit(digits: str) -> str:
    return str(sum(position * int(digit) for position, digit in enumerate(digits, 1)) % 7)


def confirmation_groups(digits: str) -> list[str]:
    """A confirmation ID as it is read out, six digits at a time."""
    return [digits[start : start + _GROUP] for start in range(0, len(digits), _GROUP)]


def confirmation_checks(digits: str) -> bool:
    """Are the check digits of a confirmation ID right? They are made up, as everything in it."""
    return all(group[-1] == _check_digit(group[:-1]) for group in confirmation_groups(digits))


def confirmation_id(shown: str) -> str:
    """The 48 digits that belong to an installation ID. Counts nothing: `Authority.confirm` does."""
    bare = confirmation_version(shown) + _digits(f"confirmation {shown}", CONFIRMATION_DIGITS)
    parts = [bare[start : start + _GROUP - 1] for start in range(0, CONFIRMATION_DIGITS * 5 // _GROUP, _GROUP - 1)]
    return "".join(part + _check_digit(part) for part in parts)


class Authority:
    """Counts activations by key and host. One object serves all hosts of an estate."""

    def __init__(self, host_keys: Mapping[str, str], blocked: Collection[str] = ()) -> None:
        """`host_keys`: the groups (or the word `mak`) by key; `blocked`: those of them that are never activated."""
        for key in host_keys:
            if not looks_like_key(key):
                raise ValueError(f"{partial_key(key)!r}: a host key must be five groups of five key characters")
        self._groups = {key.upper(): group for key, group in host_keys.items()}
        self._blocked = {key.upper() for key in blocked}
        self._spent: dict[str, dict[str, int]] = {}
        self._shown: dict[str, tuple[str, str]] = {}
        """By installation ID: the key and the machine it was made for."""
        self._confirmed: set[str] = set()
        self.requests = 0

    def remember(self, installation: str, key: str, machine: str) -> None:
        """A machine shows an installation ID for a key. It stands for them for ever: nobody at the portal sees what
        the machine shows today."""
        self._shown[installation] = key, machine

    def group_of(self, key: str) -> str | None:
        """The key group of a key, None for a key nobody sold."""
        return self._groups.get(key.upper())

    def activate(self, key: str, machine: str) -> int:
        """Carry out one activation request. Returns 0 or the HRESULT of the refusal; only a success is counted."""
        self.requests += 1
        group = self.group_of(key)
        if group is None:
            return SL_E_KEY_UNKNOWN
        if key.upper() in self._blocked:
            return SL_E_KEY_BLOCKED
        if group == MAK:
            return SL_E_MAK_LIMIT
        hosts = self._spent.setdefault(key.upper(), {})
        if machine not in hosts and len(hosts) >= HOSTS_PER_KEY:
            return SL_E_ACTIVATION_LIMIT
        if hosts.get(machine, 0) >= ACTIVATIONS_PER_HOST:
            return SL_E_ACTIVATION_LIMIT
        hosts[machine] = hosts.get(machine, 0) + 1
        return 0

    def confirm(self, installation: str) -> str:
        """The portal, or the person at the telephone: the confirmation ID for an installation ID, 48 digits.

        `installation`: its digits, with blanks or dashes as it was read out; one that is out of date gets its digits
        too, and no machine takes them. Counts one activation of the key on the machine that has shown it, once for
        each installation ID. Raises Refused.
        """
        shown = re.sub(r"[\s-]", "", installation)
        if shown not in self._shown:
            raise Refused(SL_E_BINDING_NOT_FOUND)
        if shown not in self._confirmed:
            hresult = self.activate(*self._shown[shown])
            if hresult:
                raise Refused(hresult)
            self._confirmed.add(shown)
        return confirmation_id(shown)

    def spent(self, machines: Collection[str]) -> dict[str, int]:
        """Activations these machines have spent, online and offline, by the last five characters of the key."""
        by_key = {key: sum(hosts.get(machine, 0) for machine in machines) for key, hosts in self._spent.items()}
        return {partial_key(key): count for key, count in by_key.items() if count}
