# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole estate from the command line: real clients on the wire, show, fault, journal, stopping."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.tsig
import dns.update
import pytest
import requests
import winrm
import xmltodict
from served import PASSWORD, Command, dialled, fresh_address, wait_for
from winrm.exceptions import WSManFaultError

PERSONA = "server-2003-sp2-x86"
IDENTIFY = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    b' xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    b"<s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>"
)
WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/"
HOST_KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"


class Estate:
    """Two machines and a DNS server."""

    def __init__(self, command: Command, more: str = "", persona: str = PERSONA) -> None:
        self.command = command
        self.ntlm, self.basic, self.dns = fresh_address(), fresh_address(), fresh_address()
        self.path = command.folder / "ESTATE.yml"
        self.journal_path = command.folder / "journal.jsonl"
        self.path.write_text(
            f"credentials: {{user: Administrator, password: {PASSWORD}}}\n"
            "boot_seconds: 1.5\n"
            f"dns: {{address: {self.dns}, port: 5301, zone: corp.example, tsig: {{name: k, secret: c2VjcmV0}}}}\n"
            f"host_keys: {{{HOST_KEY}: server_2008_r2_c}}\n"
            "hosts:\n"
            f"  kms03: {{persona: {persona}, address: {self.ntlm}, transport: ntlm{more}}}\n"
            f"  kms04: {{persona: {persona}, address: {self.basic}, transport: basic{more}}}\n",
            encoding="utf-8",
        )

    def session(self, transport: str = "ntlm") -> Any:
        """pywinrm's session with a machine."""
        address = self.ntlm if transport == "ntlm" else self.basic
        return winrm.Session(
            f"http://{address}:5985/wsman",
            auth=("Administrator", PASSWORD),
            transport=transport,
            server_cert_validation="ignore",
        )

    def show(self, host: str = "kms03") -> dict[str, Any]:
        done = self.command.run("show", self.path, host)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    def journal(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.journal_path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def estate(command: Command) -> Estate:
    """A running estate."""
    found = Estate(command)
    command.serve(found.path, "--journal", found.journal_path)
    return found


@pytest.mark.parametrize("transport", ["ntlm", "basic"])
def test_a_shell(estate: Estate, transport: str) -> None:
    done = estate.session(transport).run_cmd("ver")
    assert done.status_code == 0
    assert re.search(rb"Microsoft Windows \[Version 5\.2\.3790\]", done.std_out)
    lines = estate.journal()
    assert [line["auth_only"] for line in lines[:3]] == [transport == "ntlm"] * 3
    verbs = [line["resource"] for line in lines if line["operation"] == "shell"]
    assert verbs[:2] == ["create", "command"] and verbs[-1] == "delete"
    assert not any(line["mutation"] for line in lines)
    assert {line["host"] for line in lines} == {"kms03" if transport == "ntlm" else "kms04"}


def test_a_get(estate: Estate) -> None:
    protocol = estate.session().protocol
    envelope = {
        "env:Envelope": protocol._get_soap_header(
            resource_uri=WMI + "Win32_OperatingSystem", action="http://schemas.xmlsoap.org/ws/2004/09/transfer/Get"
        )
    }
    envelope["env:Envelope"]["env:Body"] = {}
    answer = protocol.send_message(xmltodict.unparse(envelope))
    assert b"3790" in answer
    assert [(line["operation"], line["resource"]) for line in estate.journal() if not line["auth_only"]] == [
        ("get", "Win32_OperatingSystem")
    ]


def test_identify_without_a_login(estate: Estate) -> None:
    answer = requests.post(
        f"http://{estate.ntlm}:5985/wsman",
        data=IDENTIFY,
        headers={"WSMANIDENTIFY": "unauthenticated", "Content-Type": "application/soap+xml;charset=UTF-8"},
        timeout=20,
    )
    assert answer.status_code == 200
    assert b"IdentifyResponse" in answer.content
    assert estate.journal()[-1]["operation"] == "identify"


def test_anonymous_requests_get_nothing_else(estate: Estate) -> None:
    answer = requests.post(
        f"http://{estate.ntlm}:5985/wsman",
        data=IDENTIFY.replace(b"wsmid:Identify", b"wsmid:Other"),
        headers={"WSMANIDENTIFY": "unauthenticated"},
        timeout=20,
    )
    assert answer.status_code != 200


def test_a_restart_closes_the_port_and_opens_it_again(estate: Estate) -> None:
    before = estate.show()["boot_count"]
    with contextlib.suppress(requests.exceptions.ConnectionError):  # the machine may be gone before the shell is
        assert estate.session().run_cmd("shutdown", ["-r", "-f", "-t", "0"]).status_code == 0
    assert wait_for(lambda: dialled(estate.ntlm, 5985) == "refused")
    assert wait_for(lambda: dialled(estate.ntlm, 5985) == "accepted", 20)
    assert estate.show()["boot_count"] == before + 1
    assert estate.session().run_cmd("ver").status_code == 0


def test_show_has_the_promised_keys(estate: Estate) -> None:
    assert set(estate.show("KMS03.corp.example")) >= {
        "os", "fqdn", "kms_version", "hotfixes", "restart_pending", "boot_count", "boot_time", "products",
        "activations_spent", "activation_requests", "open_ports", "firewall", "listening", "self_publishing",
        "published_itself", "manual_activation", "version_marks", "registry", "shells_open", "files_left", "processes",
        "dials", "winrm", "clock",
    }  # fmt: skip
    everything = json.loads(estate.command.run("show", estate.path).stdout)
    assert set(everything) == {"kms03", "kms04"}


def test_faults_reach_the_machine(estate: Estate) -> None:
    protocol = estate.session("basic").protocol
    assert estate.command.run("fault", estate.path, "kms04", "drop-answer", "1").returncode == 0
    with pytest.raises(requests.exceptions.ConnectionError):
        protocol.open_shell()
    assert estate.show("kms04")["shells_open"] == 1
    assert estate.command.run("fault", estate.path, "kms04", "quota", "1").returncode == 0
    with pytest.raises(WSManFaultError):
        protocol.open_shell()
    dropped = [line for line in estate.journal() if line.get("dropped")]
    assert [(line["operation"], line["status"]) for line in dropped] == [("shell", None)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("show", "kms99"), "there is no host kms99 in this estate; there are kms03, kms04"),
        (("fault", "kms03", "meteor"), "meteor"),
        (("fault", "kms03", "drop", "soon"), "drop"),
    ],
)
def test_mistakes_are_sentences(estate: Estate, arguments: tuple[str, ...], sentence: str) -> None:
    done = estate.command.run(arguments[0], estate.path, *arguments[1:])
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_dns_of_the_estate(estate: Estate) -> None:
    key = dns.tsig.Key("k", b"secret", "hmac-sha256")
    update = dns.update.UpdateMessage("corp.example.", keyring=key)
    update.add("_vlmcs._tcp", 3600, "SRV", "0 0 1688 kms03.corp.example.")
    assert dns.query.tcp(update, estate.dns, port=5301, timeout=10).rcode() == 0
    done = estate.command.run("show", estate.path, "--dns")
    assert f"kms03.corp.example. 3600 IN A {estate.ntlm}\n" in done.stdout
    assert "_vlmcs._tcp.corp.example. 3600 IN SRV 0 0 1688 kms03.corp.example.\n" in done.stdout
    assert "; updates 1\n" in done.stdout and "; changes 1\n" in done.stdout


