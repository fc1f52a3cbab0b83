# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading XML by local name.

Internal to the collection activation.kms; not a public interface.

Windows puts the same element into different namespaces (Items and EndOfSequence do, MSFT_WmiError does), and the case
of a namespace is not kept, so answers are matched by local name only. Refuses to know what the elements mean.
"""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET


def parse(data: bytes) -> ET.Element | None:
    """The root element, or None when this is no XML. A document type is refused: SOAP has none (SOAP 1.2, 5)."""
    if b"<!DOCTYPE" in data or b"\0!\0D\0O" in data:
        return None
    try:
        return ET.fromstring(data)
    except (ET.ParseError, ValueError, LookupError):
        return None


def local(element: ET.Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def child(element: ET.Element | None, *path: str) -> ET.Element | None:
    """The first child with this name, and so on down the path; None where one is missing."""
    for name in path:
        if element is None:
            return None
        element = next((candidate for candidate in element if local(candidate) == name), None)
    return element


def descendants(element: ET.Element, name: str) -> t.Iterator[ET.Element]:
    """Every element with this name inside `element` (itself included), in document order."""
    return (candidate for candidate in element.iter() if local(candidate) == name)


def attribute(element: ET.Element, name: str) -> str | None:
    """An attribute by local name."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)


def text(element: ET.Element | None) -> str:
    """The element's own text without surrounding white space; "" when there is none."""
    return (element.text or "").strip() if element is not None else ""
