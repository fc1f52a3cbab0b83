# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract with Ansible's winrm connection, on the ansible-core that runs the tests.

One file of the collection (`_ansible/winrm.py`) leans on the inside of that plugin: that it opens no remote shell when
it believes it has one, and that its session can be used for messages of our own. The estate's journal is the witness.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

import pytest
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from estate import HOST_KEY, PASSWORD, USER, Data, Estate, one_task, serving

from ansible_collections.activation.kms.plugins.plugin_utils._ansible.winrm import WinrmDoor, check_connection
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.world import ControllerWorld
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Scrubber
from ansible_collections.activation.kms.plugins.plugin_utils._world import NoAnswer
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.client import Client

HOSTS = {
    "sealed": {},
    "other": {"start": "kms_1_2"},
    "plain": {"transport": "basic"},
    "tls": {"transport": "basic", "scheme": "https", "start": "kms_1_2"},
}
BOOT = ("root/cimv2", "SELECT LastBootUpTime FROM Win32_OperatingSystem")


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with serving(tmp_path_factory.mktemp("connection"), HOSTS) as running:
        yield running


@pytest.fixture
def since(estate: Estate) -> t.Callable[[str], list[Data]]:
    """The journal of a host since the test began, legs of logins included."""
    before = len(estate.exchanges())

    def look(host: str) -> list[Data]:
        return [entry for entry in estate.exchanges()[before:] if entry["host"] == host]

    return look


def connection(estate: Estate, host: str, **options: t.Any) -> t.Any:
    """Ansible's own winrm connection to a host, made as the task executor makes it."""
    variables = estate.inventory()["all"]["children"]["kms_hosts"]["hosts"][host]
    made: t.Any = connection_loader.get("ansible.builtin.winrm", PlayContext(), "/dev/null")
    given = {
        "ansible_winrm_host": variables["ansible_host"],
        "ansible_winrm_port": variables["ansible_port"],
        "ansible_winrm_user": USER,
        "ansible_password": PASSWORD,
        "ansible_winrm_scheme": variables["ansible_winrm_scheme"],
        "ansible_winrm_transport": variables["ansible_winrm_transport"],
        **options,
    }
    extras = {name: value for name, value in given.items() if name.startswith("ansible_winrm_")}
    made.set_options(var_options={**given, "_extras": extras})
    return made


def client(opened: t.Any) -> Client:
    return Client(ControllerWorld("a-host", Scrubber(), WinrmDoor(opened), operation_timeout=20.0))


@pytest.mark.parametrize("host", ["sealed", "plain"])
def test_the_plugin_has_what_the_adapter_needs(estate: Estate, since: t.Callable[[str], list[Data]], host: str) -> None:
    opened = connection(estate, host)
    check_connection(opened, host)
    assert opened.transport == "winrm"
    assert opened.protocol is None and opened.shell_id is None, "nothing happens before the first message"
    assert since(host) == []
    asking = client(opened)
    assert len(asking.query(*BOOT)) == len(asking.query(*BOOT)) == 1
    assert opened.shell_id is None, "or close() would delete a shell that never was"
    for name in ("send_message", "build_session", "close_session", "encryption", "read_timeout_sec"):
        assert hasattr(opened.protocol.transport, name)
    opened.close()
    sent = [entry for entry in since(host) if not entry["auth_only"]]
    assert [entry["operation"] for entry in sent] == ["enumerate", "enumerate"]
    opened.reset()


def test_one_login_for_many_messages(estate: Estate, since: t.Callable[[str], list[Data]]) -> None:
    asking = client(connection(estate, "sealed"))
    asking.query(*BOOT)
    logins = sum(entry["auth_only"] for entry in since("sealed"))
    asking.query(*BOOT)
    asking.query(*BOOT)
    assert 0 < sum(entry["auth_only"] for entry in since("sealed")) == logins


def test_a_session_the_server_dropped_is_mended(estate: Estate, since: t.Callable[[str], list[Data]]) -> None:
    """Sealed for a connection that is gone: the server cannot read it, answers 400, and has done nothing."""
    asking = client(connection(estate, "sealed"))
    asking.query(*BOOT)
    estate.fault("sealed", "stale", "1")
    assert len(asking.query(*BOOT)) == 1
    assert [entry["status"] for entry in since("sealed") if not entry["auth_only"]] == [200, 400, 200]


def test_a_forgotten_session_logs_in_anew(estate: Estate) -> None:
    asking = client(connection(estate, "sealed"))
    asking.query(*BOOT)
    asking.world.disconnect()
    assert len(asking.query(*BOOT)) == 1


def test_a_connection_dropped_without_an_answer_may_have_been_heard(estate: Estate) -> None:
    door = WinrmDoor(connection(estate, "sealed"))
    world = ControllerWorld("sealed", Scrubber(), door, operation_timeout=20.0)
    Client(world).query(*BOOT)
    estate.fault("sealed", "drop", "1")
    with pytest.raises(NoAnswer) as lost:
        door.send(b"<x/>", 5.0)
    assert lost.value.sent, "nobody knows, so it counts as sent"
    assert len(Client(world).query(*BOOT)) == 1, "and the next message finds its way"


def test_a_refused_connection_was_not_sent(estate: Estate) -> None:
    nobody = connection(estate, "sealed", ansible_winrm_host=f"{estate.network}.200")
    with pytest.raises(NoAnswer) as lost:
        WinrmDoor(nobody).send(b"<x/>", 5.0)
    assert (lost.value.sent, lost.value.reason) == (False, "the connection was refused")


