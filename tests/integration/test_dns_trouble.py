# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong between srv_record and a DNS server, on each of four servers: one sentence that says what to do.

Each server has its own way of saying no; the table says which sentence comes of it where. Nothing is ever published.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
import typing as t
from collections.abc import Callable
from pathlib import Path

import bind_server
import publishing
import pytest
import sentences
from dns_server import DnsServer
from estate import HOST_KEY, Data, one_task, serving
from powerdns_server import PowerDnsServer
from publishing import WRONG_SECRET, key_of, records, run, wish

from ansible_collections.activation.kms.plugins.plugin_utils._ansible.world import ControllerWorld
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Problem
from ansible_collections.activation.kms.plugins.plugin_utils._kms.publication import PublishWish
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._srv import exchange
from ansible_collections.activation.kms.plugins.plugin_utils._srv.tsig import TsigKey

Expected = tuple[str, str, tuple[str, ...]]

# PowerDNS does not say what is wrong with a signature.
NOT_SAID: Expected = ("key_refused", "NOTAUTH", ("key_name", "key_algorithm", "key_secret", "clocks"))
NOT_SERVED: Expected = ("zone_not_served", "REFUSED", ("other.example", "server"))
NO_RIGHT = ("has no right to", "SRV")


@dataclasses.dataclass(frozen=True)
class Mistake:
    """One wish that must not work.

    Attributes:
        id: its name here.
        made: the wish.
        expected: by server: name of the error, code, words of the sentence. A server that is missing has no such case.
    """

    id: str
    made: Callable[[DnsServer], PublishWish]
    expected: dict[str, Expected]


def key(**other: str) -> Callable[[DnsServer], PublishWish]:
    """The server's key but for these."""
    return lambda dns: wish(dns, key=key_of(dns, **other))


def idle_key(dns: DnsServer) -> PublishWish:
    """A key PowerDNS knows, and lets do nothing."""
    assert isinstance(dns, PowerDnsServer)
    return wish(dns, key=key_of(dns, name=dns.idle_key_name))


def any_key(dns: DnsServer) -> PublishWish:
    """A TSIG key for a server that knows none."""
    return wish(dns, key=TsigKey("kms-rollout", "hmac-sha256", Secret(WRONG_SECRET)))


UNKNOWN_KEY: Expected = ("key_unknown", "BADKEY", ("key_name", "key_algorithm"))
MISTAKES = [
    Mistake(
        "wrong secret",
        key(secret=WRONG_SECRET),
        {
            **dict.fromkeys(("bind", "knot"), ("key_secret_wrong", "BADSIG", ("key_secret", "kms-rollout"))),
            "powerdns": NOT_SAID,
        },
    ),
    Mistake(
        "unknown key",
        key(name="kms-other"),
        {**dict.fromkeys(("bind", "knot"), UNKNOWN_KEY), "powerdns": NOT_SAID},
    ),
    Mistake(
        "other algorithm",
        key(algorithm="hmac-sha512"),
        {**dict.fromkeys(("bind", "knot"), UNKNOWN_KEY), "powerdns": NOT_SAID},
    ),
    Mistake("any key", any_key, {"samba": UNKNOWN_KEY}),
    Mistake("idle key", idle_key, {"powerdns": ("update_refused", "REFUSED", (*NO_RIGHT, "TSIG-ALLOW-DNSUPDATE"))}),
    Mistake(
        "unsigned",
        lambda dns: wish(dns, key=None),
        {
            **dict.fromkeys(("bind", "powerdns"), ("update_refused", "REFUSED", ("unsigned", "auth: tsig"))),
            "knot": ("update_refused", "NOTAUTH", ("unsigned", "auth: tsig")),
            "samba": ("update_refused", "REFUSED", ("unsigned", "auth: gss_tsig")),
        },
    ),
    # A domain below the zone: its records would lie in the zone, but the key is for another name.
    Mistake(
        "another name",
        lambda dns: wish(dns, zone=f"branch.{dns.zone}"),
        {
            "bind": ("update_refused", "REFUSED", (*NO_RIGHT, "grant KEY name _vlmcs._tcp.branch.corp.example SRV")),
            "knot": ("update_refused", "BADKEY", (*NO_RIGHT, "On Knot")),
        },
    ),
    Mistake(
        "zone not served",
        lambda dns: wish(dns, zone="other.example"),
        {
            **dict.fromkeys(("bind", "knot", "powerdns"), NOT_SERVED),
            "samba": ("server_not_authoritative", "NXDOMAIN", ("other.example", "does not hold this zone")),
        },
    ),
    # The zone's parent: what the zone holds is outside of it.
    Mistake(
        "parent zone",
        lambda dns: wish(dns, zone="example"),
        {
            **dict.fromkeys(("bind", "knot", "powerdns"), ("zone_not_served", "REFUSED", ("zone example",))),
            "samba": ("server_not_authoritative", "NXDOMAIN", ("zone example", "does not hold this zone")),
        },
    ),
    Mistake(
        "closed port",
        lambda dns: wish(dns, server_port=1),
        dict.fromkeys(("bind", "knot", "powerdns", "samba"), ("dns_no_answer", "", ("nothing listens there",))),
    ),
]
NAMES = ("bind", "knot", "powerdns", "samba")


