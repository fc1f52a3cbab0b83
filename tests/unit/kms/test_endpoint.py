# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a port answers, in words, and what a run makes of it."""

from __future__ import annotations

import struct
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms import endpoint
from ansible_collections.activation.kms.plugins.plugin_utils._kms.endpoint import Endpoint, EndpointCheck, read_endpoint
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Item, Look, Outcome, Resource, Seen, Step
from ansible_collections.activation.kms.plugins.plugin_utils._rpc import bind
from ansible_collections.activation.kms.plugins.plugin_utils._world import NoAnswer
from ansible_collections.activation.kms.tests.unit.srv.fakes import FakeWorld

ACKNOWLEDGED = struct.pack("<BBBBIHHI", 5, 0, 12, 3, 0x10, 16 + 40, 0, 1) + (
    struct.pack("<HHIH", 5840, 5840, 1, 5) + b"1688\0" + b"\0" + struct.pack("<BxxxHH", 1, 0, 0) + bytes(16)
)
NOT_KMS = ACKNOWLEDGED[:36] + struct.pack("<HH", 2, 1) + ACKNOWLEDGED[40:]


class Peer:
    """One service behind a port.

    Attributes:
        greeting: what it sends once something came, three bytes at a time.
        silence: the door's word for what happens when there is nothing more to send; "" closes.
        received: everything sent to it.
    """

    def __init__(self, greeting: bytes = b"", silence: str = "", deaf: bool = False) -> None:
        self.greeting = greeting
        self.silence = silence
        self.deaf = deaf
        self.received = b""
        self.closed = 0

    def send(self, data: bytes) -> None:
        if self.deaf:
            raise NoAnswer("reset")
        self.received += data

    def receive(self, size: int) -> bytes:
        piece, self.greeting = self.greeting[: min(size, 3)], self.greeting[min(size, 3) :]
        if not piece and self.silence:
            raise NoAnswer(self.silence)
        return piece

    def close(self) -> None:
        self.closed += 1


class PortWorld(FakeWorld):
    """A world of ports: a Peer answers, a word is why nobody does."""

    def __init__(self, **ports: Peer | str) -> None:
        super().__init__()
        self.names = {"kms1.corp.example": list(ports)}
        self.ports: dict[str, list[Peer | str]] = {address: [port] for address, port in ports.items()}
        self.dialled: list[tuple[str, int]] = []

    def dial(self, address: str, port: int, *, timeout: float) -> Peer:
        self.dialled.append((address, port))
        found = self.ports[address][0]
        if len(self.ports[address]) > 1:
            self.ports[address].pop(0)
        if isinstance(found, str):
            raise NoAnswer(found, sent=False)
        return found


def look_at(world: PortWorld, **more: t.Any) -> Endpoint:
    reader = read_endpoint("kms1.corp.example", 1688, **more)
    return t.cast(Endpoint, reader(world, Look(world, {}, Seen())))


@pytest.mark.parametrize(
    ("peer", "state", "hint"),
    [
        (Peer(ACKNOWLEDGED, "timed out"), "answers", "registered"),
        (Peer(NOT_KMS), "other_service", "not registered"),
        (Peer(b"SSH-2.0-OpenSSH\r\n", "timed out"), "other_service", "SSH"),
        (Peer(ACKNOWLEDGED[:20]), "other_service", "cut off"),
        (Peer(), "closed", "without an answer"),
        (Peer(deaf=True), "closed", "reset"),
        (Peer(silence="reset"), "closed", "reset"),
        (Peer(silence="timed out"), "timeout", "timed out"),
        ("refused", "refused", "refused"),
        ("timed out", "timeout", "timed out"),
        ("unreachable", "no_route", "unreachable"),
    ],
)
def test_states(peer: Peer | str, state: str, hint: str) -> None:
    world = PortWorld(a=peer)
    found = look_at(world)
    assert (found.state, found.target, found.port, found.address) == (state, "kms1.corp.example", 1688, "a")
    assert hint in found.detail
    assert found.answers is (state == "answers") is (found.complaint() is None)
    assert found.as_data()["answers"] is found.answers
    if isinstance(peer, Peer):
        assert peer.closed == 1
        assert peer.received in (b"", bind.bind_packet()), "a bind and nothing else"
    if not found.answers:
        complaint = found.complaint()
        assert complaint is not None and "kms1.corp.example" in complaint and "1688" in complaint and hint in complaint


