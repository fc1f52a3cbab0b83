# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the licensing service, and the hold on what Windows would do by itself before the key is activated.

Internal to the collection activation.kms; not a public interface.

By the registry, which works before any key is installed and on every release; the service reads it when it starts.
*Hold*: with Activation\\Manual at 0 or absent Windows may activate a fresh key on its own ("all, not just KMS": Volume
Activation 2.0 Operations Guide, p. 25); that races our own Activate (0xC004E028) and can spend two. A host that
publishes itself owns its SRV record before the controller does, and sends clients to a host that does not answer yet.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Failure, Refusal
from .._plan import Resource, Seen, Step
from .._windows.licensing import (
    LICENSED,
    ROOTS,
    Licensing,
    Root,
    read_licensing,
    read_manual,
    write_manual,
    write_settings,
)
from .._windows.services import restart_service
from .._windows.system import System
from .._world import World
from .record import ABSENT, Record, load_record, note
from .restart import Restart

LICENSING_SERVICES = ("sppsvc", "slsvc")

READ_LICENSING = read_licensing(lambda look: look[Record].former_manual is not None)
"""Reads the licensing part; Activation\\Manual only while a hold is noted."""


@dataclasses.dataclass(frozen=True)
class SettingsWish:
    """What is wanted; None leaves a setting alone.

    Attributes:
        self_publishing: whether Windows publishes its own SRV record.
        port: the listening port.
        key: last five of the host key that is managed; None where none is.
        activate: whether we activate it; until then Windows must not do so by itself.
        port_used: whether firewall, endpoint or publication go by the port.
        published: whether clients would still find the host without its own record (the controller's is in DNS).
    """

    self_publishing: bool | None = None
    port: int | None = None
    key: str | None = None
    activate: bool = False
    port_used: bool = False
    published: t.Callable[[Seen], bool] = lambda seen: True


class Settings(Resource):
    """The settings are as wished, and the hold is on as long as it is needed."""

    name = "settings"
    needs: tuple[type, ...] = (System, Licensing, Record)
    after: tuple[type[Resource], ...] = (Restart,)

    def __init__(self, wish: SettingsWish) -> None:
        self.wish = wish

    def next(self, seen: Seen) -> Step | None:
        """Hold or settings; after the activation the hold's end, as upkeep."""
        licensing, record = seen[Licensing], seen[Record]
        if not licensing.present:
            return None
        self._judge_port(licensing)
        roots = licensing.roots or dict.fromkeys(ROOTS, Root())
        publishing = self._publishing(seen, roots)
        port = self.wish.port if any(self._port_differs(root) for root in roots.values()) else None
        hold = self._hold_missing(licensing, record)
        if publishing is not None or port is not None or hold or record.service_restart:
            return self._step(seen, tuple(roots), publishing, port, hold)
        noted = record.former_manual is not None or record.activating is not None
        if noted and self.wish.key is not None and not self._hold_wanted(licensing):
            return _release()
        return None

    def warnings(self, seen: Seen) -> list[str]:
        """Where the settings key had to be guessed."""
        licensing = seen[Licensing]
        if licensing.present and not licensing.roots:
            return [
                "the licensing service's settings key does not exist, so its settings were written to both "
                "places where it may look (SL and SoftwareProtectionPlatform)"
            ]
        return []

    def _publishing(self, seen: Seen, roots: t.Mapping[str, Root]) -> bool | None:
        """The self-publishing value to write, or None. On a host that serves, never before the controller's record."""
        wanted = self.wish.self_publishing
        if wanted is None or all(root.dns_publishing_disabled != wanted for root in roots.values()):
            return None
        serving = any(product.license_status == LICENSED for product in seen[Licensing].host_products())
        return None if not wanted and serving and not self.wish.published(seen) else wanted

    def _judge_port(self, licensing: Licensing) -> None:
        """Refuse to open and publish 1688 for a host that was told to listen elsewhere. Raises Refusal."""
        if self.wish.port is None and self.wish.port_used and licensing.port != 1688:
            raise Refusal(
                f"the host is set to listen on TCP {licensing.port}, not on 1688; say port: {licensing.port} to "
                "keep that, or port: 1688 to change it",
                name="port_differs",
                advice="Set the option port.",
            )

    def _port_differs(self, root: Root) -> bool:
        return self.wish.port is not None and (root.port or 1688) != self.wish.port

    def _hold_wanted(self, licensing: Licensing) -> bool:
        if self.wish.key is None or not self.wish.activate:
            return False
        product = licensing.host_product(self.wish.key)
        return product is None or product.license_status != LICENSED

    def _hold_missing(self, licensing: Licensing, record: Record) -> bool:
        """The hold is on when the record knows the former values and every root says 1."""
        if not self._hold_wanted(licensing):
            return False
        return record.former_manual is None or any(root.manual != 1 for root in licensing.roots.values())

    def _step(self, seen: Seen, roots: tuple[str, ...], publishing: bool | None, port: int | None, hold: bool) -> Step:
        system, licensing = seen[System], seen[Licensing]
        restart = publishing is not None or port is not None or seen[Record].service_restart
        former = _former(seen[Record], licensing, publishing, port)

        def predict(before: Seen) -> Seen:
            noted = before[Record]
            held = noted.former_manual if noted.former_manual is not None else dict.fromkeys(roots, ABSENT)
            return before.having(
                dataclasses.replace(
                    before[Licensing],
                    answers=before[Licensing].answers or restart,
                    roots={
                        name: _predicted(before[Licensing].roots.get(name, Root()), publishing, port, hold)
                        for name in roots
                    },
                ),
                dataclasses.replace(noted, service_restart=False, former_manual=held if hold else noted.former_manual),
            )

        def run(world: World) -> None:
            if hold:
                _hold(world, roots)
            if restart:
                note(world, service_restart=True, **former)
                for root in roots:
                    write_settings(
                        world,
                        root,
                        dns_publishing_disabled=None if publishing is None else not publishing,
                        port=port,
                    )
                restart_service(world, _service_name(system, world.host))
                note(world, service_restart=False)

        return Step(
            id="host_settings.hold" if hold else "host_settings.apply",
            summary=_summary(publishing, port, hold),
            predict=predict,
            run=run,
            touches=(Licensing, Record),
            settle=30.0,
            after=_summary(publishing, port, hold),
        )