def invoke(protocol: Any, resource: str, method: str, selectors: dict[str, str], **parameters: str) -> bytes:
    """One WMI method through pywinrm's transport, the envelope by hand."""
    header = protocol._get_soap_header(resource_uri=resource, action=f"{resource}/{method}")
    header["env:Header"]["w:SelectorSet"] = {
        "w:Selector": [{"@Name": name, "#text": value} for name, value in selectors.items()]
    }
    arguments: dict[str, str] = {f"p:{name}": value for name, value in parameters.items()}
    body = {f"p:{method}_INPUT": {"@xmlns:p": resource, **arguments}}
    answer = protocol.send_message(xmltodict.unparse({"env:Envelope": {**header, "env:Body": body}}))
    assert isinstance(answer, bytes)
    return answer


def test_a_host_key_opens_the_port_and_publishes_the_machine(command: Command) -> None:
    estate = Estate(command, ", start: kms_1_2, firewall: off, dials: {microsoft: timed_out}")
    command.serve(estate.path, "--journal", estate.journal_path)
    assert dialled(estate.basic, 1688) == "refused"
    answer = invoke(
        estate.session("basic").protocol,
        WMI + "SoftwareLicensingService",
        "InstallProductKey",
        {"Version": "6.0.6002.18005"},
        ProductKey=HOST_KEY,
    )
    assert b"InstallProductKey_OUTPUT" in answer
    assert wait_for(lambda: dialled(estate.basic, 1688) == "accepted")
    assert f"SRV 0 0 1688 kms04.corp.example.{chr(10)}" in command.run("show", estate.path, "--dns").stdout
    shown = estate.show("kms04")
    assert shown["listening"] == [1688]
    assert "67892" in [product["partial_product_key"] for product in shown["products"]]
    line = estate.journal()[-1]
    assert (line["operation"], line["method"], line["mutation"]) == ("invoke", "InstallProductKey", True)
    assert HOST_KEY not in estate.journal_path.read_text(encoding="utf-8")


