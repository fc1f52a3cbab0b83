# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of the licensing service: whether it is there, its keyed products, its settings as a KMS host.

Internal to the collection activation.kms; not a public interface.

Products are told apart by numbers, ids and the untranslated channel token in Description (VOLUME_KMS...), as slmgr.vbs
does. A setting counts as the service's WMI class shows it; where that shows nothing (no KMS host yet, or a release
whose class has no such member) as the registry has it. Refuses to know how either is read.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .generations import ROOTS, SETTINGS

LICENSED = 1
_OUT_OF_TOLERANCE = 3
_HARDWARE_CHANGED = (0xC004F00F, 0x4004F00D)  # SL_E_OUT_OF_TOLERANCE, SL_I_OOT_GRACE_PERIOD
_CHANNEL = re.compile(r"VOLUME_KMS[A-Za-z0-9_.-]*")


@dataclasses.dataclass(frozen=True)
class Product:
    """One licensed product that has a key.

    Attributes:
        license_status: None where Windows does not say, as it may to users who are no administrators.
        foreign: it belongs to another application than Windows, Office for instance.
        hosting: whether it says that it makes its machine a KMS host; before 6.1 the service alone says so.
        current_count, required_count: the clients it has counted, and its threshold; None where the release says so of
            the service only (before 6.1), or nobody has asked yet. Clients change the count, we do not.
    """

    id: str
    name: str
    description: str
    application_id: str
    partial_product_key: str
    license_status: int | None
    license_status_reason: int | None
    foreign: bool = False
    hosting: bool | None = None
    required_count: int | None = None
    current_count: int | None = dataclasses.field(default=None, compare=False)

    @property
    def hardware_changed(self) -> bool:
        """It was activated, and the hardware has changed since.

        The status says so during the grace period; afterwards it is 5 (notification), and only the reason tells.
        """
        reason = (self.license_status_reason or 0) & 0xFFFFFFFF
        return self.license_status != LICENSED and (
            self.license_status == _OUT_OF_TOLERANCE or reason in _HARDWARE_CHANGED
        )

    @property
    def channel(self) -> str:
        """The volume channel token, "VOLUME_KMS_R2_C" for instance; "" for other products."""
        found = _CHANNEL.search(self.description)
        return found.group(0) if found else ""

    @property
    def makes_kms_host(self) -> bool:
        """A KMS host's product of any application, by the rule of slmgr.vbs: VOLUME_KMS, but not VOLUME_KMSCLIENT."""
        return bool(self.channel) and not self.channel.startswith("VOLUME_KMSCLIENT")

    @property
    def is_kms_host(self) -> bool:
        """A KMS host's product of Windows."""
        return self.makes_kms_host and not self.foreign

    @property
    def is_evaluation(self) -> bool:
        """Windows runs as an evaluation: its own product says so, by a word that is not translated (slmgr.vbs).

        Up to Windows 7 and Server 2008 R2 nothing else does: evaluations have the edition's own number there.
        """
        return not self.foreign and "TIMEBASED_EVAL" in self.description

    def as_data(self) -> dict[str, t.Any]:
        """Plain data; the partial key is what Windows itself shows."""
        return {**dataclasses.asdict(self), "channel": self.channel, "is_kms_host": self.is_kms_host}


@dataclasses.dataclass(frozen=True)
class Values:
    """The settings of a KMS host in one place; None where that place does not say. Intervals in minutes.

    The names are those of `SETTINGS` and of the options. `self_publishing_domains` holds the domains in which the host
    publishes itself, "domain" or "domain, priority, weight"; empty: its home domain alone.
    """

    port: int | None = None
    self_publishing: bool | None = None
    self_publishing_domains: tuple[str, ...] | None = None
    low_priority: bool | None = None
    activation_interval: int | None = None
    renewal_interval: int | None = None

    def given(self) -> dict[str, t.Any]:
        """What is not None, by name."""
        return {name: value for name in SETTINGS if (value := getattr(self, name)) is not None}

    def having(self, other: Values) -> Values:
        """The same with what the other gives."""
        return dataclasses.replace(self, **other.given())