@pytest.mark.parametrize("host", ["sealed", "plain"])
def test_a_wrong_password_is_a_refused_login(estate: Estate, host: str) -> None:
    with pytest.raises(NoAnswer) as lost:
        WinrmDoor(connection(estate, host, ansible_password="guessed")).send(b"<x/>", 5.0)
    assert lost.value.login_refused and not lost.value.sent


def test_identify(estate: Estate, since: t.Callable[[str], list[Data]]) -> None:
    identity = client(connection(estate, "sealed")).identify()
    assert (identity.vendor, identity.os, identity.stack) == ("Microsoft Corporation", "5.2.3790", "2.0")
    assert [entry["operation"] for entry in since("sealed") if not entry["auth_only"]] == ["identify"]


@pytest.mark.parametrize(
    ("host", "options", "encrypted"),
    [
        ("sealed", {}, True),
        ("plain", {}, False),
        ("tls", {}, True),
        ("sealed", {"ansible_winrm_message_encryption": "never"}, False),
        ("sealed", {"ansible_winrm_message_encryption": "always"}, True),
    ],
)
def test_it_is_known_how_a_key_would_travel(
    estate: Estate, since: t.Callable[[str], list[Data]], host: str, options: Data, encrypted: bool
) -> None:
    assert WinrmDoor(connection(estate, host, **options)).encrypted() is encrypted
    assert since(host) == [], "nobody was asked"


def test_several_transports_are_refused_before_a_shell_is_opened(
    estate: Estate, since: t.Callable[[str], list[Data]]
) -> None:
    with pytest.raises(Refusal) as refused:
        check_connection(connection(estate, "sealed", ansible_winrm_transport=["ntlm", "basic"]), "sealed")
    assert refused.value.name == "several_transports"
    assert since("sealed") == []


@pytest.fixture(scope="module")
def played(estate: Estate) -> tuple[Data, list[Data]]:
    """Tasks as a user has them, and what was sent meanwhile."""
    inventory = estate.inventory()
    hosts = inventory["all"]["children"]["kms_hosts"]["hosts"]
    hosts["mistrusting"] = {**hosts["tls"], "ansible_winrm_ca_trust_path": "legacy_requests"}
    hosts["open_hearted"] = {**hosts["sealed"], "ansible_winrm_message_encryption": "never"}
    before = len(estate.exchanges())
    plays = [
        one_task("sealed", "host_info", {}, "r_sealed"),
        one_task("plain", "host_info", {"query": "system.hostname"}, "r_plain"),
        one_task("plain", "host_info", {"query": "{{ item }}.release"}, "r_loop", loop=["system", "system", "system"]),
        one_task("plain", "host_info", {"query": "system.hostname"}, "r_delegated", delegate_to="other"),
        one_task("tls", "host_key", {"product_key": HOST_KEY}, "r_tls", check_mode=True),
        one_task("mistrusting", "host_info", {}, "r_mistrusting"),
        one_task("open_hearted", "host_info", {}, "r_open"),
    ]
    return estate.play(plays, inventory=inventory).results, estate.exchanges()[before:]


def test_no_task_opens_a_shell_to_look(played: tuple[Data, list[Data]]) -> None:
    results, sent = played
    worked = ("r_sealed", "r_plain", "r_loop", "r_delegated", "r_tls")
    assert not [results[name] for name in worked if results[name].get("failed") or results[name].get("unreachable")]
    assert {entry["host"] for entry in sent} == set(HOSTS)
    assert [entry for entry in sent if entry["operation"] == "shell"] == []


def test_a_loop_logs_in_once(estate: Estate) -> None:
    """With NTLM a login is requests of its own: a loop of three needs as many as one task."""

    def logins(*items: str) -> int:
        before = len(estate.exchanges())
        estate.play([one_task("sealed", "host_info", {"query": "{{ item }}"}, "r_loop", loop=list(items))])
        return sum(entry["auth_only"] for entry in estate.exchanges()[before:])

    assert logins("system", "record", "updates") == logins("system") > 0


def test_loop_items_have_results_of_their_own(played: tuple[Data, list[Data]]) -> None:
    assert [item["query_result"] for item in played[0]["r_loop"]["results"]] == ["server_2003"] * 3


def test_delegation_uses_the_delegates_connection(played: tuple[Data, list[Data]]) -> None:
    assert played[0]["r_plain"]["query_result"].lower() == "plain"
    assert played[0]["r_delegated"]["query_result"].lower() == "other"


def test_a_key_may_travel_in_tls(played: tuple[Data, list[Data]]) -> None:
    assert [step["id"] for step in played[0]["r_tls"]["plan"]][-2:] == ["host_key.install", "host_key.activate"]


def test_a_certificate_nobody_vouches_for(played: tuple[Data, list[Data]]) -> None:
    result = played[0]["r_mistrusting"]
    assert result["unreachable"] and "its TLS certificate is not trusted" in result["msg"]


def test_an_unsealed_message_is_refused_with_the_way_out(played: tuple[Data, list[Data]]) -> None:
    result = played[0]["r_open"]
    assert result["failed"] and not result.get("unreachable")
    assert result["error"]["name"] == "unencrypted_refused" and "ansible_winrm_transport" in result["msg"]