@pytest.mark.parametrize("persona", ["server-2003-sp1-x86", "server-2008-r2-sp1", "server-2022"])
def test_other_releases_are_served_too(command: Command, persona: str) -> None:
    estate = Estate(command, ", language: JPN, sessions: [remote]", persona)
    command.serve(estate.path, "--journal", estate.journal_path)
    for transport in ("ntlm", "basic"):
        assert estate.session(transport).run_cmd("hostname").std_out.strip() in (b"kms03", b"kms04")
    shown = estate.show("kms04")
    assert shown["os"]["language"] == "JPN"
    assert [logon["type"] for logon in shown["logons"]] == [10]


def test_a_closed_firewall_hides_the_port(estate: Estate) -> None:
    assert dialled(estate.ntlm, 1688) == "filtered"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_leaves_nothing_behind(command: Command, number: signal.Signals) -> None:
    estate = Estate(command)
    server = command.serve(estate.path)
    connection = socket.create_connection((estate.ntlm, 5985), timeout=10)
    server.send_signal(number)
    _, errors = server.communicate(timeout=20)
    assert (server.returncode, errors) == (0, "")
    assert connection.recv(1) == b""
    assert not (command.folder / "ready-0").exists()
    assert dialled(estate.ntlm, 5985) == "refused"
    assert list((command.folder / "state").iterdir()) == []


def test_nothing_running_is_said_clearly(command: Command) -> None:
    estate = Estate(command)
    for arguments in (
        ("show", estate.path, "kms03"),
        ("fault", estate.path, "kms03", "drop"),
        ("confirm", estate.path, "1" * 54),
    ):
        done = command.run(*arguments)
        assert done.returncode == 2
        assert f"nothing is serving {estate.path}; start it with" in done.stderr


def test_serving_twice_is_refused(estate: Estate) -> None:
    done = estate.command.run("serve", estate.path)
    assert done.returncode == 2
    assert "is being served already" in done.stderr
    assert estate.show()["fqdn"] == "kms03.corp.example"