def _former(record: Record, licensing: Licensing, publishing: bool | None, port: int | None) -> dict[str, t.Any]:
    """What to note of the settings as they were before this collection first touched them."""
    former: dict[str, t.Any] = {}
    if publishing is not None and record.former_self_publishing is None:
        former["former_self_publishing"] = not any(r.dns_publishing_disabled for r in licensing.roots.values())
    if port is not None and record.former_port is None:
        former["former_port"] = licensing.port
    return former


def _predicted(root: Root, publishing: bool | None, port: int | None, hold: bool) -> Root:
    return dataclasses.replace(
        root,
        dns_publishing_disabled=root.dns_publishing_disabled if publishing is None else not publishing,
        port=root.port if port is None else port,
        manual=1 if hold else root.manual,
    )


def _hold(world: World, roots: t.Iterable[str]) -> None:
    """Note the former values first, then set them: what was there can always be restored.

    A value that is noted already is ours by now, so it is never noted again.
    """
    former: dict[str, int | str] = dict(load_record(world).former_manual or {})
    fresh = [root for root in roots if root not in former]
    for root in fresh:
        value = read_manual(world, root)
        former[root] = ABSENT if value is None else value
    if fresh:
        note(world, former_manual=former)
    for root in roots:
        write_manual(world, root, 1)


def _release() -> Step:
    """Give Activation\\Manual its former value back."""

    def run(world: World) -> None:
        former = load_record(world).former_manual or {}
        for root, value in former.items():
            write_manual(world, root, None if value == ABSENT else int(value))
        note(world, former_manual=None, activating=None)

    return Step(
        id="host_settings.release",
        summary="restore automatic activation as it was",
        predict=lambda seen: seen.having(dataclasses.replace(seen[Record], former_manual=None, activating=None)),
        run=run,
        touches=(Licensing, Record),
        upkeep=True,
    )


def _service_name(system: System, host: str) -> str:
    """The licensing service this host has."""
    for name in LICENSING_SERVICES:
        if name in system.services:
            return system.services[name].name
    raise Failure(
        f"{host}: the licensing service is called neither {' nor '.join(LICENSING_SERVICES)}, so it could not be "
        "restarted to read its new settings; restart the host and run the play again",
        name="licensing_service_unknown",
    )


def _summary(publishing: bool | None, port: int | None, hold: bool) -> str:
    parts = []
    if hold:
        held = "self-publishing and automatic activation" if publishing is False else "automatic activation"
        parts.append(f"hold {held} until the host key is activated")
    if publishing is not None and not (hold and publishing is False):
        parts.append(f"turn self-publishing {'on' if publishing else 'off'}")
    if port is not None:
        parts.append(f"listen on TCP {port}")
    return "; ".join(parts) or "restart the licensing service so that it reads its settings"
