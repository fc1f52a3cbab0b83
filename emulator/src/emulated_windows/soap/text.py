# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text inside XML, as the service writes it."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_IN_ATTRIBUTE = re.compile(r'[&<>"\r\n\t\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]')
_WRITTEN = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}


def _written(match: re.Match[str]) -> str:
    return _WRITTEN.get(match.group(), "?")


def escape(text: str) -> str:
    """Character data. What XML cannot carry at all becomes a question mark."""
    return _SPECIAL.sub(_written, text)


def quote(text: str) -> str:
    """The inside of an attribute value in double quotes."""
    return _IN_ATTRIBUTE.sub(_written, text)
