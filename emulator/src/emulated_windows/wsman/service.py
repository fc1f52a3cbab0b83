# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WS-Management service of one host: bytes in, bytes out.

Knows in which order a request is looked at (encryption, size, XML, user, headers, quota, operation), which operation
an Action is, and how an answer is held back, times out or gets lost because the machine goes down. Refuses to know
sockets and authentication.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ..cmd.powershell import clear
from ..cmd.programs import mutates
from ..contract import Event, Reply
from ..machine.machine import Machine
from ..soap import answer, faults, names
from ..soap.faults import WsmanFault
from ..soap.request import NotSoapError, Request, is_identify, local, parse, read
from .associations import result_class
from .config import configuration
from .context import Context, is_wmi
from .enumeration import Enumerations, filter_text, queried_class
from .invoke import Instances, method_name
from .shells import Shells, command_line, verb_of
from .transfer import Transfer

INVALID = Event("invalid", "")
_KEY = re.compile(r"\b(?:[A-Za-z0-9]{5}-){4}([A-Za-z0-9]{5})\b")
_TRANSFER = {names.GET: "get", names.PUT: "put", names.CREATE: "create", names.DELETE: "delete"}
_ENUMERATION = {names.ENUMERATE: "enumerate", names.PULL: "pull", names.RELEASE: "release"}
_QUOTAS = {
    "operations": faults.TOO_MANY_OPERATIONS,
    "shells": faults.TOO_MANY_SHELLS,
    "user": faults.USER_LOAD,
    "system": faults.SYSTEM_LOAD,
}
ANONYMOUS_VERSION = "OS: 0.0.0 SP: 0.0 Stack: {stack}"


