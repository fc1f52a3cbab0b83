# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded DNS server, asked and updated by dnspython and, where there is one, by nsupdate."""

from __future__ import annotations

import asyncio
import base64
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import dns.zone
import pytest
from served import fresh_address

from emulated_windows.dns_server import DnsServer
from emulated_windows.dns_zone import Zone
from emulated_windows.estate_dns import Tsig
from emulated_windows.section import EstateError

SECRET = b"thirty-two bytes of great secret"
KEY = dns.tsig.Key("kms-rollout", SECRET, "hmac-sha256")
OWNER = "_vlmcs._tcp.corp.example."
PORT = 5301


class Served:
    """A server on a loop in a thread of its own."""

    def __init__(self, tsig: Tsig | None) -> None:
        self.zone = Zone("corp.example", "127.0.0.1")
        self.zone.add_address("kms03.corp.example", "127.0.30.1")
        self.zone.add_address("elsewhere.example", "127.0.30.9")
        self.address = fresh_address()
        self.server = DnsServer(self.zone, tsig, self.address, PORT)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.server.open(), self.loop).result(10)

    def ask(self, name: str, kind: str, *, udp: bool = False, key: dns.tsig.Key | None = None, edns: int = -1) -> Any:
        query = dns.message.make_query(name, kind, use_edns=edns if edns >= 0 else False)
        query.flags &= ~dns.flags.RD
        if key is not None:
            query.use_tsig(key)
        send = dns.query.udp if udp else dns.query.tcp
        return send(query, self.address, port=PORT, timeout=10)

    def send(self, update: dns.update.UpdateMessage) -> str:
        return dns.rcode.to_text(dns.query.tcp(update, self.address, port=PORT, timeout=10).rcode())

    def records(self) -> list[str]:
        answer = self.ask(OWNER, "SRV")
        return sorted(str(rdata) for rrset in answer.answer for rdata in rrset)

    def stop(self) -> None:
        async def close() -> None:
            self.server.close()

        asyncio.run_coroutine_threadsafe(close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


@pytest.fixture
def served() -> Iterator[Served]:
    """A server with a key."""
    found = Served(Tsig("kms-rollout", "hmac-sha256", SECRET))
    yield found
    found.stop()


def update(key: dns.tsig.Key | None = KEY, zone: str = "corp.example.") -> dns.update.UpdateMessage:
    return dns.update.UpdateMessage(zone, keyring=key)


def added(*targets: str, ttl: int = 3600, owner: str = OWNER) -> dns.update.UpdateMessage:
    message = update()
    for target in targets:
        message.add(owner, ttl, "SRV", f"0 0 1688 {target}")
    return message


@pytest.mark.parametrize("udp", [True, False])
def test_queries(served: Served, udp: bool) -> None:
    answer = served.ask("KMS03.corp.example", "A", udp=udp)
    assert [str(rrset) for rrset in answer.answer] == ["KMS03.corp.example. 3600 IN A 127.0.30.1"]
    assert answer.flags & dns.flags.AA and not answer.flags & dns.flags.RA
    assert served.ask("corp.example", "SOA", udp=udp).answer[0][0].serial == 1
    assert len(served.ask("corp.example", "ANY", udp=udp).answer) == 2


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "soa"),
    [
        ("nobody.corp.example", "A", "NXDOMAIN", True),
        ("kms03.corp.example", "SRV", "NOERROR", True),
        ("elsewhere.example", "A", "REFUSED", False),
        ("corp.example", "AXFR", "REFUSED", False),
    ],
)
def test_what_is_not_there(served: Served, name: str, kind: str, rcode: str, soa: bool) -> None:
    query = dns.message.make_query(name, kind)
    answer = dns.message.from_wire(exchange(served, query.to_wire()))
    assert dns.rcode.to_text(answer.rcode()) == rcode
    assert [rrset.name.to_text() for rrset in answer.authority] == (["corp.example."] if soa else [])


def exchange(served: Served, wire: bytes) -> bytes:
    """One message over TCP, unread."""
    with socket.create_connection((served.address, PORT), timeout=10) as connection:
        connection.sendall(len(wire).to_bytes(2, "big") + wire)
        with connection.makefile("rb") as answers:
            return answers.read(int.from_bytes(answers.read(2), "big"))


