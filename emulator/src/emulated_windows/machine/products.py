# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The products a licensing service has licences for, as rows of SoftwareLicensingProduct.

Knows that there is a row for each host key group, from Vista on rows for what the machine itself is: a client setup key
(VOLUME_KMSCLIENT), a MAK, a retail key (data/setup_keys.yml), or an evaluation (TIMEBASED_EVAL), which is nothing
else; and a row for each Office licence pack. Refuses to know which of them has a key.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..contract import HostOptions
from ..key_groups import key_groups
from ..packaged import read
from ..persona import Persona

WINDOWS_APPLICATION = "55c92734-d682-4d71-983e-d6ec3f16059f"
_OTHER_APPLICATION = "8c762649-97d1-4953-ad27-b7e2c25b972e"
_OFFICE_APPLICATION = "-a989-479d-af46-f275c6370663"
KMS_CLIENT, VOLUME_MAK, RETAIL, EVALUATION = "VOLUME_KMSCLIENT", "VOLUME_MAK", "RETAIL", "TIMEBASED_EVAL"
_OWN = {KMS_CLIENT: "Volume:GVLK", VOLUME_MAK: "Volume:MAK", RETAIL: "Retail"}
"""Words of Description and of ProductKeyChannel for what a machine itself can be."""
_EVALUATION = {EVALUATION: "Retail:TB:Eval"}
OWN_WORDS = {"kms_client": KMS_CLIENT, "retail": RETAIL}
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
    word: str = ""
    """The word of Description for what the machine itself is."""
    office: bool = False


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


def _hosts(release: str, own: OwnProduct, groups: Iterable[str]) -> list[ProductRow]:
    rows = []
    for group in groups:
        known = key_groups()[group]
        name = f"{own.name.partition(',')[0]}, {known.family} edition"
        description = f"{own.operating_system}, {known.token} channel"
        place = f"{release} {group}"
        rows.append(ProductRow(_id(place), group, name, description, WINDOWS_APPLICATION, known.family, "Volume:CSVLK"))
    return rows


def own_rows(persona: Persona, options: HostOptions) -> tuple[ProductRow, ...]:
    """What a machine itself can be; empty on Server 2003."""
    release = persona.release.id
    own = own_product(release)
    if own is None:
        return ()
    family = own.family + "Eval" * (bool(options.evaluation) and persona.evaluation_editions)
    rows = []
    for word, channel in (_EVALUATION if options.evaluation else _OWN).items():
        description = f"{own.operating_system}, {word} channel"
        name = own.name.replace(own.family, family)
        place = f"{release} {word}"
        rows.append(ProductRow(_id(place), None, name, description, WINDOWS_APPLICATION, family, channel, word))
    return tuple(rows)


def _office(packs: Iterable[str], dials: Mapping[str, str]) -> list[ProductRow]:
    """The licence packs of Office. All have one application id, or the later ones have another: a dial."""
    rows = []
    for group in packs:
        known = key_groups()[group]
        own = group != "office_2013" and dials["office_application"] == "0ff1ce16"
        application = f"{'0ff1ce16' if own else '0ff1ce15'}{_OFFICE_APPLICATION}"
        name, description = f"{known.office}, {known.family} edition", f"{known.office}, {known.token} channel"
        row = ProductRow(_id(group), group, name, description, application, known.family, "Volume:CSVLK", office=True)
        rows.append(row)
    return rows


def product_rows(
    persona: Persona, options: HostOptions, groups: Iterable[str], dials: Mapping[str, str]
) -> tuple[ProductRow, ...]:
    """All rows of a machine that takes these host key groups of Windows."""
    own = own_product(persona.release.id)
    if own is None:
        return _server_2003(groups, dials)
    hosts = [] if options.evaluation else _hosts(persona.release.id, own, groups)
    return (*hosts, *own_rows(persona, options), *_office(options.office_licences, dials))
