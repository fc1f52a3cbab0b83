# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first and the last thing about a KMS host that goes: it publishes itself no more, and is as it was before us.

Internal to the collection activation.kms; not a public interface.

What it was before is known by the record alone. A setting that this collection never touched is left as it is. Windows
without a host key publishes nothing, so self-publishing, once turned off for the way out, is given back with the rest;
while another host key is left it stays off, or Windows would bring the host back into DNS.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Refusal
from .._plan import Resource, Seen, Step
from .._windows.files import staging_folder
from .._windows.licensing import SETTINGS, Licensing, Product, Values
from .._windows.system import BOOT_TOLERANCE, System
from .._world import World
from . import setting_values
from .drain import Drain
from .record import Record, load_record, rewrite
from .removal import RemovalWish, doomed
from .self_publication import wanted_places
from .setting_steps import apply
from .settings import Settings, SettingsWish
from .update_chain import tidy_folder


class Quiet(Resource):
    """Windows does not publish the host: otherwise it puts back the record that was taken out.

    Args:
        removal: the keys that go.
        zones: the DNS domains out of which the host is taken.
        port_guessed: whether a port is closed that nobody has named.
    """

    name = "settings"
    needs: tuple[type, ...] = (System, Record, Licensing)

    def __init__(self, removal: RemovalWish, *, zones: t.Collection[str], port_guessed: bool) -> None:
        self._removal = removal
        self._zones = zones
        self._port_guessed = port_guessed
        self._settings = Settings(SettingsWish(self_publishing=False))

    def next(self, seen: Seen) -> Step | None:
        """Self-publishing off while there is a host key. Raises Refusal where the wrong port would be closed."""
        licensing = seen[Licensing]
        if licensing.present and not licensing.answers and _restart_due(seen):
            return apply(seen, Values(), hold=False, restart=True)  # a run died between its stop and its start
        if not _host_products(licensing):
            return None
        if self._port_guessed and licensing.port != SETTINGS["port"].default:
            raise Refusal(
                f"the host is set to listen on TCP {licensing.port}, not on 1688, and no port is named that shall be "
                f"closed; say port: {licensing.port}, or firewall: unmanaged to leave the firewall as it is",
                name="port_differs",
                advice="Set the option port.",
            )
        return self._settings.next(seen)

    def notices(self, seen: Seen) -> list[str]:
        """What stays although the host goes."""
        licensing, system = seen[Licensing], seen[System]
        said = []
        if _host_products(licensing) and licensing.setting("self_publishing"):
            said += [
                f"the host published itself in {name}, which `publish` does not name, and Windows is not known to take "
                f"its record out; name the zone, or remove {system.fqdn} from it with activation.kms.srv_record and "
                "state: absent"
                for name in wanted_places(system, licensing)
                if name and name not in self._zones
            ]
        if system.is_server_2003 and doomed(licensing, self._removal):
            said.append(
                "the KMS updates of Server 2003 stay installed; without a host key they serve nobody, and Control "
                "Panel removes them"
            )
        return said


class Restoration(Resource):
    """The settings are what they were before this collection came, and the record of it is gone.

    Args:
        firewall_left: whether the firewall is none of this run's business.
    """

    name = "restoration"
    needs: tuple[type, ...] = (System, Record, Licensing)
    after: tuple[type[Resource], ...] = (Drain,)

    def __init__(self, *, firewall_left: bool) -> None:
        self._firewall_left = firewall_left

    def next(self, seen: Seen) -> Step | None:
        """Give the settings back with one restart of the service; then forget, as upkeep."""
        record, system = seen[Record], seen[System]
        change = Values(**_owed(seen[Licensing], record))
        if change.given() or (seen[Licensing].present and _restart_due(seen)):
            step = apply(seen, change, hold=False, restart=True)
            words = "; ".join(setting_values.words(change))  # none where only the service's restart is left of it
            return dataclasses.replace(
                step, id="host.restore", summary=f"as before: {words}" if words else step.summary
            )
        if record.staging:
            return tidy_folder(staging_folder(system.windows_directory))
        return _forget(seen) if _over(seen) else None

    def warnings(self, seen: Seen) -> list[str]:
        """What is left of it."""
        licensing, rules = seen[Licensing], seen[Record].former_firewall
        said = [
            f"the host key *****-{product.partial_product_key} ({product.channel}) stays on the host, which nobody "
            "finds by DNS any more; remove it with activation.kms.host_key and state: absent"
            + (f" (activation_id: {product.id})" if product.foreign else "")
            for product in _host_products(licensing)
        ]
        if rules and self._firewall_left:
            said.append(
                f"Windows' own firewall rules for KMS ({', '.join(sorted(rules))}) are still as this collection opened "
                "them; say firewall: closed to have them as they were"
            )
        return said


def _host_products(licensing: Licensing) -> list[Product]:
    """The KMS host products with a key, those of other applications too."""
    return [product for product in licensing.products if product.makes_kms_host]


def _restart_due(seen: Seen) -> bool:
    """Whether the licensing service still has to read what was written."""
    return seen[Record].service_restart_due(seen[System].boot_time, BOOT_TOLERANCE)


def _kept(licensing: Licensing, record: Record) -> dict[str, t.Any]:
    """Of the former settings those that wait until the last host key has gone."""
    former = record.former_settings or {}
    waits = bool(_host_products(licensing)) and former.get("self_publishing") is True
    return {"self_publishing": True} if waits else {}


def _owed(licensing: Licensing, record: Record) -> dict[str, t.Any]:
    """The settings that are to be given back. Without a licensing service there are none."""
    kept = _kept(licensing, record)
    former = {name: was for name, was in (record.former_settings or {}).items() if name in SETTINGS}
    given = {name: tuple(was) if isinstance(was, list) else was for name, was in former.items() if name not in kept}
    return {
        name: was
        for name, was in given.items()
        if licensing.present and was is not None and any(was != now for now in licensing.everywhere(name))
    }


def _over(seen: Seen) -> dict[str, t.Any]:
    """The notes that say nothing any more, and what becomes of each."""
    record, system = seen[Record], seen[System]
    wanted: dict[str, t.Any] = {
        "former_settings": _kept(seen[Licensing], record) or None,
        "service_restart": None,
        "draining": None,
    }
    if record.awaiting_restart and not record.updates_of_boot(system.boot_time, BOOT_TOLERANCE):
        wanted["awaiting_restart"] = None  # of this boot it is still true, and the next rollout has to know
    return {name: value for name, value in wanted.items() if getattr(record, name) != value}


def _forget(seen: Seen) -> Step:
    over = _over(seen)

    def run(world: World) -> None:
        rewrite(world, load_record(world), **over)

    return Step(
        id="host.forget",
        summary="forget what was noted of the host",
        predict=lambda before: before.having(dataclasses.replace(before[Record], **over)),
        run=run,
        touches=(Record,),
        upkeep=True,
    )
