# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a host as data that a test or a person can read."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import dns.rdatatype

from .dns_records import STATIC, time_of
from .dns_zone import Zone
from .machine.keys import NO_KEY, UNKNOWN_COUNT, HostKey
from .machine.licensing import INTERVALS
from .machine.machine import Machine
from .machine.publishing import publish_list
from .machine.registry import Value

OWN_KEY = r"SOFTWARE\activation.kms"


def iso(when: float) -> str:
    """A time as ISO 8601 in UTC."""
    return datetime.datetime.fromtimestamp(when, datetime.timezone.utc).isoformat()


def _data(value: Value) -> Any:
    return list(value.data) if isinstance(value.data, bytes) else value.data


def _registry(machine: Machine) -> dict[str, dict[str, Any]]:
    """Only what belongs to KMS: our own key and the licensing service's."""
    return {
        f"HKLM\\{path}": {value.name: _data(value) for value in key.values.values()}
        for root in (OWN_KEY, machine.licensing.root)
        for path, key in machine.registry.walk(root)
    }


def _count(counted: int) -> int | None:
    return None if counted == UNKNOWN_COUNT else counted


def _products(machine: Machine) -> list[dict[str, Any]]:
    found = []
    for row in machine.licensing.rows:
        mine = machine.licensing.key_of(row)
        if row.group is None and mine is None:
            continue  # what the machine might be as well
        found.append(
            {
                "activation_id": row.id,
                "application_id": row.application_id,
                "partial_product_key": mine.partial if mine else None,
                "description": row.description,
                "channel": row.channel if mine else None,
                "license_status": mine.status if mine else 0,
                "reason": mine.reason if mine else NO_KEY,
                "installation_id": machine.licensing.keyring.installation_id(row),
                "key_group": row.group if mine else None,
                "host_product": row.group,
                "is_kms_host": machine.licensing.hosts(mine),
                "count": _count(mine.count) if isinstance(mine, HostKey) else None,
            }
        )
    return found


def _system(machine: Machine) -> dict[str, Any]:
    release = machine.persona.release
    win_rm = machine.services.get("WinRM")
    return {
        "os": {
            "caption": release.caption,
            "version": release.version,
            "build": release.build,
            "service_pack": release.service_pack,
            "architecture": release.architecture,
            "language": machine.language.code,
            "ubr": machine.ubr,
            "edition_id": machine.edition_id,
            "product_type": machine.product_type,
        },
        "fqdn": machine.options.fqdn,
        "boot_count": machine.power.boot_count,
        "boot_time": iso(machine.power.boot_time),
        "restarts_announced": [dataclasses.asdict(said) for said in machine.power.announced],
        "restart_pending": machine.updates.restart_pending,
        "hotfixes": [fix.id for fix in machine.updates.hotfixes],
        "shells_open": len(machine.open_shells()),
        "files_left": machine.disk.foreign(),
        "processes": [
            {"pid": process.pid, "name": process.name, "command_line": process.command_line}
            for process in machine.processes
            if not process.native
        ],
        "winrm": {"start_mode": win_rm.mode if win_rm else None, "answers": machine.answers()},
        "logons": [{"type": logon.type, "time": iso(logon.started)} for logon in machine.logons.people()],
        "updates": sorted(machine.updates.effective),
        "dials": dict(machine.dials),
        "clock": iso(machine.now()),
    }


def _firewall(machine: Machine) -> dict[str, Any]:
    firewall, filters = machine.firewall, machine.filters
    service = machine.services.get(firewall.service)
    return {
        "service": service.state if service else None,
        "profile": firewall.current.lower(),
        **{f"{profile.lower()}_enabled": firewall.enabled(profile) for profile in firewall.profiles},
        "tcpip_filtering": filters.allowed() if filters.filtering() else None,
        "ipsec_policy": filters.ipsec_policy(),
        "rras": filters.rras(),
    }


def zone_records(zone: Zone) -> list[dict[str, Any]]:
    """Every record of a zone. Its time stamp is None where it is static, its owner where nobody is asked for one."""
    return [
        {
            "name": name.to_text(omit_final_dot=True),
            "type": dns.rdatatype.to_text(rdata.rdtype),
            "ttl": held.ttl,
            "data": str(rdata),
            "time_stamp": None if held.stamp == STATIC else iso(time_of(held.stamp)),
            "owner": zone.rights.owner(name) if zone.microsoft else None,
        }
        for name, rdata, held in zone.records()
    ]


def zone_data(zone: Zone) -> dict[str, Any]:
    """A zone, its settings and its records."""
    aging, primary = zone.flavour.aging, zone.kind == "primary"
    return {
        "zone": zone.name,
        "flavour": zone.flavour.name,
        "type": zone.kind,
        "paused": zone.paused,
        "updates": zone.rights.updates if zone.microsoft and primary else None,
        "update_group": list(zone.rights.group),
        "aging": dataclasses.asdict(aging) if zone.microsoft else None,
        "serial": zone.serial,
        "records": zone_records(zone),
    }


def show(machine: Machine) -> dict[str, Any]:
    """The whole state, made of values JSON can carry."""
    licensing = machine.licensing
    port = licensing.listening_port()
    return {
        **_system(machine),
        "kms_version": machine.updates.version,
        "products": _products(machine),
        "activations_spent": machine.authority.spent(machine.hardware.hosts),
        "activation_requests": licensing.activation.requests,
        "open_ports": [dataclasses.asdict(entry) for entry in machine.firewall.open_ports()],
        "firewall": _firewall(machine),
        "listening": [port] if port is not None else [],
        "self_publishing": licensing.publishes(),
        "published_itself": [
            {"zone": zone, "port": number, "time": iso(when)} for zone, number, when in licensing.publication.published
        ],
        "count": _count(licensing.count),
        "intervals": {name: licensing.interval(name) for name in INTERVALS},
        "low_priority": licensing.settings.low_priority,
        "publish_list": [domain.name for domain in publish_list(machine.registry, licensing.root)],
        "key_history": [{**dataclasses.asdict(event), "time": iso(event.time)} for event in licensing.keyring.history],
        "version_marks": licensing.version_marks(),
        "manual_activation": machine.registry.number(rf"{licensing.root}\Activation", "Manual"),
        "registry": _registry(machine),
        "dns_zones": [zone_data(zone) for zone in machine.dns.zones] if machine.dns is not None else None,
        "events": [
            {"time": iso(entry.time), "code": entry.code, "source": entry.source, "strings": list(entry.strings)}
            for entry in machine.events.entries
        ],
    }
