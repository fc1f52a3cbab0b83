# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for the host, how they travel, and the firewall's command lines and registry."""

from __future__ import annotations

import base64
import io
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Look, Seen
from ansible_collections.activation.kms.plugins.plugin_utils._windows import files
from ansible_collections.activation.kms.plugins.plugin_utils._windows.files import base64_lines
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.netsh import (
    ANY,
    LOCAL_SUBNET,
    OUR_NAME,
    Entry,
    Firewall,
    Profile,
    close_port,
    normal_scope,
    open_port,
    parse_entry,
    read_firewall,
)
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import System
from ansible_collections.activation.kms.tests.unit.kms.hosts import service, system
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
    ("command", "name"), [("^findstr", "copy_failed"), ("^certutil", "copy_failed"), ("^mkdir", "folder_in_use")]
)
def test_a_full_disk_is_said(command: str, name: str) -> None:
    world = SmallWindows()
    world.files_here["/x.exe"] = b"content"
    world.programs.append((command, lambda line: 112))
    with pytest.raises(Failure, match="exit code 112.*free space") as caught, files.with_shell(world) as shell:
        files.make_folder(shell, world, r"C:\T")
        files.upload(shell, world, "/x.exe", r"C:\T\x.exe", 7)
    assert caught.value.name == name


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


# -- the firewall's registry

POLICY = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("*", ANY),
        ("any", ANY),
        ("LocalSubNet", LOCAL_SUBNET),
        ("local_subnet", LOCAL_SUBNET),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3/255.255.255.255", "10.1.2.3/32"),
        ("10.1.2.3", "10.1.2.3/32"),
        (" 10.9.9.9/255.255.0.0 ", "10.9.0.0/16"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("nonsense", "nonsense"),
        ("10.0.0.0/255.0.255.0", "10.0.0.0/255.0.255.0"),
    ],
)
def test_a_scope_has_one_form(text: str, scope: str) -> None:
    assert normal_scope(text) == scope
    assert normal_scope(normal_scope(text)) == scope


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("1688:TCP:*:Enabled:KMS", Entry("KMS", True, frozenset([ANY]))),
        ("1688:TCP:*:Disabled:KMS", Entry("KMS", False, frozenset([ANY]))),
        (f"1688:TCP:LocalSubNet:enabled:{OUR_NAME}", Entry(OUR_NAME, True, frozenset([LOCAL_SUBNET]))),
        (
            "1688:TCP:10.0.0.0/255.0.0.0,LocalSubNet:Enabled:a: b, c",
            Entry("a: b, c", True, frozenset(["10.0.0.0/8", LOCAL_SUBNET])),
        ),
        ("1688:TCP", Entry("", False, frozenset())),
        ("", Entry("", False, frozenset())),
    ],
)
def test_an_entry_as_windows_stores_it(text: str, entry: Entry) -> None:
    assert parse_entry(text) == entry


def filtering(**profiles: str | None) -> SmallWindows:
    """Profiles that are on, with what stands in their list for the port (None: nothing)."""
    world = SmallWindows()
    for name, text in profiles.items():
        key = rf"{POLICY}\{name}Profile"
        world.set(key, "EnableFirewall", 1)
        if text is not None:
            world.set(key + r"\GloballyOpenPorts\List", "1688:TCP", text)
    return world


def look(world: SmallWindows, **changes: t.Any) -> Firewall:
    known = Seen().having(system(**changes))
    return Look(world, {Firewall: read_firewall(1688), System: lambda *_: None}, known)[Firewall]


def test_a_firewall_is_read_profile_by_profile() -> None:
    found = look(filtering(domain="1688:TCP:*:Enabled:KMS", standard=None))
    assert found.filtering and not found.group_policy
    assert found.profiles == (
        Profile("domain", True, True, Entry("KMS", True, frozenset([ANY]))),
        Profile("standard", True, True, None),
    )
    assert found.as_data()["profiles"][0]["entry"] == {"name": "KMS", "enabled": True, "scope": [ANY], "ours": False}


def test_a_profile_that_is_off_has_no_entry_that_matters() -> None:
    found = look(filtering(domain=None))
    assert [profile.enabled for profile in found.profiles] == [True, False]
    assert found.filtering


@pytest.mark.parametrize(
    "changes",
    [
        {"services": {}},
        {"services": {"sharedaccess": service("SharedAccess", "Stopped", "Disabled")}},
        {"version": "6.1.7601"},
    ],
)
def test_a_firewall_that_does_not_run_is_not_asked(changes: dict[str, t.Any]) -> None:
    world = filtering(domain=None, standard=None)
    assert not look(world, **changes).filtering
    assert world.asked == []


def test_exceptions_that_are_not_allowed_and_group_policy_are_seen() -> None:
    world = filtering(domain=None, standard=None)
    world.set(rf"{POLICY}\DomainProfile", "DoNotAllowExceptions", 1)
    world.set(r"SOFTWARE\Policies\Microsoft\WindowsFirewall\DomainProfile", "EnableFirewall", 1)
    found = look(world)
    assert [profile.exceptions_allowed for profile in found.profiles] == [False, True]
    assert found.group_policy


# -- the firewall's command lines


def lines(world: SmallWindows) -> list[str]:
    return [deed.removeprefix("run ") for deed in world.deeds]


def netsh(code: int = 0) -> SmallWindows:
    world = SmallWindows()
    world.programs.append(("^netsh firewall ", lambda line: code))
    return world


OPENING = f'netsh firewall set portopening protocol=TCP port=1688 name="{OUR_NAME}" mode=ENABLE'


@pytest.mark.parametrize(
    ("scope", "profiles", "ends"),
    [
        ({ANY}, ["domain", "standard"], ["scope=ALL profile=ALL"]),
        ({LOCAL_SUBNET}, ["standard", "domain"], ["scope=SUBNET profile=ALL"]),
        ({"10.0.0.0/8"}, ["domain"], ["scope=CUSTOM addresses=10.0.0.0/8 profile=DOMAIN"]),
        (
            {"10.0.0.0/8", LOCAL_SUBNET},
            ["standard"],
            ["scope=CUSTOM addresses=10.0.0.0/8,LocalSubnet profile=STANDARD"],
        ),
        ({"9.0.0.0/8", "10.0.0.0/8"}, ["domain"], ["scope=CUSTOM addresses=10.0.0.0/8,9.0.0.0/8 profile=DOMAIN"]),
    ],
)
def test_opening(scope: set[str], profiles: list[str], ends: list[str]) -> None:
    world = netsh()
    open_port(world, 1688, scope, profiles)
    assert lines(world) == [f"{OPENING} {end}" for end in ends]


@pytest.mark.parametrize(
    ("profiles", "names"), [(["domain", "standard"], ["ALL"]), (["domain"], ["DOMAIN"]), (["standard"], ["STANDARD"])]
)
def test_closing(profiles: list[str], names: list[str]) -> None:
    world = netsh()
    close_port(world, 1688, profiles)
    assert lines(world) == [
        f"netsh firewall delete portopening protocol=TCP port=1688 profile={name}" for name in names
    ]


def test_a_change_netsh_does_not_make_is_said_with_the_command_to_try() -> None:
    with pytest.raises(Failure, match="exit code 1.*netsh firewall set portopening") as caught:
        open_port(netsh(1), 1688, {ANY}, ["domain"])
    assert caught.value.name == "firewall_change"
