# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which WMI classes a machine has.

Knows the classes by namespace and lower-case name. A class nobody has modelled does not exist; tests may load one
from recorded rows. Refuses to know how a class works.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..machine.machine import Machine
from .dns_classes import NAMESPACE as DNS_NAMESPACE
from .dns_classes import DnsServerClass, DnsZoneClass
from .dns_records import AddressRecord, AliasRecord, SrvRecord
from .files import DataFile, Directory
from .firewall_filters import FILTERS
from .firewall_rule import FirewallProfile, FirewallRule
from .licensing import LicensingProduct, LicensingService
from .logons import LogonSession
from .process import RunningProcess
from .provider import Found, WmiClass
from .registry import RegistryProvider
from .schema import Property, Schema
from .service import WindowsService
from .system import AdapterConfiguration, ComputerSystem, OperatingSystem
from .updates import LogEvent, QuickFix
from .values import Moment, Row
from .wql import Condition

_MODELLED: dict[str, WmiClass] = {
    item.schema.name: item
    for item in (
        OperatingSystem(),
        ComputerSystem(),
        AdapterConfiguration(),
        WindowsService(),
        QuickFix(),
        LogEvent(),
        DataFile(),
        Directory(),
        RunningProcess(),
        LogonSession(),
        LicensingService(),
        LicensingProduct(),
        RegistryProvider(),
        FirewallRule(),
        FirewallProfile(),
        *FILTERS.values(),
    )
}


_ELSEWHERE: dict[tuple[str, str], WmiClass] = {("root/cimv2", "StdRegProv"): RegistryProvider("root/cimv2")}
"""Classes that live in a second namespace too."""

_DNS_SERVER: dict[tuple[str, str], WmiClass] = {
    (DNS_NAMESPACE.lower(), item.schema.name.lower()): item
    for item in (DnsServerClass(), DnsZoneClass(), SrvRecord(), AddressRecord(), AliasRecord())
}
"""What comes with the role of a DNS server, with its namespace."""


class LoadedClass(WmiClass):
    """A class made of given rows, for comparing shapes with recordings."""

    def __init__(self, schema: Schema, rows: Sequence[Row]) -> None:
        self.schema = schema
        self._rows = list(rows)

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """The rows it was given."""
        return Found(list(self._rows))


def _type_of(values: list[object]) -> str:
    for value in values:
        if isinstance(value, Moment):
            return "datetime"
        if isinstance(value, bool):
            return "boolean"
        if isinstance(value, int):
            return "number"
    return "string"


class Catalogue:
    """The classes of one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._classes = {
            (namespace, name.lower()): _ELSEWHERE.get((namespace, name), _MODELLED[name])
            for namespace, names in machine.persona.classes.items()
            for name in names
        }
        if machine.dns is not None:
            self._classes |= _DNS_SERVER
        self._loaded: dict[tuple[str, str], WmiClass] = {}

    def has_namespace(self, namespace: str) -> bool:
        """Does this Windows have such a namespace?"""
        if namespace.lower() == DNS_NAMESPACE.lower():
            return self._machine.dns is not None
        return namespace.lower() in self._machine.persona.wsman.namespaces

    def find(self, namespace: str, name: str) -> WmiClass | None:
        """A class that exists on the machine now, case ignored."""
        key = (namespace.lower(), name.lower())
        found = self._loaded.get(key) or self._classes.get(key)
        return found if found is not None and found.exists(self._machine) else None

    def sources(self) -> dict[str, str]:
        """How we know the members of each modelled class, whether it exists already or not."""
        return {found.schema.name: found.source(self._machine) for found in self._classes.values()}

    def load(self, name: str, rows: Sequence[Row], namespace: str = "root/cimv2") -> None:
        """Put a class in the place of the modelled one, or where there is none. A list marks an array."""
        names = sorted({column for row in rows for column in row}, key=str.lower)
        columns = tuple(
            Property(
                column,
                _type_of([row.get(column) for row in rows]),
                any(isinstance(row.get(column), (list, tuple)) for row in rows),
            )
            for column in names
        )
        schema = Schema(name, namespace, columns, keys=tuple(names[:1]))
        self._loaded[(namespace.lower(), name.lower())] = LoadedClass(schema, rows)
