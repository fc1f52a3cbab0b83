# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host keys: what can be wished of one, its form, and what must never be taken for one.

Internal to the collection activation.kms; not a public interface.

No message repeats a key. Which key group a key belongs to cannot be told from the key itself: the user says it
(`key_group`), or it shows once the key is installed.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._data import load
from .._errors import Refusal
from .._secret import HostKey
from .catalogue import KEY_GROUPS, STANDARD, Catalogue, group_activates, group_hosted_on, group_stands_for, is_client

_SETUP_KEYS = load(__file__, "data", "setup_keys.yml")["setup_keys"]
_ALPHABET = "BCDFGHJKMPQRTVWXY2346789N"  # N since Windows 8
_BARE = re.compile(r"[A-Z0-9]{25}")
_FORM = re.compile(rf"^[{_ALPHABET}]{{5}}(-[{_ALPHABET}]{{5}}){{4}}$")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))


Activation = t.Literal["online", "offline", "unmanaged"]


@dataclasses.dataclass(frozen=True)
class KeyWish:
    """What is wanted of the key.

    Attributes:
        confirmation_id: 48 digits, once Microsoft has given them for an offline activation.
        activation_id: the ID of the product the key is for; None: the KMS host of Windows.
        activation_timeout: in seconds.
        encrypted: whether the key may travel.
    """

    key: HostKey
    activation: Activation = "online"
    confirmation_id: str | None = None
    activation_id: str | None = None
    key_group: str | None = None
    serve: frozenset[str] = frozenset()
    replace: bool = False
    reactivate: bool = False
    max_activations: int = 1
    activation_timeout: float = 300.0
    encrypted: bool = True
    known: Catalogue = STANDARD

    @property
    def activate(self) -> bool:
        """Whether we see to the activation; otherwise it is left to others, Windows included."""
        return self.activation != "unmanaged"


def activation_id(text: str) -> str:
    """The ID of a product as Windows shows it, in lower case and without braces. Raises Refusal."""
    normal = text.strip().strip("{}").lower()
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", normal):
        raise Refusal(
            "activation_id is no activation ID; it is the ID of a product of the licensing service, a GUID such as "
            "2de67392-b7a7-462a-b1ca-108dd189f588; activation.kms.host_info shows that of each product with a key",
            name="activation_id_malformed",
            advice="Give the product's ID, or leave activation_id out for the KMS host of Windows.",
        )
    return normal


def host_key(text: str) -> HostKey:
    """A host key in its normal form (upper case, ASCII dashes).

    Raises:
        Refusal: not of the form of a product key, or one of Microsoft's public client setup keys.
    """
    normal = "".join(text.split()).translate(_DASHES).upper()
    if _BARE.fullmatch(normal):
        normal = "-".join(normal[at : at + 5] for at in range(0, 25, 5))
    if not _FORM.match(normal):
        raise Refusal(
            "product_key is not a product key: it must be five groups of five characters with dashes between, out of "
            f"the characters {''.join(sorted(_ALPHABET))}; copy it again from the volume licensing portal",
            name="key_malformed",
            advice="Copy the KMS host key again; mind 0/O, 1/I and 5/S, which product keys do not use.",
        )
    setup = _SETUP_KEYS.get(normal)
    if setup is not None:
        raise Refusal(
            f"product_key is the public client setup key (GVLK) of {setup['edition']}, not a KMS host key: it "
            "would turn the host into a client; give the KMS host key (CSVLK) from the volume licensing portal",
            name="key_is_setup_key",
            advice="Use your organisation's KMS host key.",
        )
    return HostKey(normal)


def check_group(group: str, release: str, serve: frozenset[str], known: Catalogue = STANDARD) -> None:
    """Refuse a key group that this release cannot host, or that activates too little. Raises Refusal."""
    hosts, activates = group_hosted_on(group), group_activates(group)
    beyond = serve - activates
    if release in hosts and not beyond:
        return
    instead = _groups_instead(release, serve or group_stands_for(group))
    if release not in hosts:
        client = release in known.hosts and not known.hosts[release].client and _is_client_group(group)
        raise Refusal(
            f"a host key of the group {group} cannot be installed on {release}"
            + (", which takes no client keys of that generation" if client else "")
            + f"; it belongs on {', '.join(sorted(hosts))}; {instead}",
            name="key_group_wrong_host",
            advice="Use a host key of a group that this release can host.",
        )
    raise Refusal(
        f"a host key of the group {group} does not activate {', '.join(sorted(beyond))}; it activates "
        f"{', '.join(sorted(activates))}; {instead}, or correct `serve`",
        name="key_group_too_low",
        advice="Use a host key of a group that activates these clients.",
    )


def _groups_instead(release: str, wanted: frozenset[str]) -> str:
    """What key would do on this release, as words."""
    fitting = [name for name in KEY_GROUPS if release in group_hosted_on(name) and wanted <= group_activates(name)]
    clients = ", ".join(sorted(wanted))
    if fitting:
        return f"to activate {clients} from {release}, use a key of {_one_of(fitting)}"
    others = [name for name in KEY_GROUPS if wanted <= group_activates(name)]
    hosts = sorted(set().union(*(group_hosted_on(name) for name in others)))
    if not others:
        return f"no single key group activates {clients}"
    return (
        f"no key that {release} takes activates {clients}: that takes a key of {_one_of(others)}, on {', '.join(hosts)}"
    )


def _one_of(groups: list[str]) -> str:
    return f"the group {groups[0]}" if len(groups) == 1 else f"one of the groups {', '.join(groups)}"


def _is_client_group(group: str) -> bool:
    """Whether the group is of a client release. Microsoft: a client key cannot be installed on a server host."""
    return all(is_client(client) for client in group_stands_for(group))
