# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SOAP faults of every WinRM generation as one exception that decides on numbers.

Internal to the collection activation.kms; not a public interface.

Knows: where each generation puts its numbers, and what the numbers of WS-Management and WMI mean. Refuses to know the
numbers of the licensing service (that is `_kms`) and to decide on the server's text, which is in the server's language.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
import xml.etree.ElementTree as ET

from .._errors import Failure
from . import tree

TIMED_OUT: t.Final = 2150858793
_WSMAN_FACILITY = 0x8033
_NOT_FOUND = {2150858752, 2150859034}  # no resource for URI and selectors; selector values match nothing
_NO_SUCH_URI = {2150858752, 2150858754, 2150858811}  # destination unreachable, invalid URI, invalid resource URI
_FILTER = {2150858778, 2150859042}  # the filter cannot be processed: recorded for a class that is not there
_DENIED = {0x00000005, 0x80338104, 0x80338105, 0x80338106}
_QUOTA = {2150859173, 2150859174}  # shells per user, operations per user
_HRESULT_DENIED = {0x80070005, 0x80041003}  # E_ACCESSDENIED, WBEM_E_ACCESS_DENIED
_WBEM_NOT_FOUND = 0x80041002
_UNSUPPORTED = {2150858771, 2150859010}  # the action is not supported; the WMI provider is not capable of it
_EXISTS = {2150858803, 0x80041019, 0x800700B7}  # WS-Management's; WBEM_E_ALREADY_EXISTS; ERROR_ALREADY_EXISTS
_SAYS_NOTHING = {0x80041001, 0x80004005}  # WBEM_E_FAILED, E_FAIL: something failed; what did may stand elsewhere
_WBEM_NO_CLASS = {0x80041010, 0x8004100E, _WBEM_NOT_FOUND}  # WBEM_E_INVALID_CLASS, WBEM_E_INVALID_NAMESPACE

# MI_Result numbers (DSP0223, CIMStatusCode)
_CIM_BAD_QUERY = {12, 14, 15}  # no such property, query language, invalid query
_CIM_DENIED, _CIM_NO_NAMESPACE, _CIM_NO_CLASS, _CIM_NOT_FOUND, _CIM_EXISTS, _CIM_LIMITS = 2, 3, 5, 6, 11, 27
_CIM_UNSUPPORTED = 7

# Japanese text goes on without a blank after the number, and may have a full-width colon before it.
_TOKEN = re.compile(r"HRESULT\s*[:=\uff1a]?\s*0x([0-9a-f]{8})(?![0-9a-z])", re.IGNORECASE)
_LONGEST = 400  # characters of the server's own text


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Every number a fault holds, by the place it stands in, in document order."""

    wsman: tuple[int, ...] = ()
    errors: tuple[int, ...] = ()
    cim_status: int | None = None
    statuses: tuple[int, ...] = ()
    tokens: tuple[int, ...] = ()

    def hresult(self) -> int | None:
        """The provider's own HRESULT: the first that is none of WS-Management's; one that says something goes first."""
        found = [n for n in self.every() if n >= 0x80000000 and n >> 16 != _WSMAN_FACILITY]
        return next((n for n in found if n not in _SAYS_NOTHING), next(iter(found), None))

    def service(self) -> int | None:
        """WS-Management's own number."""
        codes = [n for n in self.every() if n >> 16 == _WSMAN_FACILITY]
        return codes[0] if codes else next(iter(self.wsman), None)

    def every(self) -> tuple[int, ...]:
        """All of them."""
        return (*self.wsman, *self.errors, *self.statuses, *self.tokens)