class Service:
    """WinRM of one host."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.context = Context(machine)
        self._enumerations = Enumerations(self.context)
        self._instances = Instances(self.context)
        self._transfer = Transfer(self.context, self._instances)
        self._shells = Shells(self.context)
        win_rm = machine.services.get("WinRM")
        if win_rm is not None:
            win_rm.on_stop.extend([self._enumerations.clear, self._shells.clear])

    # -- the way in ----------------------------------------------------------------------------------------------

    def handle(self, body: bytes, *, user: str, encrypted: bool, anonymous: bool) -> Reply:
        """Answer one request."""
        machine = self._machine
        machine.schedule.settle()
        if not machine.answers():
            return Reply(503, b"", INVALID, drop=True)
        if not encrypted and machine.dials["allow_unencrypted"] == "no" and not anonymous:
            return Reply(500, b"", INVALID)
        if len(body) > self.context.style.envelope_kb * 1024:
            return Reply(413, b"", INVALID)
        try:
            root = parse(body)
        except NotSoapError:
            return Reply(400, b"", INVALID)
        if is_identify(root):
            style = self.context.style
            version = ANONYMOUS_VERSION.format(stack=style.stack) if anonymous else style.product_version
            return Reply(200, answer.identify(version), Event("identify", ""))
        if anonymous:
            return Reply(401, b"", INVALID)
        request = Request()
        event = INVALID
        try:
            read(root, request)
            event = self._event(request)
            self._admit(request, event, user)
            reply = self._operate(request, event)
            if machine.faults.timed_out():
                raise WsmanFault(faults.TIMED_OUT)
        except WsmanFault as fault:
            reply = self._fault(request, event, fault)
        return self._delivered(request, reply)

    def _admit(self, request: Request, event: Event, user: str) -> None:
        """Quota, and whether this user is the administrator."""
        exceeded = self._machine.faults.over_quota((event.operation, event.resource) == ("shell", "create"))
        if exceeded is not None:
            raise WsmanFault(_QUOTAS[exceeded], cim_status=faults.SERVER_LIMITS)
        if self._enumerations.count() >= self.context.style.operations_per_user:
            raise WsmanFault(faults.TOO_MANY_OPERATIONS, cim_status=faults.SERVER_LIMITS)
        name = user.rpartition("\\")[2].partition("@")[0].lower()
        if name != self._machine.options.user.rpartition("\\")[2].partition("@")[0].lower():
            wmi = is_wmi(request)
            raise WsmanFault(faults.WMI_ACCESS_DENIED if wmi else faults.ACCESS_DENIED)

    # -- what it is ----------------------------------------------------------------------------------------------

    def _event(self, request: Request) -> Event:
        """Describe a request for the journal."""
        if request.uri.lower() == names.CMD_SHELL_URI.lower():
            return self._shell_event(request)
        resource = request.uri.rpartition("/")[2]
        operation = _TRANSFER.get(request.action)
        if operation is not None:
            return Event(operation, resource, "", operation != "get")
        operation = _ENUMERATION.get(request.action)
        if operation is not None:
            text = filter_text(request)
            return Event(operation, queried_class(text) or result_class(request) or resource, text)
        method = self._instances.method_of(request) if is_wmi(request) else None
        known = method is None or method.mutation
        return Event("invoke", resource, method_name(request) or local(request.action), known)

    def _shell_event(self, request: Request) -> Event:
        verb = verb_of(request)
        if verb is None:
            return INVALID
        if verb == "command":
            try:
                line = command_line(request)
            except WsmanFault:
                return Event("shell", verb)
            return Event("shell", verb, _KEY.sub(r"*-*-*-*-\1", clear(line)), mutates(self._machine, line))
        if verb == "send":
            job = self._shells.busy_command(request)
            return Event("shell", verb, "", job is not None and job.mutates)
        return Event("shell", verb)

    # -- doing it ------------------------------------------------------------------------------------------------

    def _operate(self, request: Request, event: Event) -> Reply:
        if event.operation == "shell" or request.uri.lower() == names.CMD_SHELL_URI.lower():
            return self._shell(request, event)
        if request.uri.lower() == names.CONFIG and event.operation == "get":
            return self._reply(request, event, answer.TRANSFER, configuration(self.context), 0.0)
        if not is_wmi(request):
            raise WsmanFault(faults.INVALID_RESOURCE_URI)
        if event.operation in ("enumerate", "pull", "release"):
            action = {
                "enumerate": self._enumerations.enumerate,
                "pull": self._enumerations.pull,
                "release": self._enumerations.release,
            }[event.operation]
            done = action(request)
            return self._reply(request, event, answer.ENUMERATION, done.body, done.seconds)
        if event.operation == "get":
            got = self._instances.get(request)
            return self._reply(request, event, answer.TRANSFER, got.body, got.seconds)
        if event.operation in ("put", "create", "delete"):
            moved = self._transfer.operate(request, event.operation)
            return self._reply(request, event, answer.TRANSFER, moved.body, moved.seconds)
        done_method = self._instances.invoke(request)
        return self._reply(request, event, answer.PLAIN, done_method.body, done_method.seconds)

    def _shell(self, request: Request, event: Event) -> Reply:
        if event.operation != "shell":
            raise WsmanFault(faults.ACTION_NOT_SUPPORTED)
        shells = self._shells
        action = {
            "create": shells.create,
            "delete": shells.delete,
            "command": shells.command,
            "send": shells.send,
            "receive": shells.receive,
            "signal": shells.signal,
        }[event.resource]
        head = {"delete": answer.PLAIN, "receive": answer.RECEIVE}.get(event.resource, answer.SHELL)
        if event.resource == "create" and self.context.style.old_faults:
            head = answer.OLD_SHELL
        done = action(request)
        return self._reply(request, event, head, done.body, done.seconds)

    # -- the way out ---------------------------------------------------------------------------------------------

    def _reply(self, request: Request, event: Event, head: str, body: str, seconds: float) -> Reply:
        if seconds > self.context.timeout(request):
            raise WsmanFault(faults.TIMED_OUT, seconds=seconds)
        data = answer.envelope(
            head, f"{request.action}Response", f"uuid:{self.context.new_id()}", request.message_id, body
        )
        return Reply(200, data, event, seconds)

    def _fault(self, request: Request, event: Event, fault: WsmanFault) -> Reply:
        """A fault; one that takes longer than the client waits becomes the time-out fault."""
        seconds, timeout = fault.seconds, self.context.timeout(request)
        if seconds > timeout or (fault.kind is faults.TIMED_OUT and seconds >= timeout):
            fault, seconds = WsmanFault(faults.TIMED_OUT), timeout
        data = faults.render(
            fault,
            f"uuid:{self.context.new_id()}",
            request.message_id or None,
            request.host or self._machine.options.name,
            self.context.manner(request),
        )
        return Reply(500, data, event, seconds)

    def _delivered(self, request: Request, reply: Reply) -> Reply:
        """An answer that is due after the machine has fallen silent never arrives."""
        machine = self._machine
        now = machine.now()
        silence = machine.power.silence_after(now)
        lost = (
            machine.power.state == "closing"
            and machine.dials["reboot_answer"] == "connection_lost"
            and reply.event.method in ("Reboot", "Win32Shutdown", "Win32ShutdownTracker")
            and reply.status == 200
        )
        if lost:
            return replace(reply, body=b"", drop=True)
        if silence is not None and now + reply.delay >= silence:
            return replace(reply, body=b"", delay=max(0.0, silence - now), drop=True)
        return reply
