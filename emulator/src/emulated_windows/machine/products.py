# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The products a licensing service has licences for, as rows of SoftwareLicensingProduct.

Knows that there is a row for each host key group, and from Vista on rows for what the machine itself is: a client
setup key (VOLUME_KMSCLIENT), a MAK, a retail key (data/setup_keys.yml). Refuses to know which of them has a key.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..key_groups import key_groups
from ..packaged import read
from ..persona import Persona

WINDOWS_APPLICATION = "55c92734-d682-4d71-983e-d6ec3f16059f"
_OTHER_APPLICATION = "8c762649-97d1-4953-ad27-b7e2c25b972e"
CHANNELS = {"VOLUME_KMSCLIENT": "Volume:GVLK", "VOLUME_MAK": "Volume:MAK", "RETAIL": "Retail"}
"""Words of Description and of ProductKeyChannel for what a machine itself can be."""
OWN_CHANNELS = {"kms_client": "VOLUME_KMSCLIENT", "retail": "RETAIL"}
"""By the dial own_product."""


@dataclass(frozen=True)
class ProductRow:
    """A product the licensing service knows licences for."""

    id: str
    group: str | None
    """The host key group, None for what the machine itself is."""
    name: str
    description: str
    application_id: str
    family: str
    channel: str
    """What ProductKeyChannel shows while the row has a key."""


@dataclass(frozen=True)
class OwnProduct:
    """What a machine itself is, with the public client setup key of its edition."""

    name: str
    family: str
    operating_system: str
    key: str


@lru_cache(maxsize=1)
def _own_products() -> dict[str, OwnProduct]:
    return {release: OwnProduct(**row) for release, row in read("data/setup_keys.yml").items()}


def own_product(release: str) -> OwnProduct | None:
    """What a release itself is, None for Server 2003: there only KMS has a licensing service."""
    return _own_products().get(release)


def _id(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{text}.emulated.example"))


def _server_2003(groups: Iterable[str], dials: Mapping[str, str]) -> tuple[ProductRow, ...]:
    """Name and Description as seen in 2007; whether they name the group is a dial."""
    application = WINDOWS_APPLICATION if dials["application_id"] == "windows_55c9" else _OTHER_APPLICATION
    name = "Windows(TM) Server 2003 KMS"
    rows = []
    for group in groups:
        token = key_groups()[group].token if dials["description_form"] == "with_group" else "VOLUME_KMS"
        description, full = f"{name}, {token} channel", f"{name}, KmsW2k3Prs edition"
        rows.append(ProductRow(_id(group), group, full, description, application, "KmsW2k3Prs", ""))
    return tuple(rows)


def product_rows(persona: Persona, groups: Iterable[str], dials: Mapping[str, str]) -> tuple[ProductRow, ...]:
    """All rows of a machine that takes these host key groups."""
    own = own_product(persona.release.id)
    if own is None:
        return _server_2003(groups, dials)
    rows = []
    for group in groups:
        known = key_groups()[group]
        name = f"{own.name.partition(',')[0]}, {known.family} edition"
        description = f"{own.operating_system}, {known.token} channel"
        place = f"{persona.release.id} {group}"
        rows.append(ProductRow(_id(place), group, name, description, WINDOWS_APPLICATION, known.family, "Volume:CSVLK"))
    for word, channel in CHANNELS.items():
        description = f"{own.operating_system}, {word} channel"
        place = f"{persona.release.id} {word}"
        rows.append(ProductRow(_id(place), None, own.name, description, WINDOWS_APPLICATION, own.family, channel))
    return tuple(rows)
