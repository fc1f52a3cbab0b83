# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of a host, as values: a Server 2003 SP2 x86 in English without KMS, and how it may differ."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import typing as t

from ansible_collections.activation.kms.plugins.plugin_utils._kms.catalogue import STANDARD
from ansible_collections.activation.kms.plugins.plugin_utils._kms.keys import KeyWish
from ansible_collections.activation.kms.plugins.plugin_utils._kms.offline import InstallationId
from ansible_collections.activation.kms.plugins.plugin_utils._kms.packages import Packages
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.updates import Updates, updates_with
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Item, Pause, Resource, Seen, Step
from ansible_collections.activation.kms.plugins.plugin_utils._secret import HostKey
from ansible_collections.activation.kms.plugins.plugin_utils._windows.edition import Edition
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.model import Firewall, Profile
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.netsh import NETSH
from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing import Licensing, Product, Root
from ansible_collections.activation.kms.plugins.plugin_utils._windows.packages import UPDATE_EXE, PackageFile
from ansible_collections.activation.kms.plugins.plugin_utils._windows.restart_care import RestartCare
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import Service, System

KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"
WISH = KeyWish(key=HostKey(KEY))
BOOT = dt.datetime(2026, 3, 1, 6, 0, 0, tzinfo=dt.timezone.utc)
NOW = BOOT + dt.timedelta(hours=2)
BOOT_TEXT, NOW_TEXT = "2026-03-01T06:00:00Z", "2026-03-01T08:00:00Z"
RELEASE = "server_2003"


def service(name: str, state: str = "Running", start_mode: str = "Auto") -> Service:
    return Service(name, state, start_mode)


SYSTEM = System(
    release=RELEASE,
    edition="standard",
    caption="Microsoft(R) Windows(R) Server 2003, Standard Edition",
    version="5.2.3790",
    build=3790,
    service_pack=2,
    architecture="x86",
    language=1033,
    language_code="ENU",
    workstation=False,
    domain_controller=False,
    virtual=True,
    boot_time=BOOT,
    clock=NOW,
    clock_ahead=0.0,
    windows_directory=r"C:\WINDOWS",
    hostname="KMS01",
    dns_suffix="corp.example",
    services={"sharedaccess": service("SharedAccess"), "sppsvc": service("sppsvc")},
)
CARE = RestartCare(read=True, winrm_start_mode="Auto", sessions=0)
FIREWALL = Firewall(1688, NETSH, True, (Profile("domain", True, True), Profile("standard", True, True)))


def system(**changes: t.Any) -> System:
    return dataclasses.replace(SYSTEM, **changes)


def updates(*installed: str, pending: bool = False, release: str = RELEASE, **more: t.Any) -> Updates:
    """These updates are installed; `pending`: in this boot."""
    more.setdefault("pending_signs", ("registry: UpdateExeVolatile",) if pending else ())
    return updates_with(release, installed, STANDARD, **more)


def package(name: str, **changes: t.Any) -> PackageFile:
    """A package of an update, under its real name for x86 and English."""
    path = f"/packages/{STANDARD.updates[name].file_name('x86', 'ENU', 'Windows6.1')}"
    found = PackageFile(path, 100, hashlib.sha256(name.encode()).hexdigest(), UPDATE_EXE, "x86")
    return dataclasses.replace(found, **changes)


def packages(*names: str, **changed: PackageFile) -> Packages:
    """These packages are at hand."""
    rows = STANDARD.updates.items()
    expected = {name: found for name, row in rows if (found := row.file_name("x86", "ENU", "Windows6.1"))}
    return Packages(expected, {**{name: package(name) for name in names}, **changed})


def product(status: int = 0, last_five: str = KEY[-5:], channel: str = "VOLUME_KMS_R2_C channel") -> Product:
    return Product(f"id-{last_five.lower()}", "Windows", f"Windows, {channel}", "", last_five, status, None)


def licensing(*products: Product, manual: int | None = None, **changes: t.Any) -> Licensing:
    """A licensing service that is there, with one settings root."""
    root = Root(manual=manual, version_mark=True)
    found = Licensing(present=True, version="6.1.7600.16385", products=products, roots={"SL": root})
    return dataclasses.replace(found, **changes)


NO_LICENSING = Licensing(present=False)


def seen(*parts: t.Any) -> Seen:
    """A bare host with these parts instead."""
    bare = (SYSTEM, Record(), NO_LICENSING, updates(), packages(), FIREWALL, CARE, Edition(), InstallationId())
    return Seen().having(*bare).having(*parts)


def told(item: Item | None) -> str | None:
    """What a resource wants, in a word."""
    if item is None:
        return None
    return item.id if isinstance(item, Step) else type(item).__name__.lower()


def trace(resource: Resource, now: Seen, most: int = 20) -> list[str | None]:
    """What a resource wants, one after another, by its own predictions; each upkeep once."""
    wanted: list[str | None] = []
    for _ in range(most):
        item = resource.next(now)
        if item is None or (isinstance(item, Step) and item.upkeep and item.id in wanted):
            return wanted
        wanted.append(told(item))
        assert isinstance(item, (Step, Pause))
        now = item.predict(now)
    raise AssertionError(f"does not settle: {wanted}")


def changed_parts(before: Seen, after: Seen) -> set[type]:
    """The parts in which two states differ."""
    one, other = before.parts(), after.parts()
    return {part for part in {*one, *other} if one.get(part) != other.get(part)}


def predicts_only_what_it_touches(step: Step, now: Seen) -> None:
    """A prediction changes parts that are read again, and only those."""
    if step.touches != "everything":
        assert changed_parts(now, step.predict(now)) <= set(step.touches)
    assert changed_parts(now, step.predict(now)), "a prediction that changes nothing never settles"