def test_an_address_in_use_stops_the_start(estate: Estate, tmp_path: Path) -> None:
    copy = tmp_path / "COPY.yml"
    copy.write_text(estate.path.read_text(encoding="utf-8"), encoding="utf-8")
    done = estate.command.run("serve", copy)
    assert done.returncode == 2
    assert re.search(r"cannot listen on \S+ for kms03: the address is in use", done.stderr)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("start: bare", "start: kms_9", "kms_9"),
        ("BCDFG-HJKMP", "AAAAA-AAAAA", "host_keys"),
        ("transport: ntlm", "transport: morse", "morse is none of"),
    ],
)
def test_mistakes_in_the_estate_stop_the_start(command: Command, old: str, new: str, sentence: str) -> None:
    estate = Estate(command, ", start: bare")
    estate.path.write_text(estate.path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    done = command.run("serve", estate.path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_personas_and_inventory(command: Command) -> None:
    table = command.run("personas")
    assert table.returncode == 0, table.stderr
    for word in (PERSONA, "captured", "documented", "assumed", "Dials"):
        assert word in table.stdout
    estate = Estate(command)
    inventory = command.run("inventory", estate.path)
    assert inventory.returncode == 0 and "ansible_winrm_transport: ntlm" in inventory.stdout


def deposit(protocol: Any, product: str, confirmation: str, installation: str) -> bytes:
    """Activate a product offline."""
    return invoke(
        protocol,
        WMI + "SoftwareLicensingProduct",
        "DepositOfflineConfirmationId",
        {"ID": product},
        InstallationId=installation,
        ConfirmationId=confirmation,
    )


def test_offline_activation_from_the_installation_id_to_the_count(command: Command) -> None:
    estate = Estate(command, ", start: kms_1_2, dials: {auto_activation: 'off'}")
    command.serve(estate.path, "--journal", estate.journal_path)
    protocol = estate.session("basic").protocol
    invoke(
        protocol,
        WMI + "SoftwareLicensingService",
        "InstallProductKey",
        {"Version": "6.0.6002.18005"},
        ProductKey=HOST_KEY,
    )
    [product] = [one for one in estate.show("kms04")["products"] if one["partial_product_key"]]
    shown = product["installation_id"]
    done = command.run("confirm", estate.path, shown[:20], shown[20:40] + "-" + shown[40:])
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"\d{6}( \d{6}){7}\n", done.stdout)
    assert command.run("confirm", estate.path, shown).stdout == done.stdout
    assert estate.show("kms04")["activations_spent"] == {"67892": 1}
    assert b"_OUTPUT" in deposit(protocol, product["activation_id"], done.stdout.replace(" ", "").strip(), shown)
    state = estate.show("kms04")
    assert [one["license_status"] for one in state["products"] if one["partial_product_key"]] == [1]
    assert (state["activations_spent"], state["activation_requests"]) == ({"67892": 1}, 0)
    line = estate.journal()[-1]
    assert (line["method"], line["mutation"]) == ("DepositOfflineConfirmationId", True)
    journal = estate.journal_path.read_text(encoding="utf-8")
    assert shown not in journal and done.stdout.strip() not in journal


def test_what_confirm_refuses(estate: Estate) -> None:
    unknown = estate.command.run("confirm", estate.path, "1" * 54)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    sentence = "0xC004C005: no machine of this estate has shown this installation ID for a product key"
    assert unknown.stderr == f"emulated-windows: {sentence}.\n"
    mistyped = estate.command.run("confirm", estate.path, "12345x")
    assert mistyped.returncode == 2
    assert "an installation ID is made of digits" in mistyped.stderr


def test_other_hardware_from_the_command_line(command: Command) -> None:
    estate = Estate(command, f", host_key: {HOST_KEY}, dials: {{auto_activation: 'off'}}")
    command.serve(estate.path)
    assert command.run("fault", estate.path, "kms04", "hardware-changed").returncode == 0
    [product] = [one for one in estate.show("kms04")["products"] if one["partial_product_key"]]
    assert (product["license_status"], product["reason"]) == (3, 0x4004F00D)
