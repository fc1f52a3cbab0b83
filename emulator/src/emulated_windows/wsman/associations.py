# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The association filter: from one instance to those that belong to it (DSP0227, 7.3).

Knows AssociatedInstances with the object's address, the association class and the class of the result. Refuses
AssociationInstances and roles: no class here has two ways to another.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ..soap import faults, names
from ..soap.faults import WsmanFault
from ..soap.request import Request, local, selectors_of
from ..wmi.provider import WmiClass
from ..wmi.values import Row
from .context import Context
from .invoke import Instances

_B, _A, _W = f"{{{names.BINDING}}}", f"{{{names.ADDRESSING}}}", f"{{{names.WSMAN}}}"
_KNOWN = frozenset({f"{_B}Object", f"{_B}AssociationClassName", f"{_B}ResultClassName"})


@dataclass(frozen=True)
class _Asked:
    """What a filter asks for; empty names leave it open."""

    uri: str
    selectors: dict[str, str]
    association: str
    result: str


def _asked(element: Element) -> _Asked:
    filters = list(element)
    if len(filters) != 1 or filters[0].tag != f"{_B}AssociatedInstances":
        raise WsmanFault(faults.UNSUPPORTED_FEATURE, "AssociatedInstances is the only association filter modelled.")
    inside = filters[0]
    unknown = [child for child in inside if child.tag not in _KNOWN]
    if unknown:
        raise WsmanFault(faults.UNSUPPORTED_FEATURE, f"{local(unknown[0].tag)} is not modelled.")
    parameters = inside.find(f"{_B}Object/{_A}ReferenceParameters")
    uri = parameters.findtext(f"{_W}ResourceURI") if parameters is not None else None
    if parameters is None or not uri:
        raise WsmanFault(faults.CANNOT_PROCESS_FILTER, "The object of the filter has no address.")
    return _Asked(
        uri.strip(),
        selectors_of(parameters.find(f"{_W}SelectorSet")),
        (inside.findtext(f"{_B}AssociationClassName") or "").strip(),
        (inside.findtext(f"{_B}ResultClassName") or "").strip(),
    )


def result_class(request: Request) -> str:
    """The class an association filter leads to, as far as it says, for the journal."""
    found = request.body.find(f"{_W}Filter") if request.body is not None else None
    for name in ("ResultClassName", "AssociationClassName"):
        text = found.findtext(f".//{_B}{name}") if found is not None else None
        if text:
            return text.strip()
    return ""


def associated(context: Context, request: Request, element: Element) -> list[tuple[WmiClass, list[Row]]]:
    """The classes an association filter leads to, each with its rows."""
    asked = _asked(element)
    target = Request(uri=asked.uri, selectors=asked.selectors)
    origin = context.class_of(target)
    if context.class_at(target)[0].lower() != context.class_at(request)[0].lower():
        raise WsmanFault(faults.CANNOT_PROCESS_FILTER, "The object is in another namespace.")
    row = Instances(context).row(origin, origin.schema_for(context.machine), target)
    known = {name.lower(): name for name in origin.associations}
    if asked.association and asked.association.lower() not in known:
        raise context.class_missing(asked.association)
    wanted = [known[asked.association.lower()]] if asked.association else list(origin.associations)
    return [
        origin.associated(context.machine, row, name)
        for name in wanted
        if asked.result.lower() in ("", origin.associations[name].lower())
    ]
