# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""slmgr.vbs /dli and /dlv: what the script shows of licences.

Knows which lines there are and in which order (Managing License States, ff793426, for 6.1; the script of 8.1, as
published, from 6.2 on; assumed before 6.1), and that the script takes everything from WMI: a column a release does not
have is a line it does not show. Settings of a KMS host that are no columns before 6.1 are read from the registry there
(assumed). Refuses to know what else the script does.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..machine import publishing
from ..machine.keys import LICENSED, NOTIFICATION, UNKNOWN_COUNT
from ..machine.machine import Machine
from ..machine.products import EVALUATION, KMS_CLIENT, WINDOWS_APPLICATION
from ..wmi.licensing import LicensingProduct, LicensingService
from ..wmi.values import Moment, Row, Value
from .program import lines
from .texts import word

ALL = "all"
_DAY = 24 * 60
_URLS = {
    "ProcessorURL": "slmgr_processor_url",
    "MachineURL": "slmgr_machine_url",
    "UseLicenseURL": "slmgr_use_license_url",
    "ProductKeyURL": "slmgr_key_url",
    "ValidationURL": "slmgr_validation_url",
}
_REASONS = {0xC004F200: "slmgr_not_genuine", 0xC004F009: "slmgr_grace_over"}
_COUNTERS = {
    "Total": "slmgr_total",
    "Failed": "slmgr_failed_requests",
    "Unlicensed": "slmgr_unlicensed_requests",
    "Licensed": "slmgr_licensed_requests",
    "OOBGrace": "slmgr_oob_requests",
    "OOTGrace": "slmgr_oot_requests",
    "NonGenuineGrace": "slmgr_non_genuine_requests",
    "Notification": "slmgr_notification_requests",
}


def shown(machine: Machine, asked: str, *, verbose: bool) -> str:
    """What the script prints. `asked`: an activation ID, `all`, or "". Raises ProviderError."""
    service, products = LicensingService(), LicensingProduct()
    columns = [frozenset(item.name for item in kind.schema_for(machine).properties) for kind in (products, service)]
    first = next(iter(service.rows(machine, None).rows), None)
    if first is None:
        return lines(word_of(machine, "slmgr_no_key"))
    seen = [_Product(machine, row, first, *columns) for row in products.rows(machine, None).rows]
    asked = asked.lower()
    chosen = [each for each in seen if _chosen(each, asked)]
    version = lines(word_of(machine, "slmgr_version", value=first["Version"])) if verbose else ""
    if not chosen:
        return version + lines(word_of(machine, "slmgr_no_key"))
    after = "" if asked not in ("", ALL) else lines("")  # of a single product nothing follows
    return version + "".join(lines("", *each.told(verbose=verbose)) + after for each in chosen)


def word_of(machine: Machine, key: str, **parts: object) -> str:
    """A text of the script. On Server 2003 it knows no language but English: GetUILanguage came with Vista."""
    return word(machine, key, english=machine.persona.since < (6, 0), **parts)


def _chosen(product: _Product, asked: str) -> bool:
    return asked == ALL or product["ID"] == asked or (not asked and product.primary)


