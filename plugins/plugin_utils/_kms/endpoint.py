# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the KMS RPC interface answer on its port, seen from the controller?

Internal to the collection activation.kms; not a public interface.

A bind is sent and nothing else. Its acknowledgement proves that the interface is registered and that network and
firewall let the controller through; neither that the host is activated nor that it has reached its threshold, and
nothing about networks the controller is not in.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Refusal
from .._plan import Item, Look, Observe, Reader, Resource, Seen
from .._rpc import bind
from .._srv.names import is_address
from .._world import NoAnswer, Stream, World

State = t.Literal["answers", "other_service", "refused", "timeout", "closed", "no_route", "unresolved", "not_looked"]
Policy = t.Literal["warn", "fail", "skip"]
POLICIES: t.Final[tuple[Policy, ...]] = ("warn", "fail", "skip")
TIMEOUT = 5.0  # seconds for the connection, and again for the answer
_AGAIN = 2.0  # seconds between two attempts while the service may still be starting
_FIRST = 16  # bytes of an RPC header

_ADVICE: t.Final[t.Mapping[str, str]] = {
    "other_service": "Is this the port KMS listens on? Something else answers there",
    "refused": "Is the licensing service running, is a host key installed, and does it listen on this port",
    "timeout": "A firewall between the controller and the host, or on the host, probably drops the packets",
    "closed": "The connection was accepted and closed again; a firewall or proxy in between may do that",
    "no_route": "Check the address and the network between the controller and the host",
    "unresolved": "The name must resolve on the controller; give its address or mend DNS",
}


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """What the port answered.

    Attributes:
        state: answers: the KMS RPC interface is registered there. other_service: something else listens. refused:
            nothing listens. timeout: no connection, or no answer, in time. closed: accepted, then closed. no_route: the
            network does not lead there. unresolved: the name has no address. not_looked: nobody looked.
        detail: a few words for a person.
        target: the host as it was named.
        port: the TCP port.
        address: the address that answered, or was tried last; "" when there is none.
    """

    key: t.ClassVar[str] = "endpoint"

    state: State
    detail: str = ""
    target: str = ""
    port: int = 0
    address: str = ""

    @property
    def answers(self) -> bool:
        """Whether the KMS RPC interface answered."""
        return self.state == "answers"

    def as_data(self) -> dict[str, t.Any]:
        """{state, answers, detail, target, port, address}."""
        return {
            "state": self.state,
            "answers": self.answers,
            "detail": self.detail,
            "target": self.target,
            "port": self.port,
            "address": self.address,
        }

    def complaint(self) -> str | None:
        """One sentence on what is wrong, or None."""
        if self.answers:
            return None
        at = f" ({self.address})" if self.address and self.address != self.target else ""
        return (
            f"TCP port {self.port} of {self.target}{at} did not answer as a KMS host to the controller: {self.detail}. "
            f"{_ADVICE.get(self.state, 'Nobody looked')}."
        )


def read_endpoint(
    target: str | t.Callable[[Look], str],
    port: int | t.Callable[[Look], int],
    timeout: float = TIMEOUT,
    patience: float = 0.0,
) -> Reader:
    """A reader of Endpoint.

    Args:
        target: a name or an address, or how to find it in what was seen.
        port: the TCP port, or how to find it.
        timeout: seconds for the connection, and again for the answer.
        patience: seconds to try again while nothing answers, for a service that has just been restarted.
    """

    def reader(world: World, look: Look) -> Endpoint:
        where = target if isinstance(target, str) else target(look)
        number = port if isinstance(port, int) else port(look)
        until = world.now() + patience
        while True:
            found = _probe(world, where, number, timeout)
            if found.answers or world.now() + _AGAIN > until:
                return found
            world.sleep(_AGAIN)

    return reader


def _always(seen: Seen) -> bool:
    return True


class EndpointCheck(Resource):
    """Looks at the port once, after what comes before it.

    Args:
        policy: fail ends the run, and holds back what comes after; warn says so; skip does not look.
        gate: whether it is time to look.
        after: the kinds of resources that must not have been ended by a pause or a failure.
    """

    name = "endpoint"
    needs = ()  # it is looked at after the steps, never in the first look

    def __init__(
        self,
        policy: Policy,
        *,
        gate: t.Callable[[Seen], bool] = _always,
        after: tuple[type[Resource], ...] = (),
    ) -> None:
        if policy not in POLICIES:
            raise Refusal(f"verify_endpoint must be one of {', '.join(POLICIES)}", name="bad_wish")
        self._policy = policy
        self._gate = gate
        self.after = after

    def next(self, seen: Seen) -> Item | None:
        """An Observe until somebody has looked."""
        if self._policy == "skip" or seen.get(Endpoint) is not None or not self._gate(seen):
            return None
        return Observe(
            assume=Endpoint("answers", "taken for granted until it is looked at"),
            judge=lambda later: later[Endpoint].complaint(),
            fails=self._policy == "fail",
            name="endpoint_silent",
        )


def _probe(world: World, target: str, port: int, timeout: float) -> Endpoint:
    """Try the target's addresses in turn until one answers as KMS; else the last one's story."""
    found = Endpoint("unresolved", f"the name {target} has no address as seen from the controller", target, port)
    for address in [target] if is_address(target) else world.resolve(target):
        state, detail = _ask(world, address, port, timeout)
        found = Endpoint(state, detail, target, port, address)
        if found.answers:
            break
    return found


def _ask(world: World, address: str, port: int, timeout: float) -> tuple[State, str]:
    try:
        stream = world.dial(address, port, timeout=timeout)
    except NoAnswer as silence:
        return _state_of(silence.reason, "no_route"), silence.reason
    try:
        stream.send(bind.bind_packet())
        received = _receive(stream)
    except NoAnswer as silence:
        return _state_of(silence.reason, "closed"), f"connected, then {silence.reason} instead of an answer"
    finally:
        stream.close()
    if not received:
        return "closed", "the connection was closed without an answer"
    answer = bind.read_answer(received)
    return ("answers" if answer.accepted else "other_service"), answer.detail


def _receive(stream: Stream) -> bytes:
    """One RPC packet, or what there is of it when the peer closes."""
    received, wanted = b"", _FIRST
    while wanted:
        more = stream.receive(wanted)
        if not more:
            break
        received += more
        wanted = bind.bytes_wanted(received)
    return received


def _state_of(reason: str, otherwise: State) -> State:
    """The door's words for why it found nobody."""
    text = reason.lower()
    if "refused" in text:
        return "refused"
    if "timed out" in text or "timeout" in text:
        return "timeout"
    return otherwise