def test_empty_non_terminal_exists(served: Served) -> None:
    assert served.ask("_tcp.corp.example", "A").rcode() == dns.rcode.NXDOMAIN
    served.send(added("kms03.corp.example."))
    assert served.ask("_tcp.corp.example", "A").rcode() == dns.rcode.NOERROR


def test_signed_update_is_seen_with_its_address(served: Served) -> None:
    assert served.send(added("kms03.corp.example.")) == "NOERROR"
    answer = served.ask(OWNER, "SRV", key=KEY)
    assert [str(rrset) for rrset in answer.answer] == [f"{OWNER} 3600 IN SRV 0 0 1688 kms03.corp.example."]
    assert [str(rrset) for rrset in answer.additional] == ["kms03.corp.example. 3600 IN A 127.0.30.1"]
    assert answer.had_tsig


@pytest.mark.parametrize(
    "message",
    [
        added("a.corp.example.", owner="_other._tcp.corp.example."),
        added("a.corp.example.", owner="sub._vlmcs._tcp.corp.example."),
        added("kms_1.corp.example."),
    ],
)
def test_least_privilege(served: Served, message: dns.update.UpdateMessage) -> None:
    assert served.send(message) == "REFUSED"


def test_least_privilege_by_type(served: Served) -> None:
    for kind, text in (("A", "127.0.0.9"), ("TXT", '"x"'), ("CNAME", "a.corp.example.")):
        message = update()
        message.add(OWNER, 60, kind, text)
        assert served.send(message) == "REFUSED"
    message = update()
    message.delete("kms03.corp.example.")
    assert served.send(message) == "REFUSED"
    message = update()
    message.delete("corp.example.", "SOA")
    assert served.send(message) == "REFUSED"


def test_a_refused_part_undoes_the_whole(served: Served) -> None:
    message = added("kms03.corp.example.")
    message.add("www.corp.example.", 60, "A", "127.0.0.9")
    assert served.send(message) == "REFUSED"
    assert served.records() == []
    assert served.zone.serial == 1


def test_unsigned_updates_are_refused(served: Served) -> None:
    message = update(key=None)
    message.add(OWNER, 60, "SRV", "0 0 1688 kms03.corp.example.")
    assert served.send(message) == "REFUSED"


def test_without_a_key_everybody_may_publish() -> None:
    served = Served(None)
    try:
        message = update(key=None)
        message.add(OWNER, 60, "SRV", "0 0 1688 kms03.corp.example.")
        assert served.send(message) == "NOERROR"
        with pytest.raises(dns.tsig.PeerBadKey):
            served.send(added("x.corp.example."))
    finally:
        served.stop()


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (dns.tsig.Key("nobody", SECRET, "hmac-sha256"), dns.tsig.PeerBadKey),
        (dns.tsig.Key("kms-rollout", SECRET, "hmac-sha512"), dns.tsig.PeerBadKey),
        (dns.tsig.Key("kms-rollout", b"wrong", "hmac-sha256"), dns.tsig.PeerBadSignature),
    ],
)
def test_signature_errors(served: Served, key: dns.tsig.Key, error: type[Exception]) -> None:
    with pytest.raises(error):
        served.ask(OWNER, "SRV", key=key)
    with pytest.raises(error):
        served.send(update(key))
    assert served.zone.counters["signature_errors"] == 2
    assert served.zone.counters["updates"] == 0


@pytest.mark.parametrize(("offset", "good"), [(-1000, False), (1000, False), (-200, True), (200, True)])
def test_clocks(served: Served, monkeypatch: pytest.MonkeyPatch, offset: int, good: bool) -> None:
    """The client signs with a wrong clock; the server, in the same process, reads the right one."""
    right = time.time
    message = added("kms03.corp.example.")
    monkeypatch.setattr("time.time", lambda: right() + offset)
    wire = message.to_wire()
    monkeypatch.undo()
    answer = exchange(served, wire)
    if good:
        assert dns.message.from_wire(answer, keyring=KEY, request_mac=message.mac).rcode() == dns.rcode.NOERROR
    else:
        with pytest.raises(dns.tsig.PeerBadTime):
            dns.message.from_wire(answer, keyring=KEY, request_mac=message.mac)
        assert served.records() == []


