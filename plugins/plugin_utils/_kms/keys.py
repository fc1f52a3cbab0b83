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

from .._data import load
from .._errors import Refusal
from .._secret import HostKey
from .catalogue import STANDARD, Catalogue, group_activates, group_hosted_on

_SETUP_KEYS = load(__file__, "data", "setup_keys.yml")["setup_keys"]
_ALPHABET = "BCDFGHJKMPQRTVWXY2346789N"  # N since Windows 8
_FORM = re.compile(rf"^[{_ALPHABET}]{{5}}(-[{_ALPHABET}]{{5}}){{4}}$")
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))


@dataclasses.dataclass(frozen=True)
class KeyWish:
    """What is wanted of the key. `activation_timeout` in seconds."""

    key: HostKey
    activate: bool = True
    key_group: str | None = None
    serve: frozenset[str] = frozenset()
    replace: bool = False
    reactivate: bool = False
    max_activations: int = 1
    activation_timeout: float = 300.0
    encrypted: bool = True
    known: Catalogue = STANDARD


def host_key(text: str) -> HostKey:
    """A host key in its normal form (upper case, ASCII dashes).

    Raises:
        Refusal: not of the form of a product key, or one of Microsoft's public client setup keys.
    """
    normal = "".join(text.split()).translate(_DASHES).upper()
    if re.fullmatch(r"[A-Z0-9]{25}", normal):
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
    if release not in group_hosted_on(group):
        raise Refusal(
            f"a host key of the group {group} cannot be installed on {release}; it belongs on "
            f"{', '.join(sorted(group_hosted_on(group)))}",
            name="key_group_wrong_host",
            advice="Use a host key of a group that this release can host.",
        )
    beyond = serve - group_activates(group)
    if beyond:
        raise Refusal(
            f"a host key of the group {group} does not activate {', '.join(sorted(beyond))}; it activates "
            f"{', '.join(sorted(group_activates(group)))}; use a key of a higher group, or correct `serve`",
            name="key_group_too_low",
            advice="Use a host key of a group that activates these clients.",
        )
