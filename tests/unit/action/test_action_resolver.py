# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking DNS as a client does, of servers that answer, refuse, fail or say nothing. They listen on loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._ansible import resolver as module
from ansible_collections.activation.kms.plugins.plugin_utils._ansible import wishes
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.resolver import Resolver
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._srv import library

NAME = "_vlmcs._tcp.corp.example"
Answer = Callable[[dns.message.Message], bytes | None]


@contextlib.contextmanager
def listening(answer: Answer, address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A DNS server on UDP that says one thing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, port))

        def serve() -> None:
            while True:
                wire, client = server.recvfrom(4096)
                if not wire:
                    return
                said = answer(dns.message.from_wire(wire))
                if said is not None:
                    server.sendto(said, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.sendto(b"", server.getsockname())
            thread.join()


def code(name: str) -> Answer:
    def answer(question: dns.message.Message) -> bytes:
        response = dns.message.make_response(question)
        response.set_rcode(dns.rcode.from_text(name))
        return response.to_wire()

    return answer


def silence(question: dns.message.Message) -> None:
    return None


def noise(question: dns.message.Message) -> bytes:
    return question.to_wire()[:2] + b"\xff" * 9


def record(question: dns.message.Message) -> bytes:
    response = dns.message.make_response(question)
    response.answer.append(dns.rrset.from_text(NAME + ".", 60, "IN", "SRV", "0 0 1688 kms1.corp.example."))
    return response.to_wire()


def alias(question: dns.message.Message) -> bytes:
    response = dns.message.make_response(question)
    response.answer.append(dns.rrset.from_text(NAME + ".", 60, "IN", "CNAME", "elsewhere.example."))
    return response.to_wire()


def referral(question: dns.message.Message) -> bytes:
    response = dns.message.make_response(question)
    response.authority.append(dns.rrset.from_text("corp.example.", 60, "IN", "NS", "ns.corp.example."))
    return response.to_wire()


def denial(question: dns.message.Message) -> bytes:
    response = dns.message.make_response(question)
    soa = "ns.corp.example. hostmaster.corp.example. 1 1 1 1 300"
    response.authority.append(dns.rrset.from_text("corp.example.", 60, "IN", "SOA", soa))
    return response.to_wire()


@pytest.mark.parametrize("answer", [code("NXDOMAIN"), code("NOERROR"), denial], ids=["NXDOMAIN", "empty", "denial"])
def test_what_does_not_exist_is_an_answer(answer: Answer) -> None:
    with listening(answer) as port:
        assert Resolver(["127.0.0.1"], port).ask(NAME, "SRV") is None


@pytest.mark.parametrize(
    ("answer", "name", "hint"),
    [
        (code("REFUSED"), "dns_not_told", r"\(127\.0\.0\.1: REFUSED\)"),
        (code("SERVFAIL"), "dns_not_told", r"\(127\.0\.0\.1: SERVFAIL\)"),
        (code("NOTIMP"), "dns_not_told", r"\(127\.0\.0\.1: NOTIMP\)"),
        (code("YXDOMAIN"), "dns_not_told", "YXDOMAIN"),
        (noise, "dns_no_answer", r"within 0\.5 seconds\. Check"),
        (referral, "dns_not_told", "other servers"),
        (alias, "dns_not_told", "other servers"),
        (silence, "dns_no_answer", r"within 0\.5 seconds\. Check"),
    ],
    ids=["refused", "failed", "not implemented", "yxdomain", "noise", "referral", "alias that leads away", "silent"],
)
def test_trouble_is_told_in_one_sentence(answer: Answer, name: str, hint: str) -> None:
    with listening(answer) as port:
        resolver = Resolver(["127.0.0.1"], port, 0.5)
        with pytest.raises(Failure, match=hint) as caught:
            resolver.ask(NAME, "SRV")
    assert caught.value.name == name
    assert caught.value.message.startswith(f"DNS server 127.0.0.1 (port {port}) ")
    assert f"the SRV records of {NAME}" in caught.value.message and caught.value.advice in caught.value.message


def test_one_server_that_refuses_is_not_the_end() -> None:
    with listening(record, "127.0.0.2") as port, listening(code("REFUSED"), "127.0.0.1", port):
        answer = Resolver(["127.0.0.1", "127.0.0.2"], port).ask(NAME, "SRV")
    assert answer is not None and str(answer[0]) == "0 0 1688 kms1.corp.example."


def test_what_the_others_said_is_told_with_the_silence_of_one() -> None:
    with listening(silence, "127.0.0.2") as port, listening(code("REFUSED"), "127.0.0.1", port):
        resolver = Resolver(["127.0.0.1", "127.0.0.2"], port, 0.5)
        with pytest.raises(Failure, match=r"within 0\.5 seconds \(127\.0\.0\.1: REFUSED\)\. Check"):
            resolver.ask(NAME, "SRV")


def test_a_lost_datagram_is_sent_again() -> None:
    heard: list[dns.message.Message] = []

    def second_time(question: dns.message.Message) -> bytes | None:
        heard.append(question)
        return record(question) if len(heard) > 1 else None

    with listening(second_time) as port:
        assert Resolver(["127.0.0.1"], port, 1.0).ask(NAME, "SRV") is not None


def test_the_same_is_asked_once_and_recursion_is_wished_for() -> None:
    heard: list[dns.message.Message] = []

    def noted(question: dns.message.Message) -> bytes:
        heard.append(question)
        return record(question)

    with listening(noted) as port:
        resolver = Resolver(["127.0.0.1"], port)
        assert resolver.ask(NAME, "SRV") == resolver.ask(NAME, "SRV") is not None
    (question,) = heard
    assert question.flags & dns.flags.RD
    assert question.question[0].name.to_text() == NAME + "."


def test_a_server_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "addresses_of", {"dns1.corp.example": ["127.0.0.1"]}.__getitem__)
    with listening(record) as port:
        resolver = Resolver(["DNS1.corp.example"], port)
        assert resolver.ask(NAME, "SRV") is not None