@dataclasses.dataclass(frozen=True)
class Root:
    """One registry key of the licensing service's settings. `values` holds what WMI does not show anyway."""

    values: Values = Values()
    version_mark: bool = False
    manual: int | None = None


@dataclasses.dataclass(frozen=True)
class Licensing:
    """What the licensing service shows. `present` is False where its classes do not exist (Server 2003 before KMS).

    Attributes:
        answers: False where the classes exist and the service behind them does not run.
        is_kms_host: whether the service says that it is one; the methods for its settings demand it.
        current_count, required_count: the clients counted, and the threshold, of Windows' KMS host (see count_of).
        shown: the settings as the service's WMI class shows them.
        named: the product that was asked for by its ID, with a key or without; None where nobody asked, or unknown.
        roots: the settings keys that exist, by their short names.
    """

    key: t.ClassVar[str] = "licensing"

    present: bool
    answers: bool = True
    version: str = ""
    is_kms_host: bool | None = None
    current_count: int | None = dataclasses.field(default=None, compare=False)  # clients change it, we do not
    required_count: int | None = None
    products: tuple[Product, ...] = ()
    named: Product | None = None
    roots: t.Mapping[str, Root] = dataclasses.field(default_factory=dict)
    shown: Values = Values()

    def host_products(self) -> tuple[Product, ...]:
        """Every KMS host product of Windows with a key."""
        return tuple(product for product in self.products if product.is_kms_host)

    def count_of(self, product: Product) -> int | None:
        """The clients this product has counted; the service's count where products have none of their own."""
        return self.current_count if product.hosting is None else product.current_count

    def threshold_of(self, product: Product) -> int | None:
        """How many must ask before this product activates anybody; likewise."""
        return self.required_count if product.hosting is None else product.required_count

    @property
    def serves(self) -> bool:
        """Whether clients may depend on this host, those of Office too."""
        return any(product.makes_kms_host and product.license_status == LICENSED for product in self.products)

    def everywhere(self, setting: str) -> tuple[t.Any, ...]:
        """The value of a setting in each place that counts, its default where it is not set there."""
        shown = getattr(self.shown, setting)
        if shown is not None:
            return (shown,)
        found = [getattr(root.values, setting) for root in self.roots.values()] or [None]
        return tuple(SETTINGS[setting].default if value is None else value for value in found)

    def setting(self, name: str) -> t.Any:
        """The value of a setting. Where two places disagree the host publishes itself if one of them says so;
        otherwise the first that is not the default counts.
        """
        values, default = self.everywhere(name), SETTINGS[name].default
        if name == "self_publishing":
            return any(values)
        return next((value for value in values if value != default), default)

    @property
    def port(self) -> int:
        """The listening port; 1688 unless set."""
        return int(self.setting("port"))

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results. Without a licensing service there are no settings."""
        settings = {name: self.setting(name) if self.present else None for name in SETTINGS}
        domains = settings["self_publishing_domains"]
        return {
            "present": self.present,
            "answers": self.answers,
            "version": self.version,
            "is_kms_host": self.is_kms_host,
            "current_count": self.current_count,
            "required_count": self.required_count,
            "products": [product.as_data() for product in self.products],
            **settings,
            "self_publishing_domains": None if domains is None else list(domains),
            "registry_roots": {name: ROOTS[name] for name in self.roots},
        }


@dataclasses.dataclass(frozen=True)
class Keys:
    """The products of a Licensing by themselves: all that an activation changes of it at once."""

    key: t.ClassVar[str] = "keys"

    products: tuple[Product, ...] = ()
    named: Product | None = None

    def as_data(self) -> None:
        """Nothing of its own: Licensing tells it."""


@dataclasses.dataclass(frozen=True)
class Service:
    """The rest of a Licensing: what only settings, updates and restarts change. `seen`: with the keys of then."""

    key: t.ClassVar[str] = "licensing_service"

    seen: Licensing

    def as_data(self) -> None:
        """Nothing of its own: Licensing tells it."""


WHOLE: t.Final = (Licensing, Service, Keys)
"""What is read again after a step that may have changed anything about the licensing service."""
KEYS_ONLY: t.Final = (Licensing, Keys)
"""What is read again, perhaps again and again, after a step that changed whether a key is activated."""
