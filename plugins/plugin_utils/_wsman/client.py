# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client: questions to WMI on the managed host, and what their answers or their absence mean.

Internal to the collection activation.kms; not a public interface.

Knows: enumeration with all its forms, methods, and which loss of an answer leaves the host changed or not. Refuses to
know the socket (that is `World.send`), any particular WMI class, and any retry: the engine alone repeats.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
import xml.etree.ElementTree as ET

from .._errors import Failure, OutcomeUnknown, Problem, Unreachable
from .._secret import Scrubber
from .._world import NoAnswer, World
from . import envelope, tree
from .envelope import Request, Scalar, Value
from .faults import Fault, is_fault, read_fault
from .values import Output, Page, Row, page

__all__ = ["Client", "Fault", "Identity", "Instance", "Output", "Row"]

_MOST_PULLS = 2000  # one row a Pull is seen on busy hosts; more than this is a server that never ends
_NOT_WSMAN = {404, 405, 503}  # http.sys or IIS answers and WinRM does not: stopped, starting, or another path
_GATEWAY = {502, 504}  # something on the way gave up waiting; the host may have got the request
_VERSION = re.compile(r"OS:\s*(\S+)\s+SP:\s*(\S+)\s+Stack:\s*(\S+)")


@dataclasses.dataclass(frozen=True)
class Identity:
    """What WinRM says of itself.

    Attributes:
        vendor: "Microsoft Corporation".
        product: the whole ProductVersion.
        os, service_pack: "5.2.3790" and "2.0"; "" where WinRM hides them ("0.0.0").
        stack: the WinRM version, "1.1", "2.0" or "3.0"; "" when it does not say.
    """

    vendor: str
    product: str
    os: str
    service_pack: str
    stack: str


@dataclasses.dataclass(frozen=True)
class Instance:
    """An instance with the keys it is addressed by; a key that is NULL or empty is ""."""

    row: Row
    selectors: t.Mapping[str, str]


