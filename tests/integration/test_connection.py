# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract with Ansible's connections winrm and psrp, on the ansible-core that runs the tests.

Two files of the collection lean on the inside of these plugins (`_ansible/winrm.py`, `_ansible/psrp.py`): that nothing
is opened on the host, and that their sessions can be used for messages of our own. The estate's journal is the witness.
"""

from __future__ import annotations

import contextlib
import http.server
import threading
import typing as t
from collections.abc import Iterator

import pytest
from estate import Data, Estate, serving
from ways import WAYS, connection

from ansible_collections.activation.kms.plugins.plugin_utils._ansible.connections import door_of
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.winrm import winrm_door
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.world import ControllerWorld
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Problem, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Scrubber
from ansible_collections.activation.kms.plugins.plugin_utils._world import NoAnswer
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.client import Client

HOSTS = {
    "sealed": {},
    "plain": {"transport": "basic"},
    "tls": {"transport": "basic", "scheme": "https", "start": "kms_1_2"},
    "tlsntlm": {"scheme": "https"},
}
BOOT = ("root/cimv2", "SELECT LastBootUpTime FROM Win32_OperatingSystem")

Since = t.Callable[[str], list[Data]]
of_each_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with serving(tmp_path_factory.mktemp("connection"), HOSTS) as running:
        yield running


@pytest.fixture
def since(estate: Estate) -> Since:
    """The journal of a host since the test began, legs of logins included."""
    before = len(estate.exchanges())

    def look(host: str) -> list[Data]:
        return [entry for entry in estate.exchanges()[before:] if entry["host"] == host]

    return look


def client(opened: t.Any) -> Client:
    return Client(ControllerWorld("a-host", Scrubber(), door_of(opened, "a-host"), operation_timeout=20.0))


@pytest.mark.parametrize("host", HOSTS)
def test_winrm_has_what_the_adapter_needs(estate: Estate, since: Since, host: str) -> None:
    opened = connection(estate, host)
    door = winrm_door(opened, host)
    asking = Client(ControllerWorld(host, Scrubber(), door, operation_timeout=20.0))
    assert opened.transport == "winrm"
    assert opened.protocol is None and opened.shell_id is None, "nothing happens before the first message"
    assert since(host) == []
    asking.query(*BOOT)
    assert opened.shell_id is None, "or close() would delete a shell that never was"
    for name in ("send_message", "build_session", "close_session", "encryption", "read_timeout_sec"):
        assert hasattr(opened.protocol.transport, name)
    assert door.line is not None and door.line.stands, "what follows goes straight on the connection"
    opened.reset()


@pytest.mark.parametrize("host", ["sealed", "plain"])
def test_psrp_has_what_the_adapter_needs(estate: Estate, since: Since, host: str) -> None:
    opened = connection(estate, host, "psrp")
    assert opened.transport == "psrp"
    asking = client(opened)
    assert opened.connected and opened.runspace is None
    assert since(host) == [], "nothing happens before the first message"
    asking.query(*BOOT)
    assert opened.runspace is None, "or close() would close what never was"


@of_each_way
@pytest.mark.parametrize("host", HOSTS)
def test_nothing_is_opened_on_the_host(estate: Estate, since: Since, host: str, way: str) -> None:
    opened = connection(estate, host, way)
    asking = client(opened)
    assert len(asking.query(*BOOT)) == len(asking.query(*BOOT)) == 1
    opened.close()
    assert [entry["operation"] for entry in since(host) if not entry["auth_only"]] == ["enumerate", "enumerate"]


@of_each_way
def test_one_login_for_many_messages_and_for_the_next_task_on_the_connection(
    estate: Estate, since: Since, way: str
) -> None:
    opened = connection(estate, "sealed", way)
    client(opened).query(*BOOT)
    logins = sum(entry["auth_only"] for entry in since("sealed"))
    for _again in range(2):
        client(opened).query(*BOOT)
    assert 0 < sum(entry["auth_only"] for entry in since("sealed")) == logins


@of_each_way
def test_other_options_are_another_login(estate: Estate, way: str) -> None:
    """The items of a loop may have a user each."""
    opened = connection(estate, "sealed", way)
    client(opened).query(*BOOT)
    opened.set_option("remote_password", "guessed")
    with pytest.raises(NoAnswer) as lost:
        door_of(opened, "sealed").send(b"<x/>", 5.0)
    assert lost.value.login_refused


@of_each_way
def test_the_items_of_a_loop_may_be_hosts_behind_one_address(estate: Estate, since: Since, way: str) -> None:
    """Only their ports differ, and Ansible goes by the address: the second item must not reach the first one's host."""
    opened = connection(estate, "sealed", way)
    client(opened).query(*BOOT)
    heard = len(since("sealed"))
    opened.set_option("port", 1)
    with pytest.raises(NoAnswer) as lost:
        door_of(opened, "sealed").send(b"<x/>", 5.0)
    assert not lost.value.sent and len(since("sealed")) == heard


