# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for a secret in bytes, however it may be spelled there, and gathers the bytes to look in.

Knows encodings and files; nothing of what the secrets are for.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import re
import stat
import tempfile
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

# What wraps and colours text on a terminal, as such and as JSON writes it: textwrap breaks a key at its dashes.
LAYOUT = re.compile(rb"\x1b\[[0-9;]*m|\\+u001b\[[0-9;]*m|\\+[nrt]|\s+")
SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "~/.ansible")
LARGEST = 2_000_000  # bytes; what leaves a secret behind is smaller


def _for_html(text: str) -> str:
    """As templates write JSON that is to stand in HTML."""
    return re.sub(r"[<>&']", lambda found: f"\\u{ord(found.group()):04x}", json.dumps(text)[1:-1])


ESCAPES: tuple[Callable[[str], str], ...] = (
    str,
    escape,
    lambda text: escape(escape(text)),
    lambda text: quoteattr(text)[1:-1],
    lambda text: escape(text, {'"': "&quot;", "'": "&apos;"}),
    lambda text: urllib.parse.quote(text, safe=""),
    lambda text: urllib.parse.quote(urllib.parse.quote(text, safe=""), safe=""),
    urllib.parse.quote_plus,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(json.dumps(text))[3:-3],
    _for_html,
    lambda text: json.dumps(_for_html(text))[1:-1],
    lambda text: repr(text)[1:-1],
)


@functools.cache
def spellings(secret: str) -> frozenset[bytes]:
    """How it could be written, in lower case: the search does not distinguish."""
    forms = {secret, secret.replace("-", "")}
    texts = {change(form) for form in forms for change in ESCAPES}
    for variant in {change(form) for form in forms for change in (str, str.lower, str.upper)}:
        for raw in (variant.encode(), variant.encode("utf-16-le")):
            texts |= {raw.hex(), raw.hex(":"), *_in_base64(raw)}
    wide = {form.lower().encode("utf-16-le") for form in forms}
    return frozenset({text.lower().encode() for text in texts} | wide)


def _in_base64(raw: bytes) -> Iterator[str]:
    """At each of its three alignments, without the characters that depend on neighbours: an Authorization header of
    Basic holds a password in the middle of one."""
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + raw).decode()[shift + (shift > 0) : -4]
        yield text
        yield text.replace("+", "-").replace("/", "_")


def found_in(content: bytes, secret: str) -> str:
    """The first spelling of the secret in a text, also across line breaks and colours, with what stands around it, in
    lower case; "" when there is none."""
    low, flat = _readings(content)
    for spelling in spellings(secret):
        for text, wanted in ((low, spelling), (flat, LAYOUT.sub(b"", spelling))):
            at = text.find(wanted)
            if at >= 0:
                return text[max(0, at - 150) : at + 80].decode(errors="replace")
    return ""


@functools.cache
def _readings(content: bytes) -> tuple[bytes, bytes]:
    """The text in lower case as it stands, and without layout. Kept, since each text is searched for many secrets."""
    return content.lower(), LAYOUT.sub(b"", content.lower())


def contents(roots: Iterable[Path], base: Path) -> dict[str, bytes]:
    """Every file below the roots, by its path below the base. Names count as content: a secret may be in one."""
    files = [path for root in roots for path in (root.rglob("*") if root.is_dir() else [root]) if path.is_file()]
    named = [str(path.relative_to(base)) for path in files]
    return {name: name.encode() + b"\n" + path.read_bytes() for name, path in zip(named, files, strict=True)}


def left_in_shared_folders(since: float, own: Path) -> dict[str, bytes]:
    """Files that anybody wrote since then to the machine's temporary folders, but for those below `own`.

    Other programs come and go while we look: what is gone again, or not ours to read, is passed over.
    """
    found: dict[str, bytes] = {}
    for top in {os.path.realpath(os.path.expanduser(name)) for name in (*SHARED_FOLDERS, tempfile.gettempdir())}:
        for folder, below, names in os.walk(top):
            below[:] = [name for name in below if Path(folder, name) != own]
            for path in (os.path.join(folder, name) for name in names):
                with contextlib.suppress(OSError):
                    told = os.lstat(path)
                    if stat.S_ISREG(told.st_mode) and told.st_mtime >= since and told.st_size <= LARGEST:
                        found[path] = Path(path).read_bytes()
    return found