def test_zones_not_served(served: Served) -> None:
    for zone in ("other.example.", "_tcp.corp.example."):
        message = update(zone=zone)
        message.add("x." + zone, 60, "SRV", "0 0 1688 kms03.corp.example.")
        assert served.send(message) == "NOTAUTH"
    message = update()
    message.add("x.other.example.", 60, "SRV", "0 0 1688 kms03.corp.example.")
    assert served.send(message) == "NOTZONE"


def test_serial_moves_on_real_change_only(served: Served) -> None:
    def serial() -> int:
        return int(served.ask("corp.example", "SOA").answer[0][0].serial)

    steps = [
        (added("kms03.corp.example."), 2),
        (added("kms03.corp.example."), 2),
        (added("KMS03.corp.example."), 2),
        (added("kms03.corp.example.", ttl=60), 3),
        (added("kms04.corp.example.", "kms05.corp.example.", ttl=60), 4),
    ]
    for message, expected in steps:
        assert served.send(message) == "NOERROR"
        assert serial() == expected
    missing = update()
    missing.delete(OWNER, "SRV", "0 0 1688 kms99.corp.example.")
    missing.delete("missing.corp.example.")
    assert served.send(missing) == "NOERROR"
    assert serial() == 4


def test_a_new_ttl_is_that_of_the_whole_set(served: Served) -> None:
    served.send(added("kms03.corp.example."))
    served.send(added("kms04.corp.example.", ttl=60))
    assert served.ask(OWNER, "SRV").answer[0].ttl == 60


def test_deletes(served: Served) -> None:
    served.send(added("a.corp.example.", "b.corp.example.", "c.corp.example."))
    one = update()
    one.delete(OWNER, "SRV", "0 0 1688 B.corp.example.")
    one.delete(OWNER, "TXT")
    assert served.send(one) == "NOERROR"
    assert served.records() == ["0 0 1688 a.corp.example.", "0 0 1688 c.corp.example."]
    swap = update()
    swap.delete(OWNER, "SRV", "0 0 1688 a.corp.example.")
    swap.add(OWNER, 3600, "SRV", "0 5 1688 a.corp.example.")
    assert served.send(swap) == "NOERROR"
    assert served.records() == ["0 0 1688 c.corp.example.", "0 5 1688 a.corp.example."]
    everything = update()
    everything.delete(OWNER, "SRV")
    assert served.send(everything) == "NOERROR"
    assert served.ask(OWNER, "SRV").rcode() == dns.rcode.NXDOMAIN
    served.send(added("a.corp.example."))
    name = update()
    name.delete(OWNER)
    assert served.send(name) == "NOERROR"
    assert served.records() == []


def prerequisite(kind: str, *arguments: str) -> dns.update.UpdateMessage:
    message = added("new.corp.example.")
    getattr(message, kind)(*arguments)
    return message


@pytest.mark.parametrize(
    ("message", "rcode"),
    [
        (prerequisite("present", OWNER), "NOERROR"),
        (prerequisite("present", "nobody.corp.example."), "NXDOMAIN"),
        (prerequisite("present", OWNER, "SRV"), "NOERROR"),
        (prerequisite("present", OWNER, "A"), "NXRRSET"),
        (prerequisite("present", OWNER, "SRV", "0 0 1688 OLD.corp.example."), "NOERROR"),
        (prerequisite("present", OWNER, "SRV", "0 0 1700 old.corp.example."), "NXRRSET"),
        (prerequisite("absent", "nobody.corp.example."), "NOERROR"),
        (prerequisite("absent", OWNER), "YXDOMAIN"),
        (prerequisite("absent", OWNER, "A"), "NOERROR"),
        (prerequisite("absent", OWNER, "SRV"), "YXRRSET"),
        (prerequisite("absent", "nobody.other.example."), "NOTZONE"),
    ],
)
def test_prerequisites(served: Served, message: dns.update.UpdateMessage, rcode: str) -> None:
    served.send(added("old.corp.example."))
    assert served.send(message) == rcode
    assert len(served.records()) == (2 if rcode == "NOERROR" else 1)


