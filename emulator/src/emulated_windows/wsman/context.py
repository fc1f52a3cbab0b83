# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every WS-Management operation needs of the host it serves.

Knows message ids, the time-out of a request, resource URIs of WMI, and how an HRESULT of a provider becomes an
answer. Refuses to know single operations.
"""

from __future__ import annotations

import random
import uuid

from ..machine.errors import CimError
from ..machine.machine import Machine
from ..soap import faults, names
from ..soap.faults import Manner, Provider, WsmanFault
from ..soap.request import Request
from ..wmi.catalogue import Catalogue
from ..wmi.dns_classes import NAMESPACE as DNS_NAMESPACE
from ..wmi.provider import WmiClass

WMI_DLL = r"%systemroot%\system32\WsmWmiPl.dll"
_CIM_KINDS = {
    4: faults.WMI_INVALID_PARAMETER,
    6: faults.NOT_FOUND,
    7: faults.NOT_CAPABLE,
    11: faults.RESOURCE_EXISTS,
}
WBEM_E_INVALID_CLASS, WBEM_E_INVALID_NAMESPACE = 0x80041010, 0x8004100E


def is_wmi(request: Request) -> bool:
    """Is the resource a WMI class? The case of a resource URI does not matter."""
    return request.uri.lower().startswith(names.WMI_PREFIX)


class Context:
    """One host, seen by the operations."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.style = machine.persona.wsman
        self.catalogue = Catalogue(machine)
        self._ids = random.Random(f"ids {machine.options.seed} {machine.options.name}")

    def new_id(self) -> str:
        """A GUID as Windows writes it."""
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4)).upper()

    def timeout(self, request: Request) -> float:
        """Seconds after which the time-out fault is due. What a client asks for is clamped by MaxTimeoutms."""
        longest = self.style.max_timeout_ms / 1000
        return longest if request.timeout is None else min(request.timeout, longest)

    def envelope_limit(self, request: Request) -> int:
        """The smaller of what the client accepts and what the service sends."""
        limit = self.style.envelope_kb * 1024
        return limit if request.max_envelope is None else min(request.max_envelope, limit)

    def weight(self, text: str) -> int:
        """How much a piece of an answer counts against the envelope limit."""
        return len(text) * 2 if self.style.envelope_unit == "utf16" else len(text.encode())

    def manner(self, request: Request) -> Manner:
        """How faults are written, in answer to this request."""
        machine, style = self.machine, self.style
        namespace = ""
        if style.mi and machine.dials["error_detail"] == "msft_wmi_error":
            own = request.uri.rpartition("/")[0].lower() if is_wmi(request) else f"{names.WMI_PREFIX}root/cimv2"
            namespace = {
                "own_namespace": f"{own}/",
                "storage": f"{names.WMI_PREFIX}root/microsoft/windows/storage/",
            }.get(machine.dials["error_namespace"], names.CIM_SCHEMA)
        return Manner(
            machine.options.name,
            machine.language.tag,
            machine.language.fault,
            style.old_faults,
            self.new_id() if style.mi else "",
            namespace,
        )

    # -- WMI -----------------------------------------------------------------------------------------------------

    def class_at(self, request: Request) -> tuple[str, str]:
        """Namespace and class name of a WMI resource URI; the class may be a star."""
        path = request.uri[len(names.WMI_PREFIX) :]
        namespace, slash, name = path.rpartition("/")
        if not slash or not name or "?" in path:
            raise WsmanFault(faults.INVALID_RESOURCE_URI)
        if not self.catalogue.has_namespace(namespace):
            raise self._namespace_missing(namespace)
        return namespace, name

    def _namespace_missing(self, namespace: str) -> WsmanFault:
        said = "The namespace does not exist."
        nested = self.machine.dials["dns_namespace_missing"] == "nested_invalid_namespace"
        if nested and namespace.lower() == DNS_NAMESPACE.lower():
            provider = self.provider(said, code=WBEM_E_INVALID_NAMESPACE)
            return WsmanFault(faults.NOT_FOUND, provider=provider, cim_status=faults.INVALID_NAMESPACE)
        return WsmanFault(faults.NOT_FOUND, provider=self.provider(said))

    def class_of(self, request: Request) -> WmiClass:
        """The class a resource URI names."""
        namespace, name = self.class_at(request)
        found = self.catalogue.find(namespace, name)
        if found is None:
            dial = self.machine.dials["class_missing_by_uri"]
            kind = faults.INVALID_RESOURCE_URI if dial == "invalid_resource_uri" else faults.NOT_FOUND
            code = WBEM_E_INVALID_CLASS if dial == "nested_invalid_class" else kind.code
            said = self.provider("The class does not exist.", code=code, operation="GetObject", parameter=name)
            raise WsmanFault(kind, provider=said, cim_status=faults.INVALID_CLASS)
        return found

    def provider(
        self,
        message: str,
        *,
        code: int | None = faults.NOT_FOUND.code,
        operation: str = "",
        parameter: str = "",
        status: int | None = None,
    ) -> Provider:
        """What the WMI plug-in says in a fault."""
        return Provider(self.style.wmi_provider, WMI_DLL, code, message, operation, parameter, status)

    def class_missing(self, text: str) -> WsmanFault:
        """The fault for a query on a class that does not exist (recorded on 2008 R2; a dial)."""
        dial = self.machine.dials["class_missing"]
        kind = faults.NOT_FOUND if dial == "destination_unreachable" else faults.CANNOT_PROCESS_FILTER
        code = WBEM_E_INVALID_CLASS if dial == "nested_invalid_class" else kind.code
        return WsmanFault(
            kind,
            provider=self.provider(
                "The specified class does not exist in the given namespace.",
                code=code,
                operation="ExecQuery",
                parameter=text,
            ),
            cim_status=faults.INVALID_CLASS,
        )

    def failed(self, hresult: int, operation: str, parameter: str, seconds: float) -> WsmanFault:
        """The fault for an HRESULT of a provider. Where the number stands is a dial."""
        dial = self.machine.dials["hresult_place"]
        said = f"The WMI service or the WMI provider returned an unknown error: HRESULT 0x{hresult:08x}"
        kind, code = faults.INTERNAL_ERROR, faults.INTERNAL_ERROR.code
        if dial == "outer_code":
            provider = self.provider(said, code=hresult)
            return WsmanFault(kind, said, provider, code=hresult, seconds=seconds, cim_status=faults.FAILED)
        if dial == "text_token":
            provider = self.provider(said, code=code)
            return WsmanFault(kind, said, provider, seconds=seconds, cim_status=faults.FAILED)
        if dial == "extended_status":
            provider = self.provider(
                "The provider has failed.", code=code, operation=operation, parameter=parameter, status=hresult
            )
            return WsmanFault(kind, provider=provider, seconds=seconds, cim_status=faults.FAILED)
        provider = self.provider(said, code=hresult)
        return WsmanFault(kind, said, provider, seconds=seconds, cim_status=faults.FAILED)

    def cim_failed(self, error: CimError, operation: str, parameter: str) -> WsmanFault:
        """The fault for a CIM status of a provider of the MI stack."""
        kind = _CIM_KINDS.get(error.status, faults.INTERNAL_ERROR)
        said = f"CIM status {error.status}: {error.about}."
        provider = self.provider(said, code=kind.code, operation=operation, parameter=parameter)
        return WsmanFault(kind, said, provider, seconds=error.seconds, cim_status=error.status)
