# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing single SRV records of Microsoft's DNS server: made, modified, deleted, one call each.

Internal to the collection activation.kms; not a public interface.

Each call names one record whole, so that none can touch another one. Refuses to know which records are wanted, and to
believe an answer: whoever calls looks again.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import Failure, Problem
from .._srv.members import Member
from .._world import World
from .._wsman.client import Client, Fault
from .dns_server import NAMESPACE, SRV, DnsZone, SrvRecord, access_denied
from .files import number, with_shell

_IN = 1  # the class of a record, RFC 1035 3.2.4
_PATIENCE = 120.0
_WSMAN_DELETE = (6, 2)  # before Windows 8 and Server 2012, WinRM deletes no instance (MS-WSMV, appendix B)
_GONE = (9701, 9714)  # DNS_ERROR_RECORD_DOES_NOT_EXIST, DNS_ERROR_NAME_DOES_NOT_EXIST
_NO_PROGRAM = (1, 9009)  # how cmd.exe ends where it knows no such program
_PLAIN = re.compile(r"[A-Za-z0-9._-]+\Z")

_WIN32 = 0x8007  # the facility of Win32 errors in an HRESULT
# The low half of an HRESULT 0x8007xxxx: winerror.h, DNS_ERROR_*.
_MEANINGS: t.Final[t.Mapping[int, str]] = {
    9601: "the zone is not there any more",
    9621: "the zone has been shut down, look at the event log of the DNS server",
    9706: "the name lies outside the zone",
    9708: "the name is an alias (CNAME) and can have no other record, remove the alias",
    9709: "the name is an alias (CNAME) and can have no other record, remove the alias",
    9717: "Active Directory does not answer the DNS server, look at its event log",
}


def create(client: Client, zone: DnsZone, owner: str, member: Member) -> None:
    """Make one record. Raises Failure, OutcomeUnknown."""
    parameters = {
        "DnsServerName": zone.server,
        "ContainerName": zone.name,
        "OwnerName": owner,
        "RecordClass": _IN,
        **_data(member),
    }
    try:
        client.invoke(NAMESPACE, SRV, "CreateInstanceFromPropertyData", parameters)
    except Fault as fault:
        raise _refused(client, fault, f"publish {member.target}") from None


def modify(client: Client, record: SrvRecord, member: Member) -> None:
    """Give one record other numbers; its target stays as it is spelled. Raises Failure, OutcomeUnknown."""
    try:
        client.invoke(NAMESPACE, SRV, "Modify", _data(member), selectors=record.keys)
    except Fault as fault:
        raise _refused(client, fault, f"change the record of {member.target}") from None


def delete(client: Client, zone: DnsZone, owner: str, records: t.Sequence[SrvRecord]) -> None:
    """Delete these records, and no error where one is gone. Raises Failure, OutcomeUnknown."""
    by_wsman = bool(records) and _deletes_instances(client)
    for record in records:
        if not (by_wsman and _delete_instance(client, record)):
            _delete_by_command(client.world, zone, owner, record.member)


def _data(member: Member) -> dict[str, str | int | None]:
    """Every property that can be said, so that none is left to what a release makes of a missing one."""
    return {
        "TTL": member.ttl,
        "Priority": member.priority,
        "Weight": member.weight,
        "Port": member.port,
        "SRVDomainName": member.target,
    }


def _deletes_instances(client: Client) -> bool:
    rows = client.query("root/cimv2", "SELECT Version FROM Win32_OperatingSystem")
    numbers = [int(part) for part in ((rows[0].text("Version") or "") if rows else "").split(".") if part.isdecimal()]
    return tuple(numbers[:2]) >= _WSMAN_DELETE


def _delete_instance(client: Client, record: SrvRecord) -> bool:
    """By WS-Management; False where this host does not do that after all."""
    try:
        client.delete(NAMESPACE, SRV, record.keys)
    except Fault as fault:
        if fault.unsupported:
            return False
        if not fault.not_found:
            raise _refused(client, fault, f"delete the record of {record.member.target}") from None
    return True


def _delete_by_command(world: World, zone: DnsZone, owner: str, member: Member) -> None:
    """By dnscmd. Without the record's data it would delete every SRV record of the name (Microsoft Learn, "dnscmd")."""
    node = owner[: -len(zone.name) - 1] or "@"
    if not all(_PLAIN.match(word) for word in (zone.name, owner, member.target)):
        raise Failure(
            f"{world.host}: the record of {member.target!r} in zone {zone.name} has characters that no host name has, "
            "and is not put on a command line; delete it in the DNS console",
            name="dns_record_unspeakable",
        )
    command = f"dnscmd /RecordDelete {zone.name} {node} SRV {member.data()} /f"
    with with_shell(world) as shell:
        done = shell.run(command, timeout=_PATIENCE, mutating=True)
    if done.exit_code == 0 or done.exit_code & 0xFFFF in _GONE:
        return
    missing = "; dnscmd comes with the DNS server tools, on Server 2003 with the Support Tools"
    hint = missing if done.exit_code in _NO_PROGRAM else ""
    raise Failure(
        f"{world.host}: the record of {member.target} could not be deleted (dnscmd ended with "
        f"{number(done.exit_code)}){hint}; try it on the DNS server: {command}",
        name="dns_change_failed",
        code=number(done.exit_code),
        advice=done.stdout.strip()[-300:],
    )


def _refused(client: Client, fault: Fault, what: str) -> Problem:
    """A call that the DNS server did not carry out."""
    if fault.access_denied:
        return access_denied(client.world.host, fault, Failure)
    known = [_MEANINGS.get(one & 0xFFFF, "") for one in fault.numbers.every() if one >> 16 in (0, _WIN32)]
    why = next(filter(None, known), "look at the event log of the DNS server")
    return Failure(
        f"{client.world.host}: the DNS server did not {what} ({fault.code_text or fault.subcode}); {why}",
        name="dns_change_failed",
        code=fault.code_text,
        advice=fault.advice,
    )