class Client:
    """Asks one managed host. Not thread-safe; opens nothing and closes nothing.

    Attributes:
        requests: (operation, resource, method) of every message sent, in order.
    """

    def __init__(self, world: World, operation_timeout: float | None = None) -> None:
        """`operation_timeout` is the seconds WinRM may take for one answer; the world's own by default."""
        self.world = world
        self.operation_timeout = world.operation_timeout if operation_timeout is None else operation_timeout
        self.requests: list[tuple[str, str, str]] = []

    def query(self, namespace: str, wql: str) -> list[Row]:
        """All rows of a WQL query.

        Raises:
            Fault: Windows refuses the query. Unreachable: no answer. Failure: the answer makes no sense.
        """
        started = envelope.enumerate_wql(namespace, wql, timeout=self.operation_timeout)
        return [row for row, _keys in self._all(started)]

    def query_or_none(self, namespace: str, wql: str) -> list[Row] | None:
        """The same, None when the class or its namespace is not there.

        Ask it only for columns that the class has wherever it exists: a column that is missing faults alike.
        """
        try:
            return self.query(namespace, wql)
        except Fault as fault:
            if fault.class_missing:
                return None
            raise

    def instances(self, namespace: str, wql: str) -> list[Instance]:
        """All rows of a `SELECT *` query with their keys; raises as `query` does."""
        started = envelope.enumerate_wql(namespace, wql, keys=True, timeout=self.operation_timeout)
        return [Instance(row, _selectors(keys)) for row, keys in self._all(started)]

    def get(self, namespace: str, class_name: str, selectors: t.Mapping[str, Scalar] | None = None) -> Row:
        """One instance by its keys; a singleton without."""
        body = self.ask(envelope.get(namespace, class_name, selectors or {}, timeout=self.operation_timeout))
        return Row.of(self._first(body, f"reading {class_name}"))

    def associated(
        self, namespace: str, class_name: str, selectors: t.Mapping[str, Scalar], association: str, result: str
    ) -> list[Instance]:
        """The instances of class `result` that an association ties to one instance. Raises as `query` does."""
        started = envelope.enumerate_associated(
            namespace, class_name, selectors, association, result, timeout=self.operation_timeout
        )
        return [Instance(row, _selectors(keys)) for row, keys in self._all(started)]

    def put(
        self, namespace: str, class_name: str, values: t.Mapping[str, Value], selectors: t.Mapping[str, Scalar]
    ) -> None:
        """Change these properties of one instance. Raises as a mutating `invoke` does."""
        self.ask(envelope.put(namespace, class_name, values, selectors, timeout=self.operation_timeout), mutating=True)

    def create(self, namespace: str, class_name: str, values: t.Mapping[str, Value]) -> None:
        """Make an instance. Raises as a mutating `invoke` does; `Fault.already_exists` where it is there."""
        self.ask(envelope.create(namespace, class_name, values, timeout=self.operation_timeout), mutating=True)

    def delete(self, namespace: str, class_name: str, selectors: t.Mapping[str, Scalar]) -> None:
        """Delete an instance. Raises as a mutating `invoke` does; `Fault.not_found` where it is gone."""
        self.ask(envelope.delete(namespace, class_name, selectors, timeout=self.operation_timeout), mutating=True)

    def invoke(
        self,
        namespace: str,
        class_name: str,
        method: str,
        parameters: t.Mapping[str, Value] | None = None,
        *,
        selectors: t.Mapping[str, Scalar] | None = None,
        mutating: bool = True,
        timeout: float | None = None,
    ) -> Output:
        """Call a method; static without selectors.

        Raises:
            OutcomeUnknown: it is mutating and the answer was lost or timed out.
            Fault, Failure, Unreachable: as for a query; then nothing was changed by it.
        """
        patience = self.operation_timeout if timeout is None else timeout
        request = envelope.invoke(namespace, class_name, method, parameters or {}, selectors or {}, timeout=patience)
        body = self.ask(request, mutating=mutating)
        try:
            output = Output.of(self._first(body, request.doing))
            output.integer("ReturnValue")  # an unreadable one shows here, not where it is first asked for
        except Failure as problem:
            if mutating:
                raise self._lost(request, problem.message) from None
            raise
        return output

    def identify(self) -> Identity:
        """The WinRM version, the one question that needs no rights."""
        row = Row.of(self._first(self.ask(envelope.identify(timeout=self.operation_timeout)), "asking for the version"))
        product = row.text("ProductVersion") or ""
        found = _VERSION.search(product)
        system, pack, stack = found.groups() if found else ("", "", "")
        if system.startswith("0.0"):
            system = pack = ""
        return Identity(row.text("ProductVendor") or "", product, system, pack, stack)

    def ask(self, request: Request, *, mutating: bool = False) -> ET.Element:
        """Send one message; the SOAP body of its answer. Raises as `invoke` does."""
        message = envelope.to_bytes(request, self.world.host)
        self.requests.append((request.operation, request.resource, request.method))
        try:
            status, answer = self.world.send(message, timeout=request.timeout)
        except NoAnswer as silence:
            raise self._unanswered(request, silence, mutating) from None
        return self._body(request, status, answer, mutating)

    # -- what an answer means

    def _body(self, request: Request, status: int, answer: bytes, mutating: bool) -> ET.Element:
        root = tree.parse(answer)
        related = self._related(request, root)
        if root is not None and is_fault(root) and related is not False:
            self._raise_fault(request, status, answer, root, mutating)
        if not 200 <= status < 300:
            self._raise_status(request, status, answer, mutating)
        body = tree.child(root, "Body")
        if body is not None and related:
            return body
        sentence = "the answer is no WS-Management message" if body is None else "the answer belongs to another request"
        if mutating:
            raise self._lost(request, sentence)
        raise self._failure(
            f"{request.doing}: {sentence}; look for a proxy between the controller and the host", "answer_unreadable"
        )

    def _related(self, request: Request, root: ET.Element | None) -> bool | None:
        """Whether the answer says that it answers this request; None when it does not say."""
        if request.operation == "identify":
            return True
        relates_to = tree.text(tree.child(root, "Header", "RelatesTo"))
        return relates_to.lower() == request.message_id.lower() if relates_to else None

    def _raise_fault(
        self, request: Request, status: int, answer: bytes, root: ET.Element | None, mutating: bool
    ) -> t.NoReturn:
        scrubber = Scrubber(request.secrets())
        fault = read_fault(self.world.host, request.doing, status, answer, root, scrubber.text)
        if fault.timed_out and mutating:
            raise self._lost(request, f"it took longer than {request.timeout:.0f} seconds", fault.code)
        raise fault

    def _raise_status(self, request: Request, status: int, answer: bytes, mutating: bool) -> t.NoReturn:
        """What an HTTP status without a fault means."""
        if status == 401:
            raise self._login_refused()
        if status in _NOT_WSMAN or (status in _GATEWAY and not mutating):
            raise Unreachable(
                f"{self.world.host}: the web server of the host answered with HTTP status {status}, WinRM did not; "
                "check that the service WinRM runs, ansible_port (80 for WinRM 1.1, else 5985) and ansible_winrm_path "
                "(ansible_psrp_path)",
                name="unreachable",
            )
        if status in _GATEWAY:
            raise self._lost(request, f"HTTP status {status}")
        if status == 500 and not answer.strip():
            raise self._failure(
                "WinRM refused the message without a word, as it does with unencrypted messages; "
                "set ansible_winrm_transport (ansible_psrp_auth) to ntlm or kerberos and message encryption not to "
                "never, or use https (ansible_port: 5986)",
                "unencrypted_refused",
            )
        if status in (400, 403, 413):
            raise self._failure(
                f"{request.doing}: WinRM refused the message with HTTP status {status}; "
                "check ansible_winrm_transport and ansible_winrm_message_encryption (ansible_psrp_auth and "
                "ansible_psrp_message_encryption)",
                "http_error",
            )
        self._raise_fault(request, status, answer, None, mutating)

    def _unanswered(self, request: Request, silence: NoAnswer, mutating: bool) -> Problem:
        """What silence means: a mutating request that went out may have been carried out."""
        if silence.login_refused:
            return self._login_refused()
        if mutating and silence.sent:
            return self._lost(request, silence.reason)
        advice = silence.advice or (
            "check that the host is up, that WinRM listens (winrm enumerate winrm/config/listener), ansible_port and "
            "the firewall"
        )
        return Unreachable(
            f"{self.world.host}: no answer from WinRM while {request.doing}: {silence.reason}; {advice}",
            name="unreachable",
        )

    def _login_refused(self) -> Unreachable:
        return Unreachable(
            f"{self.world.host}: WinRM refused the login; check ansible_user, ansible_password and "
            "ansible_winrm_transport (ansible_psrp_auth), and that the user is a member of the host's Administrators "
            "group",
            name="login_refused",
        )

    def _lost(self, request: Request, why: str, code: str | None = None) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"{self.world.host}: the answer to {request.doing} was lost ({why}), so it is not known whether it was "
            "carried out; run the play again, it looks before it repeats anything",
            name="outcome_unknown",
            code=code,
        )

    def _failure(self, sentence: str, name: str) -> Failure:
        return Failure(f"{self.world.host}: {sentence}", name=name)

    def _first(self, body: ET.Element, doing: str) -> ET.Element:
        found = next(iter(body), None)
        if found is None:
            raise self._failure(f"{doing}: the answer is empty; look at the event log of the host", "answer_unreadable")
        return found

    # -- enumeration

    def _all(self, started: Request) -> list[tuple[Row, Row | None]]:
        """Every row of an enumeration with its keys where they were asked for."""
        current = self._page(started, "EnumerateResponse")
        found = list(zip(current.rows, current.references, strict=True))
        context = current.context or ""
        pulls = 0
        while context and not current.ended:
            if pulls == _MOST_PULLS:
                self._release(started, context)
                raise self._failure(f"{started.doing} did not end after {pulls} messages", "endless_answer")
            current = self._pull(started, context)
            found.extend(zip(current.rows, current.references, strict=True))
            context = current.context or context
            pulls += 1
        return found

    def _pull(self, started: Request, context: str) -> Page:
        """More rows. A query that broke is released, or it counts against the quota until it times out."""
        try:
            return self._page(envelope.pull(started, context), "PullResponse")
        except Failure:
            self._release(started, context)
            raise

    def _page(self, request: Request, expected: str) -> Page:
        """An answer of an enumeration; anything else must not be taken for "no rows"."""
        response = tree.child(self.ask(request), expected)
        if response is None:
            raise self._failure(f"{request.doing}: the answer is no {expected}; look at the host", "answer_unreadable")
        return page(response)

    def _release(self, started: Request, context: str) -> None:
        try:
            self.ask(envelope.release(started, context))
        except Problem:
            self.world.log(f"the query of {started.resource} could not be released; it ends by itself")


def _selectors(keys: Row | None) -> dict[str, str]:
    return {} if keys is None else {name: keys.text(name) or "" for name in keys}
