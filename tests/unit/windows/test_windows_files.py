# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for the host, and how they travel."""

from __future__ import annotations

import base64
import io
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._windows import files
from ansible_collections.activation.kms.plugins.plugin_utils._windows.files import base64_lines
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.shell import Completed
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows

# -- base64 for certutil


@given(st.binary(max_size=400))
def test_what_is_encoded_is_what_certutil_decodes(content: bytes) -> None:
    text = b"".join(base64_lines(io.BytesIO(content)))
    lines = text.split(b"\r\n")
    assert text.endswith(b"-----END CERTIFICATE-----\r\n"), "findstr waits for ever on a last line that is not ended"
    assert lines[0] == b"-----BEGIN CERTIFICATE-----" and lines[-2:] == [b"-----END CERTIFICATE-----", b""]
    assert base64.b64decode(b"".join(lines[1:-2])) == content
    assert all(len(line) == 76 for line in lines[1:-3])


class Endless(io.RawIOBase):
    """A file of many megabytes that counts what is taken of it at a time."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.most = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "everything at once"
        self.most = max(self.most, size)
        piece = min(size, self.left)
        self.left -= piece
        return bytes(piece)


@pytest.mark.parametrize("size", [0, 56, 57, 58, 57 * 1024, 57 * 1024 + 1, 20_000_000])
def test_memory_stays_constant_however_large_the_file(size: int) -> None:
    source = Endless(size)
    lines = base64_lines(t.cast(t.BinaryIO, source))
    assert not isinstance(lines, (list, tuple))
    sizes = [len(piece) for piece in lines]
    assert max(sizes) < 100_000 and source.most < 100_000
    whole, rest = divmod(size, 57)
    assert sum(sizes) == 29 + 27 + whole * 78 + (-(-rest // 3) * 4 + 2 if rest else 0)


def test_a_file_arrives_whole() -> None:
    world = SmallWindows()
    world.files_here["/x.exe"] = content = bytes(range(256)) * 1000
    with files.with_shell(world) as shell:
        files.upload(shell, world, "/x.exe", r"C:\T\x.exe", len(content))
    assert world.files == {r"c:\t\x.exe": content}
    assert files.file_size(world, r"C:\T\x.exe") == len(content)
    assert files.file_size(world, r"C:\T\y.exe") is None


@pytest.mark.parametrize(
    ("command", "name"), [("^findstr", "disk_full"), ("^certutil", "disk_full"), ("^mkdir", "folder_in_use")]
)
def test_a_full_disk_is_said(command: str, name: str) -> None:
    world = SmallWindows()
    world.files_here["/x.exe"] = b"content"
    world.programs.append((command, lambda line: 112))
    with pytest.raises(Failure, match="exit code 112.*free space") as caught, files.with_shell(world) as shell:
        files.make_folder(shell, world, r"C:\T")
        files.upload(shell, world, "/x.exe", r"C:\T\x.exe", 7)
    assert caught.value.name == name


COPYING = {"CommandLine": r'C:\Windows\system32\cmd.exe /C findstr "^" > C:\T\x.exe.b64'}
INSTALLING = {"CommandLine": r"C:\T\x.exe /quiet /norestart"}


def busy(world: SmallWindows, *at_work: dict[str, t.Any]) -> None:
    """The folder is in use."""
    world.classes["Win32_Process"] = list(at_work)
    world.programs += [(r"^rmdir /s /q C:\\T$", lambda line: 32), (r"^mkdir C:\\T$", lambda line: 1)]


def test_beside_the_file_a_killed_controller_copied_there_is_room() -> None:
    busy(world := SmallWindows(), COPYING)
    with files.with_shell(world) as shell:
        made = files.make_folder(shell, world, r"C:\T")
        assert not files.remove_folder(shell, r"C:\T")
    assert made.startswith("C:\\T\\") and made != "C:\\T\\"


@pytest.mark.parametrize(
    "at_work", [[INSTALLING], [COPYING, INSTALLING], []], ids=["installer", "both", "nobody knows"]
)
def test_a_folder_in_which_a_program_may_run_is_left_alone(at_work: list[dict[str, t.Any]]) -> None:
    busy(world := SmallWindows(), *at_work)
    with pytest.raises(Failure, match="installer of an interrupted run"), files.with_shell(world) as shell:
        files.make_folder(shell, world, r"C:\T")


@pytest.mark.parametrize(("code", "gone"), [(0, True), (2, True), (3, True), (32, False), (5, False)])
def test_whether_a_folder_is_gone(code: int, gone: bool) -> None:
    world = SmallWindows()
    world.programs.append(("^rmdir", lambda line: code))
    with files.with_shell(world) as shell:
        assert files.remove_folder(shell, r"C:\T") is gone


@pytest.mark.parametrize(
    ("code", "said", "told"),
    [
        (1, "", "exit code 1"),
        (1, "Title\r\n\r\nFirst\r\n\r\n There is no room.\r\n", "exit code 1: First / There is no room"),
        (1, "空き領域がありません。\r\n", "exit code 1: 空き領域がありません"),
        (0x80070070, "CertUtil: No room.\r\n", "exit code 0x80070070: CertUtil: No room"),
    ],
)
def test_how_a_command_ended_is_one_line(code: int, said: str, told: str) -> None:
    assert files.told(Completed(code, said, "")) == told


@pytest.mark.parametrize(
    ("size", "lines"),
    [(100, [r"type C:\x.log"]), (64 * 1024 + 1, [r'find /c /v "" < C:\x.log', r"more +1994 C:\x.log"])],
    ids=["short", "long"],
)
def test_of_a_long_text_only_the_end_is_fetched(size: int, lines: list[str]) -> None:
    world = SmallWindows()
    world.programs = [(r"^find ", lambda line: 0), (r"^(type|more) ", lambda line: 0)]
    world.says = {"find": "2000\r\n", "more": "one\r\n\r\nlast\r\n", "type": "one\r\n\r\nlast\r\n"}
    with files.with_shell(world) as shell:
        assert files.tail(shell, r"C:\x.log", size) == "one /  / last"
    assert [deed.removeprefix("run ") for deed in world.deeds] == lines


def test_a_text_that_cannot_be_read_is_empty() -> None:
    world = SmallWindows()
    world.programs = [(r"^(find|type|more) ", lambda line: 1)]
    with files.with_shell(world) as shell:
        assert files.tail(shell, r"C:\x.log", 10) == files.tail(shell, r"C:\x.log", 1 << 20) == ""
