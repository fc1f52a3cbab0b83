# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes value-free skeletons of recorded WinRM answers, so that shapes can be compared without the recordings.

A skeleton holds names, namespaces, order, nil, and how many items a message has; no value of any machine. Knows how to
read an answer. Refuses to know what an answer means.

    python tests/tools/make_skeletons.py RECORDED tests/emulator/core/skeletons
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

Element = ElementTree.Element
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_DECLARED = re.compile(rb"""xmlns:(\w+)\s*=\s*["']([^"']*)["']""")
_ROOT = re.compile(rb"<s:Envelope[^>]*>")
_ITEMS, _CONTEXT = "Items", "EnumerationContext"
_NEWER = "ActivityId"  # a header Windows sends from 2012 on
_SHORT = {
    "http://www.w3.org/2003/05/soap-envelope": "s",
    "http://schemas.xmlsoap.org/ws/2004/08/addressing": "a",
    "http://schemas.xmlsoap.org/ws/2004/09/transfer": "x",
    "http://schemas.xmlsoap.org/ws/2004/08/eventing": "e",
    "http://schemas.xmlsoap.org/ws/2004/09/enumeration": "n",
    "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd": "w",
    "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd": "p",
    "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault": "f",
    "http://schemas.microsoft.com/wbem/wsman/1/windows/shell": "rsp",
    "http://schemas.dmtf.org/wbem/wscim/1/common": "cim",
}
_WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/"


def local(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2]


def _name(tag: str) -> str:
    """A tag with a short name for its namespace; `wmi:Class` for the namespace of a class."""
    uri, _, name = tag.lstrip("{").rpartition("}")
    if not uri:
        return name
    return f"{_SHORT.get(uri, uri.replace(_WMI, 'wmi:'))}|{name}"


def _property(element: Element) -> str:
    if element.get(_NIL) == "true":
        return f"{local(element.tag)}=nil"
    return f"{local(element.tag)}={_name(element[0].tag)}" if len(element) else local(element.tag)


def _row(element: Element) -> dict[str, Any]:
    """A row, and the one namespace all its properties are in."""
    inside = {_name(child.tag).rpartition("|")[0] for child in element}
    return {
        "tag": _name(element.tag),
        "type": element.get(_TYPE),
        "in": sorted(inside),
        "properties": " ".join(_property(child) for child in element),
    }


def _tree(element: Element) -> Any:
    """Names and attribute names of anything that is not a row."""
    if local(element.tag) == _ITEMS:
        return [_name(element.tag), _runs([_row(child) for child in element])]
    attributes = " ".join(sorted(_name(name) for name in element.attrib if not name.endswith("}lang")))
    children = [_tree(child) for child in element]
    if local(element.tag) == _CONTEXT and element.text:
        attributes = "(not empty)"
    return [f"{_name(element.tag)} {attributes}".strip(), *([children] if children else [])]


def _runs(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows as distinct shapes and the order they come in."""
    shapes: list[dict[str, Any]] = []
    order: list[list[int]] = []
    for row in rows:
        if row not in shapes:
            shapes.append(row)
        number = shapes.index(row)
        if order and order[-1][0] == number:
            order[-1][1] += 1
        else:
            order.append([number, 1])
    return {"shapes": shapes, "order": order}


def skeleton(data: bytes) -> dict[str, Any]:
    """The skeleton of one answer."""
    root = ElementTree.fromstring(data)
    opening = _ROOT.search(data)
    declared = [
        f"{name.decode()}={_SHORT.get(uri.decode(), uri.decode())}"
        for name, uri in _DECLARED.findall(opening.group() if opening else b"")
    ]
    header, body = root[0], root[1]
    return {
        "namespaces": " ".join(sorted(declared)),
        "headers": " ".join(_name(child.tag) for child in header if local(child.tag) != _NEWER),
        "body": [_tree(child) for child in body],
    }


def skeletons(recorded: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every recording below a folder, by `folder/name`."""
    for path in sorted(recorded.glob("*/*.xml")):
        yield f"{path.parent.name}/{path.stem}", skeleton(path.read_bytes())


def main(recorded: Path, target: Path) -> None:
    """Write one JSON file for each folder of recordings."""
    found: dict[str, dict[str, Any]] = {}
    for name, made in skeletons(recorded):
        folder, _, stem = name.partition("/")
        found.setdefault(folder, {})[stem] = made
    target.mkdir(parents=True, exist_ok=True)
    for folder, made in found.items():
        text = json.dumps(made, indent=None, separators=(",", ":"), sort_keys=True)
        (target / f"{folder}.json").write_text(text.replace('},"', '},\n"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