@dataclass(frozen=True)
class _Product:
    """A row of SoftwareLicensingProduct, and that of the service for what its class does not have."""

    machine: Machine
    product: Row
    service: Row
    product_columns: frozenset[str]
    service_columns: frozenset[str]

    def __getitem__(self, name: str) -> Value:
        row = self.product if name in self.product_columns else self.service
        return row.get(name) if self.has(name) else None

    def has(self, name: str) -> bool:
        """Is there such a column?"""
        return name in self.product_columns or name in self.service_columns

    def number(self, name: str) -> int:
        """A column that is a number; 0 for NULL."""
        value = self[name]
        return value if isinstance(value, int) else 0

    @property
    def primary(self) -> bool:
        """Is it what Windows is? On Server 2003 there are only KMS products, whatever their application."""
        windows = self["ApplicationID"] == WINDOWS_APPLICATION or self.machine.persona.since < (6, 0)
        return windows and self["PartialProductKey"] is not None

    @property
    def client(self) -> bool:
        """Is it a KMS client?"""
        return KMS_CLIENT in str(self["Description"])

    @property
    def host(self) -> bool:
        """May it be a KMS host?"""
        return "VOLUME_KMS" in str(self["Description"]) and not self.client

    # -- lines ---------------------------------------------------------------------------------------------------

    def said(self, key: str, **parts: object) -> str:
        """One line."""
        return word_of(self.machine, key, **parts)

    def line(self, key: str, name: str) -> str:
        """A label and a column; nothing behind the label for NULL."""
        value = self[name]
        return self.said(key, value="" if value is None else value)

    def told(self, *, verbose: bool) -> Iterator[str]:
        """All lines."""
        yield self.line("slmgr_name", "Name")
        yield self.line("slmgr_description", "Description")
        if verbose:
            yield from self._identity()
        keyed = self["PartialProductKey"] is not None
        yield self.line("slmgr_partial", "PartialProductKey") if keyed else self.said("slmgr_not_in_use")
        yield from self._status()
        if verbose:
            yield from self._dates_and_rearms()
        if self.client:
            yield from self._client()
        if (self.host or self.primary) and self.number("IsKeyManagementServiceMachine"):
            yield from self._host()

    def _identity(self) -> Iterator[str]:
        yield self.line("slmgr_activation_id", "ID")
        yield self.line("slmgr_application_id", "ApplicationID")
        yield self.line("slmgr_extended_pid", "ProductKeyID")
        if self.has("ProductKeyChannel"):
            yield self.line("slmgr_channel", "ProductKeyChannel")
        yield self.line("slmgr_installation_id", "OfflineInstallationId")
        if self.client:
            return
        for name, key in _URLS.items():
            # from 6.2 on, which has the last of them, those without a value are left out
            if self.has(name) and (self[name] or not self.has("ValidationURL")):
                yield self.line(key, name)

    def _status(self) -> Iterator[str]:
        status, minutes = self.number("LicenseStatus"), self.number("GracePeriodRemaining")
        yield self.said("slmgr_status", status=self.said(f"slmgr_status_{status}"))
        days = -(-minutes // _DAY) if self.machine.persona.since >= (6, 2) else minutes // _DAY
        if status == LICENSED and minutes:
            time_based = EVALUATION in str(self["Description"])
            yield self.said("slmgr_eval_expires" if time_based else "slmgr_volume_expires", minutes=minutes, days=days)
        elif status == NOTIFICATION:
            reason = self.number("LicenseStatusReason")
            why = self.said(_REASONS[reason]) if reason in _REASONS else ""
            yield self.said("slmgr_reason", code=f"{reason:X}", why=why)
        elif status not in (0, LICENSED):
            yield self.said("slmgr_remaining", minutes=minutes, days=days)

    def _dates_and_rearms(self) -> Iterator[str]:
        if self.number("LicenseStatus"):
            yield from self._date("slmgr_eval_end", "EvaluationEndDate")
        windows = self["ApplicationID"] == WINDOWS_APPLICATION or not self.has("RemainingAppReArmCount")
        rearms = {"Windows": windows, "App": not windows, "Sku": True}
        for kind, due in rearms.items():
            name = f"Remaining{kind}ReArmCount"
            if due and self.has(name):
                yield self.line(f"slmgr_rearms_{kind.lower()}", name)
        yield from self._date("slmgr_trusted_time", "TrustedTime")

    def _date(self, key: str, name: str) -> Iterator[str]:
        value = self[name]
        if isinstance(value, Moment) and value > 0:
            yield self.said(key, value=_local(value, self.said))

    def _host(self) -> Iterator[str]:
        settings = publishing.read(self.machine.registry, self.machine.licensing.root)
        port, published, low = settings.port, settings.publish, settings.low_priority
        if self.has("KeyManagementServiceListeningPort"):
            port = self.number("KeyManagementServiceListeningPort") or publishing.DEFAULT_PORT
            published = bool(self["KeyManagementServiceDnsPublishing"])
            low = bool(self["KeyManagementServiceLowPriority"])
        count = self.number("KeyManagementServiceCurrentCount")
        yield from ("", self.said("slmgr_kms_on"))
        yield self.said("slmgr_count", value=-1 if count == UNKNOWN_COUNT else count)
        yield self.said("slmgr_port", value=port)
        yield self.said("slmgr_published" if published else "slmgr_not_published")
        yield self.said("slmgr_low" if low else "slmgr_normal")
        if self["KeyManagementServiceTotalRequests"] is None:
            return
        yield from ("", self.said("slmgr_requests"))
        for name, key in _COUNTERS.items():
            yield self.line(key, f"KeyManagementService{name}Requests")

    def _client(self) -> Iterator[str]:
        """Nobody activates clients here, so that no host is known to them."""
        later = self.machine.persona.since >= (6, 2)
        if later:
            yield self.said("slmgr_any_type")
        if self.number("LicenseStatus") != LICENSED:
            yield self.said("slmgr_activate_first")
            return
        yield from ("", *([self.said("slmgr_recent")] if later else []), self.said("slmgr_client"))
        yield self.line("slmgr_cmid", "ClientMachineID")
        yield self.said("slmgr_no_dns")
        if later:
            yield self.said("slmgr_no_address")
        yield self.line("slmgr_kms_pid", "KeyManagementServiceProductKeyID")
        yield self.said("slmgr_activation_interval", value=self.machine.licensing.interval("VLActivationInterval"))
        yield self.said("slmgr_renewal_interval", value=self.machine.licensing.interval("VLRenewalInterval"))
        if self.has("KeyManagementServiceHostCaching"):
            yield self.said("slmgr_caching")


def _local(value: Moment, said: Callable[..., str]) -> str:
    """Date and time as the language writes them."""
    when = datetime.datetime.fromtimestamp(float(value), datetime.timezone.utc)
    half = "AM" if when.hour < 12 else "PM"
    return said("slmgr_moment", when=when, hour12=when.hour % 12 or 12, half=half)
