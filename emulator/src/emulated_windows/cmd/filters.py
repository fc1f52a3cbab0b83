# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""findstr, more and certutil: how text gets through a shell into a file.

Knows the limits that make each of them a trap on this generation: findstr never ends if its redirected input does not
end in a line feed and drops lines beyond 8191 bytes; more stops for a key after 65534 lines; certutil -decode wants
BEGIN and END lines and does not overwrite without -f.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from ..machine.disk import DiskFullError, File, InUseError
from ..machine.machine import Machine
from .program import Call, Done, Hangs, Program, Reads, Result, always, lines, never
from .texts import said, word

LONGEST_LINE = 8191
LINES_BEFORE_A_KEY = 65534
FILE_EXISTS, INVALID_DATA, FILE_MISSING = 0x80070050, 0x8007000D, 0x80070002
DISK_FULL, PATH_NOT_FOUND, IN_USE = 0x80070070, 0x80070003, 0x80070020


def _findstr(call: Call) -> Result:
    if call.arguments != ("^",):
        return Done(2, err=said(call.machine, "findstr_syntax"))
    rest = b""
    too_long = False

    def feed(data: bytes, end: bool) -> Done | None:
        nonlocal rest, too_long
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            if len(line) > LONGEST_LINE:
                too_long = True
                continue
            call.write(line.rstrip(b"\r") + b"\r\n")
        if not end or rest:
            return None  # a last line without line feed: it waits for ever
        return Done(0 if not too_long else 1, err=said(call.machine, "findstr_too_long") if too_long else "")

    return Reads(feed)


def _more(call: Call) -> Result:
    if call.arguments:
        return Done(1, err=lines("MORE: the argument is not modelled."))
    count = 0

    def feed(data: bytes, end: bool) -> Done | None:
        nonlocal count
        whole, newline, rest = data.rpartition(b"\n")
        pieces = [piece + newline for piece in whole.split(b"\n")] if newline else []
        room = max(0, LINES_BEFORE_A_KEY - count)
        call.write(b"".join(pieces[:room]).expandtabs(8))
        count += len(pieces)
        if count > LINES_BEFORE_A_KEY or (rest and count == LINES_BEFORE_A_KEY):
            count = LINES_BEFORE_A_KEY + 1
            return None
        call.write(rest)
        if not end:
            return None
        call.write(b"\r\n")
        return Done(0)

    return Reads(feed)


def _failed(machine: Machine, hresult: int, key: str) -> Done:
    number = f"0x{hresult:x} (WIN32: {hresult & 0xFFFF})"
    text = said(machine, "certutil_failed", number=number) + lines(f"CertUtil: {word(machine, key)}")
    return Done(hresult - 0x100000000, text)


def _base64_lines(source: File) -> Iterator[bytes]:
    """What stands between the BEGIN and the END line. ValueError where they are missing."""
    rest, inside, ended = b"", False, False
    for chunk in source.chunks():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            line = line.strip()
            if line.startswith(b"-----BEGIN ") and line.endswith(b"-----"):
                inside = True
            elif line.startswith(b"-----END ") and inside:
                inside, ended = False, True
            elif inside:
                yield line
    if rest.strip().startswith(b"-----END ") and inside:
        ended = True
    if not ended:
        raise ValueError("no BEGIN and END lines")


def _decode(call: Call, source: File, target: File) -> None:
    pending = b""
    for line in _base64_lines(source):
        pending += line
        if len(pending) > 65536:
            cut = len(pending) // 4 * 4
            call.machine.disk.append(target, base64.b64decode(pending[:cut], validate=True), call.machine.now())
            pending = pending[cut:]
    call.machine.disk.append(target, base64.b64decode(pending, validate=True), call.machine.now())


def _certutil(call: Call) -> Result:
    words = [word.lower() for word in call.arguments]
    force = bool(words) and words[0] in ("-f", "/f")
    rest = call.arguments[1:] if force else call.arguments
    if len(rest) != 3 or rest[0].lower() not in ("-decode", "/decode"):
        return Done(1, err=lines("CertUtil: the command line is not modelled."))
    disk = call.machine.disk
    source, path = disk.file(call.path(rest[1])), call.path(rest[2])
    if source is None:
        return _failed(call.machine, FILE_MISSING, "not_found")
    if disk.file(path) is not None and not force:
        return _failed(call.machine, FILE_EXISTS, "file_exists")
    try:
        target = disk.create(path, call.machine.now())
    except InUseError:
        return _failed(call.machine, IN_USE, "in_use")
    if target is None:
        return _failed(call.machine, PATH_NOT_FOUND, "path_not_found")
    try:
        _decode(call, source, target)
    except (ValueError, binascii.Error):
        disk.delete(path)
        return _failed(call.machine, INVALID_DATA, "invalid_data")
    except DiskFullError:
        return _failed(call.machine, DISK_FULL, "disk_full")
    return Done(
        0,
        said(call.machine, "certutil_done", before=source.size, after=target.size),
        seconds=call.machine.pace(1.0),
    )


def _wusa(_call: Call) -> Result:
    # access denied under the token of a WinRM request (KB2773898)
    return Done(5)


def _hostname(call: Call) -> Result:
    return Done(0, lines(call.machine.options.name))


def _pause(call: Call) -> Result:
    return Hangs(word(call.machine, "pause") + " ")


PROGRAMS = {
    "findstr": Program(_findstr, never),
    "more": Program(_more, never),
    "certutil": Program(_certutil, always),
    "wusa": Program(_wusa, always),
    "hostname": Program(_hostname, never),
    "pause": Program(_pause, never, builtin=True),
}