def test_a_name_without_an_address() -> None:
    found = look_at(PortWorld())
    assert (found.state, found.address) == ("unresolved", "")
    assert "no address" in str(found.complaint())


def test_every_address_is_tried_until_one_answers() -> None:
    world = PortWorld(a="refused", b=Peer(ACKNOWLEDGED), c=Peer(ACKNOWLEDGED))
    assert (look_at(world).address, world.dialled) == ("b", [("a", 1688), ("b", 1688)])


def test_an_address_is_not_looked_up() -> None:
    world = PortWorld()
    world.ports["192.0.2.7"] = [Peer(ACKNOWLEDGED)]
    found = read_endpoint(lambda look: "192.0.2.7", lambda look: 1690)(world, Look(world, {}, Seen()))
    assert found.answers and world.dialled == [("192.0.2.7", 1690)]


def test_a_service_that_is_still_starting_is_waited_for_but_not_for_ever() -> None:
    world = PortWorld(a="refused")
    world.ports["a"] += ["refused", Peer(ACKNOWLEDGED)]
    assert look_at(world, patience=30).answers
    assert len(world.dialled) == 3
    never = PortWorld(a="refused")
    assert look_at(never, patience=30).state == "refused"
    assert 5 < len(never.dialled) <= 16
    assert look_at(PortWorld(a="refused")).state == "refused"


# --- in a run


class Before(Resource):
    """Something the port depends on: not done yet, done by one step."""

    name = "before"
    needs = (str,)

    def next(self, seen: Seen) -> Item | None:
        if seen[str] == "done":
            return None
        return Step("before.do", "do", lambda later: later.having("done"), self.run, (str,))

    def run(self, world: t.Any) -> None:
        self.deed()

    def deed(self) -> None:
        """Replaced by tests."""


def run(world: PortWorld, check: EndpointCheck, state: str = "open", *, dry: bool = False) -> Outcome:
    things = {"state": state}
    before = Before()
    before.deed = lambda: things.update(state="done")  # type: ignore[method-assign]  # the whole point
    readers = {str: lambda world, look: things["state"], Endpoint: read_endpoint("kms1.corp.example", 1688)}
    return converge(world, [before, check], readers, check=dry)


def test_it_looks_after_what_comes_before_and_is_no_change() -> None:
    world = PortWorld(a=Peer(ACKNOWLEDGED))
    outcome = run(world, EndpointCheck("fail", after=(Before,)))
    assert [planned.step.id for planned in outcome.plan] == ["before.do"]
    assert outcome.problem is None and outcome.warnings == []
    assert outcome.observed[Endpoint].answers and len(world.dialled) == 1


def test_check_mode_does_not_dial() -> None:
    world = PortWorld(a="refused")
    outcome = run(world, EndpointCheck("fail"), dry=True)
    assert world.dialled == [] and outcome.problem is None and outcome.seen[Endpoint].answers


def test_policies() -> None:
    world = PortWorld(a="refused")
    failed = run(world, EndpointCheck("fail"), "done")
    assert failed.problem is not None and failed.problem.name == "endpoint_silent"
    assert "firewall" not in failed.problem.message and "licensing service" in failed.problem.message
    warned = run(world, EndpointCheck("warn"), "done")
    assert warned.problem is None and len(warned.warnings) == 1 and "refused" in warned.warnings[0]
    dialled = len(world.dialled)
    skipped = run(world, EndpointCheck("skip"), "done")
    assert skipped.problem is None and skipped.warnings == [] and len(world.dialled) == dialled


def test_a_closed_gate_keeps_it_from_looking() -> None:
    world = PortWorld(a="refused")
    assert run(world, EndpointCheck("fail", gate=lambda seen: False)).problem is None
    assert world.dialled == []


def test_a_policy_that_is_none_is_refused() -> None:
    with pytest.raises(Refusal, match="warn, fail, skip"):
        EndpointCheck(t.cast(endpoint.Policy, "maybe"))
