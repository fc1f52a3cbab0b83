# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of WMI classes as XML.

Knows the two forms recorded on Server 2003: `p:Class xsi:type="p:Class_Type"` for whole instances, and
`w:XmlFragment` with children in no namespace for column lists. Properties come sorted by name, case ignored, in the
spelling of the class.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ..soap import names
from ..soap.text import escape
from ..wmi.schema import Property, Schema
from ..wmi.values import Row, element


@lru_cache(maxsize=256)
def _opening(namespace: str, name: str) -> str:
    return (
        f'<p:{name} xmlns:xsi="{names.XSI}" xmlns:p="{names.WMI_PREFIX}{namespace}/{name}"'
        f' xmlns:cim="{names.CIM}" xsi:type="p:{name}_Type">'
    )


_FRAGMENT = f'<w:XmlFragment xmlns:xsi="{names.XSI}" xmlns:w="{names.WSMAN}">'


def instance(schema: Schema, row: Row, zone: str) -> str:
    """A whole instance."""
    inside = "".join(
        element(item.name, row.get(item.name), zone, typed=True, array=item.array) for item in schema.properties
    )
    return f"{_opening(schema.namespace, schema.name)}{inside}</p:{schema.name}>"


def address(schema: Schema, row: Row) -> str:
    """The inside of an endpoint reference. A singleton has no selectors; an empty key is an empty selector."""
    keys = () if schema.singleton else schema.keys
    selectors = "".join(f'<w:Selector Name="{key}">{escape(str(row.get(key) or ""))}</w:Selector>' for key in keys)
    chosen = f"<w:SelectorSet>{selectors}</w:SelectorSet>" if keys else ""
    return (
        f"<a:Address>{names.ANONYMOUS}</a:Address><a:ReferenceParameters>"
        f"<w:ResourceURI>{names.WMI_PREFIX}{schema.namespace}/{schema.name}</w:ResourceURI>{chosen}"
        "</a:ReferenceParameters>"
    )


def reference(schema: Schema, row: Row) -> str:
    """An endpoint reference, as enumerations give it."""
    return f"<a:EndpointReference>{address(schema, row)}</a:EndpointReference>"


def columns(schema: Schema, wanted: Sequence[str]) -> tuple[Property, ...]:
    """The columns of a list in the order of the answer. One the class does not have is taken as it is written."""
    found = {name.lower(): schema.by_name.get(name.lower(), Property(name, "string")) for name in wanted}
    return tuple(sorted(found.values(), key=lambda item: item.name.lower()))


def fragment(shown: Sequence[Property], row: Row, zone: str) -> str:
    """A row of a column list."""
    inside = "".join(element(item.name, row.get(item.name), zone, typed=False, array=item.array) for item in shown)
    return f"{_FRAGMENT}{inside}</w:XmlFragment>"