def test_a_subset_of_the_records_is_no_fulfilled_prerequisite(served: Served) -> None:
    served.send(added("a.corp.example.", "b.corp.example."))
    assert served.send(prerequisite("present", OWNER, "SRV", "0 0 1688 a.corp.example.")) == "NXRRSET"


def test_at_most_a_hundred_records(served: Served) -> None:
    assert served.send(added(*(f"h{n}.corp.example." for n in range(100)))) == "NOERROR"
    assert served.send(added("one-more.corp.example.")) == "SERVFAIL"
    assert len(served.records()) == 100


def test_udp_truncates(served: Served) -> None:
    served.send(added(*(f"h{n}.corp.example." for n in range(60))))
    query = dns.message.make_query(OWNER, "SRV")
    answer = dns.query.udp(query, served.address, port=PORT, timeout=10)
    assert answer.flags & dns.flags.TC
    assert len(served.records()) == 60


@pytest.mark.parametrize("wire", [b"", b"\0" * 11, b"\x12\x34\x80\x00" + bytes(8)])
def test_what_deserves_no_reply(served: Served, wire: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(0.3)
        connection.connect((served.address, PORT))
        connection.send(wire)
        with pytest.raises(TimeoutError):
            connection.recv(512)
    assert served.ask("corp.example", "SOA").rcode() == dns.rcode.NOERROR


def test_garbage_is_a_format_error(served: Served) -> None:
    answer = exchange(served, b"\x12\x34\x00\x00\x00\x05" + bytes(6) + b"\xff" * 20)
    assert answer[:4] == b"\x12\x34\x80\x01"
    notify = dns.message.Message(id=7)
    notify.set_opcode(4)
    assert dns.message.from_wire(exchange(served, notify.to_wire())).rcode() == dns.rcode.NOTIMP


def test_a_machine_publishes_itself(served: Served) -> None:
    served.send(added("kms03.corp.example.", ttl=60))
    served.zone.publish("corp.example", "kms22.corp.example", 1700)
    served.zone.publish("corp.example", "kms22.corp.example", 1700)
    for zone in ("other.example", "not..a.name"):
        with pytest.raises(OSError):
            served.zone.publish(zone, "kms22.corp.example", 1700)
    assert served.records() == ["0 0 1688 kms03.corp.example.", "0 0 1700 kms22.corp.example."]
    assert served.zone.serial == 3
    assert served.zone.counters["self_published"] == 2


def test_the_zone_as_text_is_a_zone(served: Served) -> None:
    served.send(added("kms03.corp.example."))
    zone = dns.zone.from_text(served.zone.to_text(), "corp.example")
    assert zone.get_rdataset("_vlmcs._tcp", "SRV") is not None
    assert zone.get_rdataset("elsewhere.example.", "A") is None


def test_an_address_in_use_is_a_sentence(served: Served) -> None:
    second = DnsServer(served.zone, None, served.address, PORT)
    with pytest.raises(EstateError, match="the DNS server cannot listen on"):
        asyncio.run_coroutine_threadsafe(second.open(), served.loop).result(10)


@pytest.mark.skipif(shutil.which("nsupdate") is None, reason="nsupdate is not installed")
@pytest.mark.parametrize(("secret", "code"), [(SECRET, 0), (b"wrong", 2)])
def test_nsupdate(served: Served, tmp_path: Path, secret: bytes, code: int) -> None:
    key = tmp_path / "key"
    text = f'key "kms-rollout" {{ algorithm hmac-sha256; secret "{base64.b64encode(secret).decode()}"; }};\n'
    key.write_text(text, encoding="ascii")
    change = f"update add {OWNER} 60 SRV 0 0 1688 kms03.corp.example."
    script = f"server {served.address} {PORT}\nzone corp.example\n{change}\nsend\n"
    done = subprocess.run(
        ["nsupdate", "-k", str(key)], input=script, text=True, capture_output=True, timeout=30, check=False
    )
    assert done.returncode == code, done.stderr
    assert len(served.records()) == (1 if code == 0 else 0)
