# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For how many hosts is a host key meant? Microsoft lets it be activated on six.

Internal to the collection activation.kms; not a public interface.

Source of the six: Microsoft's "Frequently Asked Questions about Volume License Keys" (2008): six KMS hosts with ten
activations each, and more on request at an activation centre. What Microsoft has granted, and what other plays or
people have spent, nobody can read.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Refusal
from .._plan import Resource, Seen
from .._secret import HostKey
from .keys import host_key

MAX_HOSTS = 6


@dataclasses.dataclass(frozen=True)
class KeyedHosts:
    """The hosts each key is meant for.

    Attributes:
        hosts: by key, both in the order in which they were met.
        complete: whether all the variables of the hosts could be seen.
    """

    key: t.ClassVar[str] = "host_keys"

    hosts: t.Mapping[HostKey, tuple[str, ...]]
    complete: bool = True

    def as_data(self) -> list[dict[str, t.Any]]:
        """[{partial_product_key, hosts}]."""
        return [{"partial_product_key": key.last_five, "hosts": list(hosts)} for key, hosts in self.hosts.items()]


def keyed_hosts(keys: t.Mapping[str, str], *, complete: bool = True) -> KeyedHosts:
    """What each host's key comes down to. `keys`: by host, as they were written; "" where there is none.

    What is no host key at all is left out: whoever is to install it refuses it.
    """
    found: dict[HostKey, tuple[str, ...]] = {}
    for host, written in keys.items():
        try:
            key = host_key(written)
        except Refusal:
            continue
        found[key] = (*found.get(key, ()), host)
    return KeyedHosts(found, complete)


class KeyQuota(Resource):
    """Wants no key to be meant for more than so many hosts; there is nothing it could do about it but refuse."""

    name = "key_quota"
    needs = (KeyedHosts,)

    def __init__(self, max_hosts: int = MAX_HOSTS) -> None:
        self._max_hosts = max_hosts

    def next(self, seen: Seen) -> None:
        """Nothing is ever missing. Raises Refusal."""
        crowded = {key: hosts for key, hosts in seen[KeyedHosts].hosts.items() if len(hosts) > self._max_hosts}
        if crowded:
            raise Refusal(
                f"{'; '.join(_meant_for(key, hosts) for key, hosts in crowded.items())}, more than max_hosts "
                f"({self._max_hosts}; kms_host_max_hosts_per_key of the role); Microsoft lets a key be activated on "
                f"{MAX_HOSTS} hosts, so give the others another key",
                name="too_many_hosts_for_key",
                advice="Give some of the hosts another host key, or take them out of the play.",
            )

    def warnings(self, seen: Seen) -> list[str]:
        """What the count could not see."""
        if seen[KeyedHosts].complete:
            return []
        return [
            "This ansible-core does not tell what variables a play or a role gives to other hosts; host keys that are "
            "given there, and not in the inventory, were not counted."
        ]


def _meant_for(key: HostKey, hosts: t.Sequence[str]) -> str:
    return f"the host key {key.shown} is meant for {len(hosts)} hosts of this play ({', '.join(hosts)})"
