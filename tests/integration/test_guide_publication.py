# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rights that the guide on publication gives a key, copied out of it into real servers: enough, and no more.

Knows what the guide says and what other hands see of it. How BIND, Knot, PowerDNS and Samba are started is not its
business.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import bind_server
import knot_server
import powerdns_server
import pytest
from build_tree import ROOT
from conftest import running
from dns_server import DnsServer
from publishing import foreign, log_in, nsupdate, records, run, ttls, wish
from samba_server import OTHER_USER, USER, SambaServer

from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._srv.gss import GssKey

pytestmark = pytest.mark.once

GUIDE, FIRST = (
    (ROOT / f"docs/docsite/rst/guide_{name}.rst").read_text(encoding="utf-8") for name in ("publication", "first_host")
)
_BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n\n((?:(?:   .*)?\n)+)", re.MULTILINE)
BLOCKS = [(kind, textwrap.dedent(text)) for kind, text in _BLOCK.findall(GUIDE)]
BY_KEY, BY_TICKET = (text for kind, text in BLOCKS if kind == "none")
(RULE,) = (text for kind, text in BLOCKS if kind == "yaml" and text.startswith("acl:"))
(POLICY,) = (text for kind, text in BLOCKS if kind == "lua")

Start = Callable[[Path], AbstractContextManager[DnsServer]]
WAYS: dict[str, Start] = {
    "bind": partial(running, partial(bind_server.start, policy=BY_KEY), bind_server.stop),
    "bind by ticket": partial(
        running, partial(bind_server.start, realm="CORP.EXAMPLE", policy=BY_TICKET), bind_server.stop
    ),
    "knot": partial(running, partial(knot_server.start, rule=RULE), knot_server.stop),
    "powerdns": partial(running, partial(powerdns_server.start, policy=POLICY), powerdns_server.stop),
}
OTHERS = {
    ("_vlmcs._tcp", "TXT"): "update add _vlmcs._tcp.corp.example. 600 TXT x",
    ("_ldap._tcp", "SRV"): "update add _ldap._tcp.corp.example. 600 SRV 0 0 389 kms1.corp.example.",
    ("kms1", "A"): "update add kms1.corp.example. 600 A 127.0.0.1",
    ("ns1", "A"): "update delete ns1.corp.example. A",
}
"""What the key has no right to, by the name and type that would show it."""


def silent(server: DnsServer) -> bool:
    """Whether it says nothing of what it refuses."""
    return isinstance(server, powerdns_server.PowerDnsServer)


def served(server: DnsServer, name: str, kind: str) -> str:
    """What dig finds."""
    where = [f"@{server.address}", "-p", str(server.port), f"{name}.{server.zone}", kind]
    return subprocess.run(["dig", "+tcp", "+short", *where], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module", params=list(WAYS))
def guided(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DnsServer]:
    """Each server in turn, with the rights of the guide."""
    with WAYS[request.param](tmp_path_factory.mktemp("guided")) as server:
        yield server


@pytest.fixture
def granted(guided: DnsServer, monkeypatch: pytest.MonkeyPatch) -> DnsServer:
    """The same, its Kerberos to be found."""
    for name, value in guided.environment.items():
        monkeypatch.setenv(name, value)
    log_in(guided)
    return guided


def test_the_first_host_is_told_the_same() -> None:
    assert BY_KEY.strip() in FIRST


def test_it_is_enough(granted: DnsServer) -> None:
    """To publish beside somebody else, in any letters, to change what is there, and to withdraw it."""
    foreign(granted, "5 7 1689 KMS-Old.Corp.Example.")
    assert run(wish(granted)).changed
    assert run(wish(granted, zone="CORP.Example", weight=20, ttl=600)).changed
    assert ("0 20 1688 kms1.corp.example." in records(granted), ttls(granted)) == (True, {600})
    assert run(wish(granted, state="absent")).changed
    assert [record.lower() for record in records(granted)] == ["5 7 1689 kms-old.corp.example."]


@pytest.mark.parametrize("name", list(OTHERS), ids=" ".join)
def test_it_is_no_more(granted: DnsServer, name: tuple[str, str]) -> None:
    """Refused; PowerDNS leaves out what its policy forbids, and says that all is well."""
    before = served(granted, *name)
    with contextlib.nullcontext() if silent(granted) else pytest.raises(AssertionError, match="update failed"):
        nsupdate(granted, OTHERS[name])
    assert served(granted, *name) == before


def test_what_a_policy_leaves_out_is_noticed(tmp_path: Path) -> None:
    """PowerDNS says that all is well."""
    start = partial(powerdns_server.start, policy=POLICY.replace("_vlmcs", "_other"))
    with running(start, powerdns_server.stop, tmp_path) as server:
        problem = run(wish(server)).problem
        assert problem is not None and problem.name == "not_verified" and records(server) == []


def test_a_group_shares_the_name(samba: SambaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Microsoft advises: whoever is in the group may change the name that one of them has created."""
    for name, value in samba.environment.items():
        monkeypatch.setenv(name, value)
    zone = f"group.{samba.zone}"

    def as_user(principal: str, target: str, **more: int) -> Outcome:
        """Logged in anew: a login knows the groups of its time."""
        return run(wish(samba, target, zone=zone, key=GssKey(principal, Secret(samba.password)), **more))

    assert as_user(samba.user, "kms1.corp.example").changed
    assert as_user(samba.other_user, "kms2.corp.example").problem is not None
    samba.share("_vlmcs._tcp.group", "KMS publishers", USER, OTHER_USER)
    assert as_user(samba.other_user, "kms2.corp.example").changed
    assert as_user(samba.other_user, "kms1.corp.example", weight=5).changed, "the record of the other one"