def problem_of(wished: PublishWish, *, check: bool = False) -> Problem:
    """What the run complains about, before its first change or after."""
    try:
        problem = run(wished, check=check).problem
    except Problem as refusal:
        return refusal
    assert problem is not None, "it worked"
    return problem


def judge(problem: Problem, expected: Expected) -> None:
    name, code, words = expected
    assert (problem.name, problem.code or "") == (name, code), problem.message
    sentences.judge(problem.message, "", words)


def cases() -> list[t.Any]:
    return [
        pytest.param(server, mistake, mistake.expected[server], id=f"{server}: {mistake.id}")
        for server in NAMES
        for mistake in MISTAKES
        if server in mistake.expected
    ]


@pytest.mark.parametrize(("server", "mistake", "expected"), cases(), indirect=["server"])
def test_one_sentence(dns: DnsServer, mistake: Mistake, expected: Expected) -> None:
    judge(problem_of(mistake.made(dns)), expected)
    assert records(dns) == []


KEYED = ("bind", "knot", "powerdns")


@pytest.mark.parametrize("ahead", [1000, -1000])
@pytest.mark.parametrize("server", KEYED, indirect=True)
def test_clocks_that_differ(dns: DnsServer, ahead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ControllerWorld.now
    monkeypatch.setattr(ControllerWorld, "now", lambda world: real(world) - ahead)
    problem = problem_of(wish(dns))
    if isinstance(dns, PowerDnsServer):
        judge(problem, NOT_SAID)
        return
    judge(problem, ("clock_skew", "BADTIME", ("the server is ahead" if ahead > 0 else "the server is behind",)))
    assert any(f"by {abs(ahead) + drift} seconds" in problem.message for drift in (-1, 0, 1)), problem.message
    monkeypatch.setattr(ControllerWorld, "now", lambda world: real(world) - ahead // 5)
    assert run(wish(dns), check=True).changed, "200 seconds are within what TSIG allows"


@pytest.mark.parametrize("other", [{"secret": WRONG_SECRET}, {"name": "kms-other"}, {"algorithm": "hmac-sha512"}])
@pytest.mark.parametrize("server", KEYED, indirect=True)
def test_a_bad_key_is_found_in_check_mode_too(dns: DnsServer, other: dict[str, str]) -> None:
    assert problem_of(wish(dns, key=key_of(dns, **other)), check=True).code in ("BADSIG", "BADKEY", "NOTAUTH")


@pytest.mark.parametrize("server", ["bind"], indirect=True)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_a_resolver_instead_of_the_primary(dns: DnsServer, signed: bool, tmp_path: Path) -> None:
    """It knows the records, from hearsay, and no key: yet not the key is what is wrong."""
    publishing.foreign(dns, "0 0 1688 kms1.corp.example.")
    try:
        resolver = bind_server.resolver(tmp_path, dns)
        judge(
            problem_of(wish(dns, server_port=resolver.port, key=key_of(dns) if signed else None)),
            ("server_not_authoritative", "NOERROR", ("is a resolver", "primary")),
        )
    finally:
        bind_server.stop(tmp_path)


def test_a_silent_server_fails_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only Windows can be unreachable."""
    monkeypatch.setattr(exchange, "TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        wished = PublishWish("corp.example", "127.0.0.1", "kms1.corp.example", server_port=port)
        judge(problem_of(wished), ("dns_no_answer", "", (f"port {port}", "did not answer in time")))


@pytest.mark.parametrize(
    ("reads", "words"), [(True, "was closed without an answer"), (False, "was reset")], ids=["closed", "reset"]
)
def test_a_server_that_hangs_up_fails_the_task(reads: bool, words: str) -> None:
    """In order, or with the question unread, which makes a reset of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            with contextlib.suppress(OSError):  # the listener has gone
                while True:
                    connection, _address = listener.accept()
                    with connection:
                        connection.recv(4096 if reads else 1)

        threading.Thread(target=hang_up, daemon=True).start()
        port = listener.getsockname()[1]
        wished = PublishWish("corp.example", "127.0.0.1", "kms1.corp.example", server_port=port)
        judge(problem_of(wished), ("dns_no_answer", "", (f"port {port}", words)))


@pytest.mark.once
def test_a_silent_server_fails_every_task_before_anything_is_changed(tmp_path: Path) -> None:
    """A whole host, its end, and the small modules: each fails for the DNS server, and Windows was reached."""
    host: Data = {"persona": "server-2022", "host_key": HOST_KEY}
    with (
        serving(tmp_path, {"kms1": host}, host_keys={HOST_KEY: "server_2022"}) as estate,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        port = listener.getsockname()[1]
        way = {"zone": "corp.example", "server": "127.0.0.1", "server_port": port}
        tasks = {
            "r_host": ("host", {"publish": [way], "low_priority": True}),
            "r_retire": ("host", {"publish": [way], "state": "absent"}),
            "r_record": ("srv_record", {**way, "target": "kms1.corp.example"}),
            "r_info": ("srv_record_info", way),
        }
        played = estate.play([one_task("kms1", module, options, name) for name, (module, options) in tasks.items()])
        assert set(played.results) == set(tasks)
        for result in played.results.values():
            assert result["failed"] and not result["changed"] and "unreachable" not in result
            assert result["error"]["name"] == "dns_no_answer"
            sentences.judge(result["msg"], "kms1", [f"port {port}", "did not answer in time"])
        assert estate.mutations() == [] and estate.show("kms1")["listening"] == [1688]