@of_each_way
def test_a_session_the_server_dropped_is_mended(estate: Estate, since: Since, way: str) -> None:
    """Sealed for a connection that is gone: the server cannot read it, answers 400, and has done nothing."""
    asking = client(connection(estate, "sealed", way))
    asking.query(*BOOT)
    estate.fault("sealed", "stale", "1")
    assert len(asking.query(*BOOT)) == 1
    assert [entry["status"] for entry in since("sealed") if not entry["auth_only"]] == [200, 400, 200]


@of_each_way
def test_a_forgotten_session_logs_in_anew(estate: Estate, way: str) -> None:
    asking = client(connection(estate, "sealed", way))
    asking.world.disconnect()  # nothing to forget yet
    asking.query(*BOOT)
    asking.world.disconnect()
    assert len(asking.query(*BOOT)) == 1


@of_each_way
@pytest.mark.parametrize("host", HOSTS)
def test_a_connection_dropped_without_an_answer_may_have_been_heard(
    estate: Estate, since: Since, host: str, way: str
) -> None:
    door = door_of(connection(estate, host, way), host)
    asking = Client(ControllerWorld(host, Scrubber(), door, operation_timeout=20.0))
    asking.query(*BOOT)
    estate.fault(host, "drop", "1")
    with pytest.raises(NoAnswer) as lost:
        door.send(b"<x/>", 5.0)
    assert lost.value.sent, "nobody knows, so it counts as sent"
    assert len([entry for entry in since(host) if not entry["auth_only"]]) <= 2, "and it is not sent again"
    assert len(asking.query(*BOOT)) == 1, "and the next message finds its way"


@of_each_way
@pytest.mark.parametrize("host", HOSTS)
def test_a_connection_that_was_reset_is_made_anew(estate: Estate, host: str, way: str) -> None:
    asking = client(connection(estate, host, way))
    for _again in range(3):
        assert len(asking.query(*BOOT)) == 1
    estate.fault(host, "reset", "1")
    with contextlib.suppress(Problem):
        asking.query(*BOOT)
    assert len(asking.query(*BOOT)) == len(asking.query(*BOOT)) == 1


@of_each_way
@pytest.mark.parametrize("host", ["sealed", "plain"])
def test_a_refused_connection_was_not_sent(estate: Estate, host: str, way: str) -> None:
    nobody = connection(estate, host, way, ansible_host=f"{estate.network}.200")
    with pytest.raises(NoAnswer) as lost:
        door_of(nobody, host).send(b"<x/>", 5.0)
    assert (lost.value.sent, lost.value.reason) == (False, "the connection was refused")


@of_each_way
@pytest.mark.parametrize("host", HOSTS)
def test_a_wrong_password_is_a_refused_login(estate: Estate, host: str, way: str) -> None:
    with pytest.raises(NoAnswer) as lost:
        door_of(connection(estate, host, way, ansible_password="guessed"), host).send(b"<x/>", 5.0)
    assert lost.value.login_refused and not lost.value.sent