class Fault(Failure):
    """The host answered a request with an error.

    Attributes:
        numbers: every number of the fault.
        hresult: the HRESULT of WMI or of the provider, or None.
        subcode: the local name of the SOAP subcode, "AccessDenied" for instance.
        http_status: as it came.
        detail: the server's own words, shortened, in the server's language.
    """

    def __init__(self, host: str, doing: str, http_status: int, numbers: Numbers, subcode: str, detail: str) -> None:
        self.numbers = numbers
        self.http_status = http_status
        self.subcode = subcode
        self.detail = detail
        self.hresult = numbers.hresult()
        name, meaning = self._meaning()
        code = f"HTTP status {http_status}" if numbers.cim_status is None else f"CIM status {numbers.cim_status}"
        if self.code_text:
            code = f"error {self.code_text}"
        said = f'The host said: "{detail}".' if detail else ""
        super().__init__(f"{host}: {doing} failed ({code}): {meaning}", name=name, advice=said, code=self.code_text)

    @property
    def code_text(self) -> str | None:
        """The number to show: the provider's if there is one, else WS-Management's; "0xC004F050" for instance."""
        number = self.hresult if self.hresult is not None else self.numbers.service()
        return None if number is None else f"0x{number:08X}"

    @property
    def timed_out(self) -> bool:
        """The operation took longer than OperationTimeout; whether it was carried out is not known."""
        return TIMED_OUT in self._codes() or self.subcode == "TimedOut"

    @property
    def access_denied(self) -> bool:
        """The user may not do this."""
        if self.hresult is not None:
            return self.hresult in _HRESULT_DENIED
        return bool(_DENIED & self._codes()) or self.numbers.cim_status == _CIM_DENIED or self.subcode == "AccessDenied"

    @property
    def class_missing(self) -> bool:
        """The class or its namespace is not there. For faults of queries only: a filter can fail otherwise too."""
        if self.hresult is not None:
            return self.hresult in _WBEM_NO_CLASS
        if self.access_denied or self.quota or self.numbers.cim_status in _CIM_BAD_QUERY:
            return False
        if self.numbers.cim_status in (_CIM_NO_NAMESPACE, _CIM_NO_CLASS):
            return True
        return bool((_FILTER | _NO_SUCH_URI) & self._codes()) or self.subcode == "CannotProcessFilter"

    @property
    def not_found(self) -> bool:
        """The addressed instance is not there: by the CIM status, whatever number of its own the provider adds."""
        if self.hresult is not None:
            return self.hresult == _WBEM_NOT_FOUND or self.numbers.cim_status == _CIM_NOT_FOUND
        return bool(_NOT_FOUND & self._codes()) or self.numbers.cim_status == _CIM_NOT_FOUND

    @property
    def already_exists(self) -> bool:
        """What was to be created is there already; judged as `not_found`."""
        if self.hresult is not None:
            return self.hresult in _EXISTS or self.numbers.cim_status == _CIM_EXISTS
        return bool(_EXISTS & self._codes()) or self.numbers.cim_status == _CIM_EXISTS

    @property
    def unsupported(self) -> bool:
        """This Windows, or the provider of the class, does not offer the operation at all."""
        return bool(_UNSUPPORTED & self._codes()) or self.numbers.cim_status == _CIM_UNSUPPORTED

    @property
    def value_refused(self) -> bool:
        """The request arrived, was understood, and its values were not liked; nothing was changed by it."""
        known = self.timed_out, self.quota, self.access_denied, self.not_found, self.class_missing, self.already_exists
        return not any(known)

    @property
    def quota(self) -> bool:
        """WinRM's limit of shells or operations for this user is reached."""
        if self.hresult is not None:
            return False
        return bool(_QUOTA & self._codes()) or self.numbers.cim_status == _CIM_LIMITS or self.subcode == "QuotaLimit"

    def _codes(self) -> set[int]:
        """The numbers that may be WS-Management's: a bare 5 is "denied" in a WSManFault only."""
        return {*self.numbers.wsman, *(n for n in (*self.numbers.errors, *self.numbers.tokens) if n > 0xFFFF)}

    def _meaning(self) -> tuple[str, str]:
        """The name, and the end of the sentence."""
        if self.timed_out:
            return "operation_timeout", "it took longer than WinRM allows; look at the load of the host, then try again"
        if self.quota:
            return "winrm_quota", (
                "this user has too many WinRM shells or operations open; wait for other sessions to end, "
                "or raise the limit with winrm set winrm/config"
            )
        if self.access_denied:
            return "access_denied", "the user may not do this; connect as a member of the host's Administrators group"
        if self.not_found:
            return "not_found", "the object, or the whole WMI class, does not exist on the host"
        if self.class_missing:
            return "class_missing", "this Windows does not have the WMI class or refuses the query"
        return "windows_error", "look the number up in the Windows documentation and at the event log of the host"


def is_fault(root: ET.Element) -> bool:
    """Whether an envelope carries a fault; WinRM sends some with HTTP status 200."""
    return tree.child(root, "Body", "Fault") is not None


def read_fault(
    host: str,
    doing: str,
    http_status: int,
    body: bytes,
    root: ET.Element | None,
    scrub: t.Callable[[str], str],
) -> Fault:
    """The fault a body holds, whatever its shape; `root` is None when it is no XML.

    `scrub` takes secrets out of the server's text, which may repeat what it was sent.
    """
    fault = tree.child(root, "Body", "Fault")
    numbers, subcode, detail = Numbers(), "", ""
    if fault is not None:
        numbers = _numbers(fault)
        subcode = tree.text(tree.child(fault, "Code", "Subcode", "Value")).rpartition(":")[2]
        detail = _detail(fault)
    if numbers.hresult() in {None, *_SAYS_NOTHING}:
        said = body.decode("utf-8", "replace") if fault is None else " ".join(fault.itertext())
        numbers = dataclasses.replace(numbers, tokens=_tokens(said))
    return Fault(host, doing, http_status, numbers, subcode, scrub(detail)[:_LONGEST])


def _numbers(fault: ET.Element) -> Numbers:
    """All numbers, by local name: a WSManFault (nested ones too), an MSFT_WmiError, an __ExtendedStatus."""
    wsman = [_number(tree.attribute(item, "Code") or "") for item in tree.descendants(fault, "WSManFault")]
    errors, statuses, cim = _texts(fault, "error_Code"), _texts(fault, "StatusCode"), _texts(fault, "CIMStatusCode")
    return Numbers(_known(wsman), _known(errors), next(iter(_known(cim)), None), _known(statuses))


def _texts(fault: ET.Element, name: str) -> list[int | None]:
    return [_number(tree.text(item)) for item in tree.descendants(fault, name)]


def _known(found: t.Iterable[int | None]) -> tuple[int, ...]:
    return tuple(number for number in found if number is not None)


def _number(text: str) -> int | None:
    """A decimal or 0x number as unsigned 32 bits; some providers write it signed."""
    try:
        return int(text.strip(), 0) & 0xFFFFFFFF
    except ValueError:
        return None


def _tokens(said: str) -> tuple[int, ...]:
    """The tokens "HRESULT 0x...": the one piece of the server's text that is not translated."""
    return tuple(int(token, 16) for token in _TOKEN.findall(said))


def _detail(fault: ET.Element) -> str:
    """The innermost sentence: the provider's, else WinRM's, else SOAP's reason."""
    reason = tree.child(fault, "Reason", "Text")
    places = [item for item in fault.iter() if tree.local(item) in ("Message", "ProviderFault")]
    spoken = [" ".join(tree.text(item).split()) for item in places]
    return next(filter(None, reversed(spoken)), " ".join(tree.text(reason).split()))
