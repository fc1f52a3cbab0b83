# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The remote command shell (WinRS): Create, Command, Send, Receive, Signal, Delete.

Knows the messages of MS-WSMV 3.1.4.5 ff., ids and their checks, limits and idle time-out of WinRM 2.0, and that a
Receive is held back until there is something to say or the time-out is due. Refuses to know commands.
"""

from __future__ import annotations

import base64
import binascii
import codecs
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from ..cmd.job import Job
from ..machine.processes import Process
from ..machine.schedule import Task
from ..soap import faults, names
from ..soap.faults import Provider, WsmanFault
from ..soap.request import Request, duration
from ..soap.text import escape
from .context import Context

_RSP = f"{{{names.SHELL}}}"
_DLL = r"%systemroot%\system32\winrscmd.dll"
_FILE_NOT_FOUND = 2147942402
_PIPE_CLOSED = 2147942509
CHUNK = 32_000
LARGEST_ANSWER = 96_000
PROVIDER_HOST = 680
_NO_COMMAND = "The command identifier does not exist: the command has ended, or it never was."


@dataclass(frozen=True)
class Answer:
    """Body of an answer and the seconds it is held back."""

    body: str
    seconds: float = 0.0


@dataclass
class _Shell:
    id: str
    host: Process
    folder: str
    variables: dict[str, str]
    idle: float
    used: float
    codec: str | None
    """Its code page, as Python calls it; None for the OEM code page of the machine."""
    watch: Task | None = None
    jobs: dict[str, Job] = field(default_factory=dict)
    reported: set[str] = field(default_factory=set)
    """Commands whose end the client has been told."""


def command_line(request: Request) -> str:
    """The command line of a Command, for the journal and for running it."""
    body = request.body
    if body is None or body.tag != f"{_RSP}CommandLine":
        raise WsmanFault(faults.SCHEMA, "CommandLine expected in the body.")
    command = (body.findtext(f"{_RSP}Command") or "").strip()
    if not command:
        raise WsmanFault(faults.SCHEMA, "Command expected in CommandLine.")
    return " ".join([command, *((item.text or "") for item in body.findall(f"{_RSP}Arguments"))]).strip()


def _codec(request: Request) -> str | None:
    """The code page a Create asks for (WINRS_CODEPAGE), as Python calls it."""
    number = request.options.get("WINRS_CODEPAGE")
    if number is None:
        return None
    try:
        return codecs.lookup("utf-8" if number == "65001" else f"cp{number}").name
    except LookupError:
        raise WsmanFault(faults.INVALID_PARAMETER, f"There is no code page {number}.") from None


class Shells:
    """All shells of one host."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._machine = context.machine
        self._open: dict[str, _Shell] = {}
        self._machine.open_shells = lambda: list(self._open)
        self._machine.power.on_down.append(self.clear)

    def clear(self) -> None:
        """The machine or its WinRM has stopped: shells die with it."""
        for shell in list(self._open.values()):
            self._close(shell)

    def busy_command(self, request: Request) -> Job | None:
        """The command a Send is for; for the journal."""
        shell = self._open.get(request.selectors.get("ShellId", ""))
        stream = request.body.find(f"{_RSP}Stream") if request.body is not None else None
        return shell.jobs.get(stream.get("CommandId", "")) if shell is not None and stream is not None else None

    # -- shells --------------------------------------------------------------------------------------------------

    def create(self, request: Request) -> Answer:
        """Open a shell."""
        body = request.body
        if body is None or body.tag != f"{_RSP}Shell":
            raise WsmanFault(faults.SCHEMA, "Shell expected in the body.")
        if request.selectors:
            raise WsmanFault(faults.UNEXPECTED_SELECTORS)
        self._check_streams(body)
        codec = _codec(request)
        if len(self._open) >= self._context.style.shells_per_user:
            raise WsmanFault(faults.TOO_MANY_SHELLS, cim_status=faults.SERVER_LIMITS)
        idle = duration(body.findtext(f"{_RSP}IdleTimeOut") or "") or float(self._context.style.shell_idle_seconds)
        now = self._machine.now()
        host = self._machine.processes.start(
            rf"{self._machine.persona.windows}\system32\winrshost.exe -Embedding", now, PROVIDER_HOST
        )
        variables = {
            item.get("Name") or "": item.text or "" for item in body.iterfind(f"{_RSP}Environment/{_RSP}Variable")
        }
        folder = (body.findtext(f"{_RSP}WorkingDirectory") or "").strip() or self._home()
        shell_id = self._context.style.shell_prefix + self._context.new_id()
        shell = _Shell(shell_id, host, folder, variables, idle, now, codec)
        self._open[shell.id] = shell
        self._watch(shell)
        return Answer(self._created(request, shell))

    def _home(self) -> str:
        return rf"C:\{'Documents and Settings' if self._machine.persona.since < (6, 0) else 'Users'}\Administrator"

    @staticmethod
    def _check_streams(body: Element) -> None:
        ins = (body.findtext(f"{_RSP}InputStreams") or "stdin").split()
        outs = (body.findtext(f"{_RSP}OutputStreams") or "stdout stderr").split()
        if not set(ins) <= {"stdin"} or not set(outs) <= {"stdout", "stderr"}:
            raise WsmanFault(faults.INVALID_PARAMETER, "A stream with this name does not exist.")

    def _created(self, request: Request, shell: _Shell) -> str:
        block = ""
        if self._context.style.shell_block:
            block = (
                f'<rsp:Shell xmlns:rsp="{names.SHELL}"><rsp:ShellId>{shell.id}</rsp:ShellId>'
                f"<rsp:ResourceUri>{names.CMD_SHELL_URI}</rsp:ResourceUri>"
                f"<rsp:Owner>{escape(self._machine.options.user)}</rsp:Owner>"
                "<rsp:ClientIP>127.0.0.1</rsp:ClientIP>"
                f"<rsp:IdleTimeOut>PT{shell.idle:.3f}S</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams>"
                "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams>"
                "<rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime>"
                "<rsp:ShellInactivity>P0DT0H0M0S</rsp:ShellInactivity></rsp:Shell>"
            )
        old = self._context.style.old_faults
        declared = f' xmlns:x="{names.TRANSFER}"' if old else ""
        address = names.ANONYMOUS if old else escape(request.to)
        return (
            f"<x:ResourceCreated{declared}><a:Address>{address}</a:Address><a:ReferenceParameters>"
            f"<w:ResourceURI>{names.CMD_SHELL_URI}</w:ResourceURI><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{shell.id}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
            f"</x:ResourceCreated>{block}"
        )

    def _watch(self, shell: _Shell) -> None:
        """End the shell when nobody has used it for its idle time-out."""

        def look() -> None:
            if shell.id in self._open:
                if self._machine.now() - shell.used >= shell.idle - 0.001:
                    self._close(shell)
                else:
                    shell.watch = self._machine.while_up(shell.used + shell.idle - self._machine.now(), look)

        shell.watch = self._machine.while_up(shell.idle, look)

    def _close(self, shell: _Shell) -> None:
        self._open.pop(shell.id, None)
        if shell.watch is not None:
            shell.watch.cancel()
        for job in shell.jobs.values():
            job.kill()
        self._machine.processes.kill(shell.host)

    def _shell(self, request: Request) -> _Shell:
        wanted = {name: value for name, value in request.selectors.items() if name == "ShellId"}
        if not wanted:
            raise WsmanFault(faults.INSUFFICIENT_SELECTORS if not request.selectors else faults.UNEXPECTED_SELECTORS)
        shell = self._open.get(wanted["ShellId"])
        if len(request.selectors) > 1 or shell is None:
            kind = faults.UNEXPECTED_SELECTORS
            raise WsmanFault(
                kind, provider=Provider("Shell provider", r"%systemroot%\system32\WsmSvc.dll", kind.code, kind.reason)
            )
        shell.used = self._machine.now()
        return shell

    def delete(self, request: Request) -> Answer:
        """Close a shell; what still runs in it dies."""
        shell = self._shell(request)
        if request.body is not None:
            raise WsmanFault(faults.SCHEMA, "Delete has an empty body.")
        self._close(shell)
        return Answer("")

    # -- commands ------------------------------------------------------------------------------------------------

    def command(self, request: Request) -> Answer:
        """Start a command."""
        shell = self._shell(request)
        text = command_line(request)
        if sum(job.ending is None for job in shell.jobs.values()) >= self._context.style.processes_per_shell:
            raise WsmanFault(faults.TOO_MANY_PROCESSES)
        for option, value in request.options.items():
            if option.startswith("WINRS_") and value.upper() not in ("TRUE", "FALSE", "1", "0"):
                raise WsmanFault(faults.INVALID_PARAMETER, f"{option} must be TRUE or FALSE.")
        direct = request.options.get("WINRS_SKIP_CMD_SHELL", "FALSE").upper() in ("TRUE", "1")
        job = Job(
            self._machine,
            text,
            direct=direct,
            parent=shell.host.pid,
            folder=shell.folder,
            variables=shell.variables,
            codec=shell.codec,
        )
        if job.missing:
            raise WsmanFault(
                faults.INTERNAL_ERROR,
                code=_FILE_NOT_FOUND,
                provider=Provider("Shell cmd plugin", _DLL, None, "The system cannot find the file specified."),
            )
        command_id = self._context.style.shell_prefix + self._context.new_id()
        shell.jobs[command_id] = job
        return Answer(f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>")

    def _job(self, shell: _Shell, command_id: str | None) -> Job:
        job = shell.jobs.get(command_id or "")
        if job is None:
            raise WsmanFault(faults.UNEXPECTED_SELECTORS, _NO_COMMAND)
        return job

    def send(self, request: Request) -> Answer:
        """Standard input for a command."""
        shell = self._shell(request)
        streams = list(request.body) if request.body is not None and request.body.tag == f"{_RSP}Send" else []
        if not streams or any(stream.tag != f"{_RSP}Stream" for stream in streams):
            raise WsmanFault(faults.SCHEMA, "Send with streams expected in the body.")
        for stream in streams:
            job = self._job(shell, stream.get("CommandId"))
            if stream.get("Name") != "stdin":
                raise WsmanFault(faults.INVALID_PARAMETER, "The only input stream is stdin.")
            try:
                data = base64.b64decode("".join((stream.text or "").split()), validate=True)
            except (binascii.Error, ValueError):
                raise WsmanFault(faults.SCHEMA, "A stream must be base64.") from None
            if not job.send(data, (stream.get("End") or "").lower() in ("true", "1")):
                raise WsmanFault(
                    faults.INTERNAL_ERROR,
                    code=_PIPE_CLOSED,
                    provider=Provider("Shell cmd plugin", _DLL, None, "The pipe has been ended."),
                )
        return Answer("<rsp:SendResponse/>")

    def signal(self, request: Request) -> Answer:
        """terminate frees a command, ctrl_c and ctrl_break end it."""
        shell = self._shell(request)
        body = request.body
        if body is None or body.tag != f"{_RSP}Signal":
            raise WsmanFault(faults.SCHEMA, "Signal expected in the body.")
        command_id = body.get("CommandId")
        job = self._job(shell, command_id)
        code = (body.findtext(f"{_RSP}Code") or "").strip()
        if code not in (f"{names.SIGNAL_PREFIX}{verb}" for verb in ("terminate", "ctrl_c", "ctrl_break")):
            raise WsmanFault(faults.INVALID_PARAMETER, "This signal does not exist.")
        job.kill()
        if code.endswith("terminate"):
            del shell.jobs[command_id or ""]
        return Answer("<rsp:SignalResponse/>")

    # -- output --------------------------------------------------------------------------------------------------

    def receive(self, request: Request) -> Answer:
        """What a command has written, or its end, or the time-out fault."""
        shell = self._shell(request)
        body = request.body
        desired = body.find(f"{_RSP}DesiredStream") if body is not None and body.tag == f"{_RSP}Receive" else None
        if desired is None:
            raise WsmanFault(faults.SCHEMA, "Receive with DesiredStream expected in the body.")
        if not set((desired.text or "").split()) <= {"stdout", "stderr"}:
            raise WsmanFault(faults.INVALID_PARAMETER, "The only output streams are stdout and stderr.")
        command_id = desired.get("CommandId") or ""
        job = self._job(shell, command_id)
        if command_id in shell.reported:
            raise WsmanFault(
                faults.INVALID_PARAMETER,
                provider=Provider("Shell cmd plugin", _DLL, None, "The parameter is incorrect."),
            )
        now, timeout = self._machine.now(), self._context.timeout(request)
        ending = job.ending
        if job.out or job.err or (ending is not None and ending.time <= now):
            return self._said(shell, command_id, job, 0.0)
        if ending is None or ending.time - now > timeout:
            shell.used = now + timeout
            raise WsmanFault(faults.TIMED_OUT, seconds=timeout)
        shell.used = ending.time
        return self._said(shell, command_id, job, ending.time - now)

    def _said(self, shell: _Shell, command_id: str, job: Job, seconds: float) -> Answer:
        ending = job.ending
        over = ending is not None and ending.time <= self._machine.now() + seconds
        if ending is not None and over:
            job.out, job.err = job.out + ending.out, job.err + ending.err
            ending.out = ending.err = b""
        shown = self._stream("stdout", command_id, job.out) + self._stream("stderr", command_id, job.err)
        done = over and not job.out and not job.err
        state = "Running"
        code = ""
        if done and ending is not None:
            shell.reported.add(command_id)
            shown += "".join(
                f'<rsp:Stream Name="{name}" CommandId="{command_id}" End="true"></rsp:Stream>'
                for name in ("stdout", "stderr")
            )
            state = "Done"
            code = f"<rsp:ExitCode>{self._exit_code(ending.code)}</rsp:ExitCode>"
        return Answer(
            f'<rsp:ReceiveResponse>{shown}<rsp:CommandState CommandId="{command_id}"'
            f' State="{names.STATE_PREFIX}{state}">{code}</rsp:CommandState></rsp:ReceiveResponse>',
            seconds,
        )

    @staticmethod
    def _stream(name: str, command_id: str, buffered: bytearray) -> str:
        """As much of a stream as fits into one answer; it is taken out of the buffer."""
        batch = bytes(buffered[: LARGEST_ANSWER // 2])
        del buffered[: len(batch)]
        return "".join(
            f'<rsp:Stream Name="{name}" CommandId="{command_id}">'
            f"{base64.b64encode(batch[start : start + CHUNK]).decode()}</rsp:Stream>"
            for start in range(0, len(batch), CHUNK)
        )

    def _exit_code(self, code: int) -> int:
        """A 32-bit exit code with or without its sign (a dial)."""
        unsigned = code & 0xFFFFFFFF
        if self._machine.dials["exit_code_form"] == "unsigned" or unsigned < 0x80000000:
            return unsigned
        return unsigned - 0x100000000


def verb_of(request: Request) -> str | None:
    """The shell operation an Action asks for."""
    actions = {
        names.CREATE: "create",
        names.DELETE: "delete",
        **{f"{names.SHELL}/{verb.capitalize()}": verb for verb in ("command", "send", "receive", "signal")},
    }
    return actions.get(request.action)
