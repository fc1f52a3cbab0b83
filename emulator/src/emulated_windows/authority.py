# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Microsoft: knows host keys and counts activations.

Knows which key belongs to which key group, how often each host has activated with it, and the limits (six hosts a
key, ten activations a host: volume activation FAQ, error 0xC004C008). Answers no activation request of a client
machine; emulated Windows never does. The confirmation ID is a made-up digest that no real product would accept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

HOSTS_PER_KEY = 6
ACTIVATIONS_PER_HOST = 10
KEY_ALPHABET = frozenset("BCDFGHJKMPQRTVWXY2346789N")
CONFIRMATION_DIGITS = 48

SL_E_ACTIVATION_LIMIT = 0xC004C008
SL_E_KEY_UNKNOWN = 0xC004C001


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
    """The installation ID an emulated machine shows for a key: fixed for this machine and this key."""
    return _digits(f"installation {machine.lower()} {key.upper()}", digits)


def confirmation_id(shown: str) -> str:
    """What the emulated Microsoft reads out over the telephone for an installation ID: 48 digits.

    Exported so that a test can play the person at the telephone.
    """
    return _digits(f"confirmation {shown}", CONFIRMATION_DIGITS)


class Authority:
    """Counts activations by key and host. One object serves all hosts of an estate."""

    def __init__(self, host_keys: Mapping[str, str]) -> None:
        for key in host_keys:
            if not looks_like_key(key):
                raise ValueError(f"{partial_key(key)!r}: a host key must be five groups of five key characters")
        self._groups = {key.upper(): group for key, group in host_keys.items()}
        self._spent: dict[str, dict[str, int]] = {}
        self.requests = 0

    def group_of(self, key: str) -> str | None:
        """The key group of a key, None for a key nobody sold."""
        return self._groups.get(key.upper())

    def activate(self, key: str, machine: str) -> int:
        """Carry out one activation request. Returns 0 or the HRESULT of the refusal; only a success is counted."""
        self.requests += 1
        if self.group_of(key) is None:
            return SL_E_KEY_UNKNOWN
        hosts = self._spent.setdefault(key.upper(), {})
        if machine not in hosts and len(hosts) >= HOSTS_PER_KEY:
            return SL_E_ACTIVATION_LIMIT
        if hosts.get(machine, 0) >= ACTIVATIONS_PER_HOST:
            return SL_E_ACTIVATION_LIMIT
        hosts[machine] = hosts.get(machine, 0) + 1
        return 0

    def spent(self, machine: str) -> dict[str, int]:
        """Activations this host has spent, by the last five characters of the key."""
        return {partial_key(key): hosts[machine] for key, hosts in self._spent.items() if machine in hosts}
