# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A served estate with a Microsoft DNS server: what a signed update does, WMI shows, and the other way round."""

from __future__ import annotations

import json
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest
import winrm
from served import PASSWORD, Command, fresh_address

KEY = dns.tsig.Key("kms-rollout", b"secret", "hmac-sha256")
HOST_KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"
OWNER = "_vlmcs._tcp.corp.example."
ONE, ITS_OWN = "0 0 1688 kms1.corp.example.", "0 0 1688 kms03.corp.example."


class Estate:
    """A DNS server, and a KMS host that has published itself in its secure zone."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.windows, self.dns = fresh_address(), fresh_address()
        self.path = command.folder / "ESTATE.yml"
        self.path.write_text(
            f"credentials: {{user: Administrator, password: {PASSWORD}}}\n"
            f"dns: {{address: {self.dns}, port: 5301, zone: corp.example, flavour: microsoft, updates: secure,\n"
            "      update_group: [kms-rollout], aging: {refresh_hours: 24},\n"
            "      zones: {other.example: {updates: nonsecure}},\n"
            "      tsig: {name: kms-rollout, secret: c2VjcmV0}}\n"
            f"host_keys: {{{HOST_KEY}: server_2008_r2_c}}\n"
            "hosts:\n"
            f"  dc1: {{persona: server-2008-r2-sp1, address: {self.windows}, transport: basic, dns_server: yes}}\n"
            f"  kms03: {{persona: server-2003-sp2-x86, address: {fresh_address()}, host_key: {HOST_KEY}}}\n",
            encoding="utf-8",
        )
        command.serve(self.path)

    def send(self, data: str, zone: str = "corp.example.", key: dns.tsig.Key | None = KEY) -> str:
        message = dns.update.UpdateMessage(zone, keyring=key)
        message.add(f"_vlmcs._tcp.{zone}", 600, "SRV", data)
        return dns.rcode.to_text(dns.query.tcp(message, self.dns, port=5301, timeout=10).rcode())

    def zones(self) -> dict[str, Any]:
        done = self.command.run("show", self.path, "--dns", "--json")
        assert done.returncode == 0, done.stderr
        return {zone["zone"]: zone for zone in json.loads(done.stdout)["zones"]}

    def records(self, zone: str = "corp.example") -> dict[str, Any]:
        return {one["data"]: one for one in self.zones()[zone]["records"] if one["type"] == "SRV"}


@pytest.fixture
def estate(command: Command) -> Estate:
    """A running estate."""
    return Estate(command)


def test_time_stamps_and_owners(estate: Estate) -> None:
    assert estate.send(ONE) == "NOERROR"
    found = estate.records()
    assert set(found) == {ONE, ITS_OWN}
    assert {one["owner"] for one in found.values()} == {"KMS03$"}
    assert all(one["time_stamp"].endswith(":00:00+00:00") for one in found.values())
    assert estate.zones()["corp.example"]["aging"]["refresh_hours"] == 24
    done = estate.command.run("show", estate.path, "dc1")
    assert [zone["zone"] for zone in json.loads(done.stdout)["dns_zones"]] == ["corp.example", "other.example"]


def test_the_second_zone_has_rights_of_its_own(estate: Estate) -> None:
    assert estate.send(ONE, key=None) == "REFUSED"
    assert estate.send(ONE, "other.example.", key=None) == "NOERROR"
    assert set(estate.records("other.example")) == {ONE}
    shown = estate.command.run("show", estate.path, "--dns").stdout
    assert "_vlmcs._tcp.other.example. 600 IN SRV 0 0 1688 kms1.corp.example.\n" in shown
    assert "; updates 2\n" in shown


def test_what_dnscmd_deletes_is_gone_from_dns(estate: Estate) -> None:
    estate.send(ONE)
    session = winrm.Session(f"http://{estate.windows}:5985/wsman", auth=("Administrator", PASSWORD), transport="basic")
    line = f"dnscmd /RecordDelete corp.example _vlmcs._tcp SRV {ONE} /f"
    assert [session.run_cmd(line).status_code for _attempt in range(2)] == [0, 9701]
    query = dns.message.make_query(OWNER, "SRV")
    answer = dns.query.tcp(query, estate.dns, port=5301, timeout=10).answer
    assert [str(rdata) for rrset in answer for rdata in rrset] == [ITS_OWN]


@pytest.mark.parametrize(("fault", "answer"), [("refuse", "REFUSED"), ("servfail", "SERVFAIL")])
def test_a_bad_day_of_the_dns_server(estate: Estate, fault: str, answer: str) -> None:
    assert estate.command.run("fault", estate.path, "--dns", fault).returncode == 0
    assert estate.send(ONE) == answer
    assert estate.command.run("fault", estate.path, "--dns", "clear").returncode == 0
    assert estate.send(ONE) == "NOERROR"


def test_a_silent_dns_server(estate: Estate) -> None:
    estate.command.run("fault", estate.path, "--dns", "silent")
    with pytest.raises(dns.exception.Timeout):
        dns.query.tcp(dns.message.make_query(OWNER, "SRV"), estate.dns, port=5301, timeout=0.5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--dns", "explode"], "the DNS server knows the faults refuse, servfail, silent and clear"),
        (["--dns", "silent", "1"], "without arguments"),
        (["kms03"], "fault takes a HOST (or --dns) and a KIND"),
    ],
)
def test_faults_that_make_no_sense(estate: Estate, arguments: list[str], sentence: str) -> None:
    done = estate.command.run("fault", estate.path, *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_json_is_for_the_zones(estate: Estate) -> None:
    done = estate.command.run("show", estate.path, "dc1", "--json")
    assert (done.returncode, "show takes --json beside --dns only" in done.stderr) == (2, True)
