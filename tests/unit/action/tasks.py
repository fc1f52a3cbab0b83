# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks and connections for action plugins: ansible-core's own winrm plugin over a transport that leads nowhere."""

from __future__ import annotations

import types
import typing as t

import requests
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError

from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows

PASSWORD = "Passw0rd-of-the-host"
HOST = "kms01"


class Transport:
    """pywinrm's transport, as far as this collection uses it.

    Attributes:
        answers: what comes instead of the host's answer, one a message: a status, or an exception; None: the host's.
        logins: what each login does: None succeeds, an exception is raised.
        sealing: whether a login makes an encryption context.
        sent: the messages that went out.
    """

    def __init__(self, host: SmallWindows | None = None, sealing: bool = True) -> None:
        self.host = host or SmallWindows()
        self.sealing = sealing
        self.answers: list[int | Exception | None] = []
        self.logins: list[Exception | None] = []
        self.endpoint = f"http://{HOST}:5985/wsman"
        self.session: object | None = None
        self.encryption: object | None = None
        self.read_timeout_sec: float = 0.0
        self.sent: list[bytes] = []
        self.logged_in = 0
        self.closed = 0

    def build_session(self) -> object:
        if self.session is None:
            self.session = requests.Session()  # pywinrm keeps it even where the login below fails
            self.logged_in += 1
            trouble = self.logins.pop(0) if self.logins else None
            if trouble is not None:
                raise trouble
            self.encryption = types.SimpleNamespace() if self.sealing else None
        return self.session

    def close_session(self) -> None:
        self.closed += 1
        self.session = None

    def answered(self, message: bytes) -> tuple[int, bytes]:
        """What the host says."""
        return self.host.send(message, timeout=60)

    def send_message(self, message: bytes) -> bytes:
        assert self.session is not None
        assert bool(self.encryption) == self.sealing, "a message that should be sealed travels open"
        self.sent.append(message)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer == 401:
            raise InvalidCredentialsError("the specified credentials were rejected by the server")
        status, body = (answer, b"") if answer else self.answered(message)
        if status != 200:
            raise WinRMTransportError("http", status, body.decode())
        return body


def connection(kind: str = "winrm", over: Transport | None = None, **options: t.Any) -> t.Any:
    """A connection plugin of ansible-core's, logged in nowhere; `over` a transport it looks connected."""
    loader: t.Any = connection_loader
    made = loader.get(f"ansible.builtin.{kind}", play_context(), None)
    chosen: dict[str, t.Any] = {"remote_addr": HOST, "remote_user": "Administrator", "remote_password": PASSWORD}
    chosen |= {"port": 5985, "transport": ["ntlm"]}
    extras = options.pop("_extras", {})
    if kind == "winrm":
        made.set_options(var_options={"_extras": extras}, direct={**chosen, **options})
    if over is not None:
        made.protocol = types.SimpleNamespace(transport=over)
    return made


def play_context() -> t.Any:
    """What a play says of the way to its hosts."""
    return t.cast(t.Any, PlayContext)()


def task(action: str, args: t.Mapping[str, t.Any], **changes: t.Any) -> t.Any:
    """A task, as far as action plugins look at it."""
    return types.SimpleNamespace(
        action=action,
        args=dict(args),
        async_val=changes.get("async_val", 0),
        check_mode=changes.get("check_mode", False),
        diff=changes.get("diff", False),
        delegate_to=changes.get("delegate_to"),
        environment=changes.get("environment"),
        get_search_path=lambda: [changes.get("folder", "/nowhere")],
    )


def run(
    plugin: type[t.Any],
    args: t.Mapping[str, t.Any] | None = None,
    *,
    using: t.Any = None,
    become: bool = False,
    task_vars: t.Mapping[str, t.Any] | None = None,
    **changes: t.Any,
) -> dict[str, t.Any]:
    """The result of one task, as the action plugin returns it."""
    loader: t.Any = t.cast(t.Any, DataLoader)()
    loader.set_basedir(changes.get("folder", "/nowhere"))
    context = play_context()
    context.become = become
    name = f"activation.kms.{plugin.__module__.rpartition('.')[2]}"
    using = using or connection(over=Transport())
    made = plugin(task(name, args or {}, **changes), using, context, loader, changes.get("templar"), None)
    result: dict[str, t.Any] = made.run(task_vars={"inventory_hostname": HOST, **(task_vars or {})})
    return result
