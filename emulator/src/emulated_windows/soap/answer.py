# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Envelopes of answers that are not faults.

Knows which namespace prefixes WinRM declares for which kind of answer, as recorded on Server 2003 (enumeration) and
2008 R2 (the others), and the order of the headers.
"""

from __future__ import annotations

from . import names
from .text import escape


def _head(*prefixes: tuple[str, str]) -> str:
    declared = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in prefixes)
    return f'<s:Envelope xml:lang="en-US"{declared}><s:Header><a:Action>'


_S, _A, _X = ("s", names.SOAP), ("a", names.ADDRESSING), ("x", names.TRANSFER)
_N, _W, _P, _RSP = ("n", names.ENUMERATION), ("w", names.WSMAN), ("p", names.MICROSOFT), ("rsp", names.SHELL)
ENUMERATION = _head(_S, _A, _N, _W)
TRANSFER = _head(_S, _A, _X, _W)
PLAIN = _head(_S, _A, _W, _P)
SHELL = _head(_S, _A, _X, _W, _RSP, _P)
RECEIVE = _head(_S, _A, _W, _RSP, _P)


OLD_SHELL = _head(_S, _A, _W)
"""WinRM 1.x declares the transfer namespace on ResourceCreated itself."""


def envelope(head: str, action: str, message_id: str, relates_to: str, body: str) -> bytes:
    """An answer."""
    return (
        f"{head}{escape(action)}</a:Action><a:MessageID>{message_id}</a:MessageID><a:To>{names.ANONYMOUS}</a:To>"
        f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def identify(product_version: str) -> bytes:
    """The answer to Identify, which has no headers (DSP0226, Identify)."""
    return (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{names.SOAP}"><s:Header/><s:Body>'
        f'<wsmid:IdentifyResponse xmlns:wsmid="{names.IDENTITY}">'
        f"<wsmid:ProtocolVersion>{names.WSMAN}</wsmid:ProtocolVersion>"
        "<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
        f"<wsmid:ProductVersion>{escape(product_version)}</wsmid:ProductVersion>"
        "</wsmid:IdentifyResponse></s:Body></s:Envelope>"
    ).encode()