@of_each_way
def test_a_path_that_is_not_winrms(estate: Estate, way: str) -> None:
    with pytest.raises(NoAnswer) as lost:
        door_of(connection(estate, "sealed", way, **{f"ansible_{way}_path": "elsewhere"}), "sealed").send(b"<x/>", 5.0)
    assert not lost.value.sent and "404" in lost.value.reason


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """A web server that sends everybody to the estate's host, or talks about something else."""

    heard: t.ClassVar[list[bytes]] = []
    target = ""

    def do_POST(self) -> None:
        self.heard.append(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.target:
            self.wfile.write(b"220 mail.corp.example ESMTP\r\n")
            return
        self.send_response(307)
        self.send_header("Location", self.target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: t.Any) -> None:
        """Silent."""


@of_each_way
@pytest.mark.parametrize("target", ["http://{network}.2:5985/wsman", ""])
def test_a_message_goes_to_nobody_whom_the_inventory_does_not_name(
    estate: Estate, since: Since, monkeypatch: pytest.MonkeyPatch, way: str, target: str
) -> None:
    """A redirect is not followed: it could be sent twice, and to anybody."""
    monkeypatch.setattr(Elsewhere, "target", target.format(network=estate.network))
    Elsewhere.heard.clear()
    with http.server.HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        there = {"ansible_host": "127.0.0.1", "ansible_port": server.server_port}
        with pytest.raises(NoAnswer) as lost:
            door_of(connection(estate, "plain", way, **there), "plain").send(b"<x/>", 5.0)
        server.shutdown()
    assert lost.value.sent and Elsewhere.heard == [b"<x/>"]
    assert ("another address" in lost.value.reason) is bool(target)
    assert since("plain") == []


@of_each_way
def test_a_password_that_basic_cannot_carry(estate: Estate, since: Since, way: str) -> None:
    with pytest.raises(NoAnswer) as lost:
        door_of(connection(estate, "plain", way, ansible_password="\u20acuro"), "plain").send(b"<x/>", 5.0)
    assert not lost.value.sent and "Latin-1" in lost.value.reason and since("plain") == []


@pytest.mark.parametrize("auth", ["basic", "certificate"])
def test_psrp_says_what_a_login_lacks(estate: Estate, since: Since, auth: str) -> None:
    """pypsrp finds out when it logs in."""
    lacking = connection(estate, "tls", "psrp", ansible_psrp_auth=auth, ansible_password=None)
    with pytest.raises(Refusal) as refused:
        door_of(lacking, "tls").send(b"<x/>", 5.0)
    assert refused.value.name == "psrp_options" and refused.value.message.startswith("tls: ")
    assert since("tls") == []


@of_each_way
def test_identify(estate: Estate, since: Since, way: str) -> None:
    identity = client(connection(estate, "sealed", way)).identify()
    assert (identity.vendor, identity.os, identity.stack) == ("Microsoft Corporation", "5.2.3790", "2.0")
    assert [entry["operation"] for entry in since("sealed") if not entry["auth_only"]] == ["identify"]


@pytest.mark.parametrize(
    ("way", "host", "options", "encrypted"),
    [
        *((way, host, {}, host != "plain") for way in WAYS for host in HOSTS),
        *(
            (way, "sealed", {f"ansible_{way}_message_encryption": wish}, wish != "never")
            for way in WAYS
            for wish in ("never", "always")
        ),
        *(("psrp", "sealed", {"ansible_psrp_auth": auth}, True) for auth in ("negotiate", "kerberos", "credssp")),
        ("psrp", "tls", {"ansible_psrp_message_encryption": "never"}, True),
        ("psrp", "tls", {"ansible_psrp_auth": "certificate"}, True),
        ("psrp", "tls", {"ansible_psrp_auth": "ntlm", "ansible_psrp_message_encryption": "always"}, True),
        ("psrp", "sealed", {"ansible_psrp_protocol": None}, True),  # 5985 is HTTP
    ],
)
def test_it_is_known_how_a_key_would_travel(
    estate: Estate, since: Since, way: str, host: str, options: Data, encrypted: bool
) -> None:
    assert door_of(connection(estate, host, way, **options), host).encrypted() is encrypted
    assert since(host) == [], "nobody was asked"


@pytest.mark.parametrize(
    ("way", "host", "options", "name"),
    [
        ("winrm", "sealed", {"ansible_winrm_transport": ["ntlm", "basic"]}, "several_transports"),
        ("psrp", "plain", {"ansible_psrp_message_encryption": "auto"}, "psrp_options"),
        ("psrp", "tls", {"ansible_psrp_message_encryption": "always"}, "psrp_options"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_sent(
    estate: Estate, since: Since, way: str, host: str, options: Data, name: str
) -> None:
    with pytest.raises(Refusal) as refused:
        door_of(connection(estate, host, way, **options), host)
    assert refused.value.name == name
    assert since(host) == []