def test_the_systems_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without servers; the search list of the system must play no part."""

    def configured(self: dns.resolver.Resolver, port: int) -> None:
        self.nameservers, self.port, self.search = ["127.0.0.1"], port, [dns.name.from_text("search.example")]

    with listening(code("NXDOMAIN")) as port:
        monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", lambda self, path: configured(self, port))
        resolver = Resolver([])
        assert resolver.ask(NAME, "SRV") is None
    assert resolver.peer == "the controller's DNS server 127.0.0.1"


@pytest.mark.parametrize("text", ["", "search corp.example\n"])
def test_a_controller_without_a_resolver(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    def nothing(self: dns.resolver.Resolver, path: str) -> None:
        if not text:
            raise dns.resolver.NoResolverConfiguration
        self.nameservers = []

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", nothing)
    with pytest.raises(Refusal, match="the controller.*name one in server"):
        Resolver([])


@pytest.mark.parametrize(
    ("servers", "port", "timeout", "hint"),
    [
        (["127.0.0.1"], 0, 5.0, "server_port is 0"),
        (["127.0.0.1:53"], 53, 5.0, "server '127.0.0.1:53' holds a port"),
        (["https://dns.example"], 53, 5.0, "server 'https://dns.example'"),
        (["nowhere.invalid"], 53, 5.0, "server nowhere.invalid has no address"),
        ([], 5353, 5.0, "server_port is given and server is not"),
        (["127.0.0.1"], 53, 0.0, "timeout is 0"),
        (["127.0.0.1"], 53, 301.0, "timeout is 301"),
        (["127.0.0.1"], 53, float("nan"), "timeout is nan"),
    ],
)
def test_what_cannot_work_is_refused(servers: list[str], port: int, timeout: float, hint: str) -> None:
    with pytest.raises(Refusal, match=hint):
        Resolver(servers, port, timeout)


def test_without_dnspython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "HAVE_DNSPYTHON", False)
    with pytest.raises(Refusal, match="dnspython .* is missing on the controller: pip install dnspython"):
        Resolver(["127.0.0.1"])


# -- whom the module host asks


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ({"server_port": 5353}, "server_port is given and server is not"),
        ({"server": ["192.0.2.1"], "server_port": 0}, "server_port is 0"),
        ({"timeout": 0.0}, "timeout is 0.0"),
        ({"server": ["192.0.2.1", "not a name"]}, "'not a name' is not a DNS name"),
    ],
)
def test_a_resolver_that_cannot_work_is_refused_without_asking_anybody(asked: dict[str, object], hint: str) -> None:
    with pytest.raises(Refusal, match=hint):
        wishes.self_publication_reader({"resolver": {"server": [], "server_port": 53, "timeout": 5.0, **asked}})


def test_without_the_option_the_controllers_own_is_asked() -> None:
    assert wishes.self_publication_reader({"resolver": None})
