# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KMS host key: installed, and activated online once.

Internal to the collection activation.kms; not a public interface.

Identity is the last five characters on a KMS host product. An activation is a quota (10 a host, 6 hosts a key): it is
asked for only where this key is not yet activated on this host, noted on the host before it is asked for, and never
sent again after a lost answer: the status decides.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

from .._errors import Failure, Refusal
from .._plan import Resource, Seen, Step
from .._secret import HostKey
from .._windows import licensing as windows
from .._windows.licensing import LICENSED, OUT_OF_TOLERANCE, Licensing, Product
from .._windows.system import System, moment_text
from .._world import World
from .._wsman.client import Client
from . import errors
from .catalogue import STANDARD, Catalogue
from .keys import check_group
from .record import Record, note
from .restart import Restart
from .settings import Settings
from .updates import Updates

_CLOCK = "SELECT LocalDateTime FROM Win32_OperatingSystem"
_POLL = 5.0


@dataclasses.dataclass(frozen=True)
class KeyWish:
    """What is wanted of the key. `activation_timeout` in seconds."""

    key: HostKey
    activate: bool = True
    key_group: str | None = None
    serve: frozenset[str] = frozenset()
    replace: bool = False
    reactivate: bool = False
    max_activations: int = 1
    activation_timeout: float = 300.0
    encrypted: bool = True
    known: Catalogue = STANDARD


class HostKeyResource(Resource):
    """The wished key is installed on this host, and activated."""

    name = "host_key"
    needs: tuple[type, ...] = (System, Record, Updates, Licensing)
    after: tuple[type[Resource], ...] = (Restart, Settings)

    def __init__(self, wish: KeyWish) -> None:
        self.wish = wish

    def next(self, seen: Seen) -> Step | None:
        """Install, activate, mark for discovery; whatever is missing first.

        The mark comes last: it is upkeep, and an upkeep step that did not stick is not waited for.
        """
        self._judge_host(seen)
        licensing = seen[Licensing]
        product = licensing.host_product(self.wish.key.last_five)
        if product is None:
            self._judge_replacement(licensing)
            return self._install(licensing)
        if self.wish.activate and product.license_status != LICENSED:
            return self._activate(seen, product)
        if not all(root.version_mark for root in licensing.roots.values()):
            return _mark(licensing)
        return None

    def _judge_host(self, seen: Seen) -> None:
        """Everything about the host that speaks against the key, before it is touched. Raises Refusal."""
        system, updates = seen[System], seen[Updates]
        if not seen[Licensing].present:
            raise Refusal(
                "the host has no licensing service that could take a host key; install KMS 1.0 and what else its "
                "clients need first (activation.kms.host_update), and restart it",
                name="no_licensing_service",
                advice="Run activation.kms.host_update and activation.kms.host_reboot first.",
            )
        if updates.restart_pending:
            raise Refusal(
                "a KMS update awaits the restart of the host, and until then the host key would be refused "
                "(0xC004F050); restart it first (activation.kms.host_reboot). Signs: "
                + "; ".join(updates.pending_signs),
                name="restart_pending",
                advice="Restart the host with activation.kms.host_reboot.",
            )
        if not seen[Licensing].answers:
            raise Refusal(
                "the licensing service of the host does not run, so it can take no host key; start it (net start "
                "sppsvc, or net start slsvc on older releases) and run the play again",
                name="licensing_service_stopped",
                advice="Start the licensing service.",
            )
        if self.wish.key_group is not None:
            check_group(self.wish.key_group, system.release, self.wish.serve, self.wish.known)

    def _judge_replacement(self, licensing: Licensing) -> None:
        others = [product.partial_product_key for product in licensing.host_products()]
        if others and not self.wish.replace:
            raise Refusal(
                f"another KMS host key is installed (it ends in {', '.join(others)}); installing the one that ends in "
                f"{self.wish.key.last_five} would replace it and set the host's client count to zero, which cannot be "
                "undone; say replace: true if you mean it",
                name="other_key_installed",
                advice="Set replace: true.",
            )
        if not self.wish.encrypted:
            raise Refusal(
                "the host key would travel unencrypted over HTTP; use ansible_winrm_transport: ntlm or kerberos, or "
                "HTTPS, or accept it with allow_unencrypted_key: true",
                name="key_unencrypted",
                advice="Use an encrypted transport.",
            )

    def _install(self, licensing: Licensing) -> Step:
        key = self.wish.key
        others = ", ".join(f"*****-{product.partial_product_key}" for product in licensing.host_products())

        def predict(seen: Seen) -> Seen:
            product = Product("predicted", "", "VOLUME_KMS channel", "", key.last_five, 0, None)
            before = seen[Licensing]
            return seen.having(dataclasses.replace(before, products=(product,)))

        def run(world: World) -> None:
            doing = f"installing the host key {key}"
            try:
                errors.check_return(windows.install_key(world, licensing.version, key), world.host, doing)
            except Failure as problem:
                raise errors.explained(problem, world.host, doing) from None
            windows.refresh(world, licensing.version)

        return Step(
            id="host_key.install",
            summary=f"install the host key {key}" + (f" in place of {others}" if others else ""),
            predict=predict,
            run=run,
            touches=(Licensing,),
            settle=30.0,
            before=f"host key {others or 'none'}",
            after=f"host key {key}",
        )

    def _activate(self, seen: Seen, product: Product) -> Step:
        """Ask Microsoft, once. Refuses a re-activation that nobody has asked for."""
        if product.license_status == OUT_OF_TOLERANCE and not self.wish.reactivate:
            raise Refusal(
                f"the host key {self.wish.key} was activated here, but the hardware has changed since (a moved virtual "
                "machine, for instance); activating it again spends one of its activations: say reactivate: true "
                "if you mean it",
                name="reactivation_needed",
                advice="Set reactivate: true.",
            )
        if self.wish.max_activations < 1:
            raise Refusal(
                f"the host key {self.wish.key} is not activated, and max_activations: 0 does not allow to activate it; "
                "set max_activations: 1, or activation: unmanaged where somebody else activates it",
                name="activation_not_allowed",
                advice="Set max_activations: 1.",
            )
        version = seen[Licensing].version
        wish = self.wish

        def predict(before: Seen) -> Seen:
            products = tuple(
                dataclasses.replace(p, license_status=LICENSED) if p.id == product.id else p
                for p in before[Licensing].products
            )
            return before.having(dataclasses.replace(before[Licensing], products=products, is_kms_host=True))

        return Step(
            id="host_key.activate",
            summary=f"activate the host key {wish.key} online (spends one activation)",
            predict=predict,
            run=lambda world: _activate(world, wish, product, version, seen[Record]),
            touches=(Licensing, Record),
            settle=wish.activation_timeout,
            once=True,
            before=f"host key {wish.key} not activated",
            after=f"host key {wish.key} activated",
        )


def _mark(licensing: Licensing) -> Step:
    """KeyManagementServiceVersion, as slmgr.vbs leaves it after installing a host key."""
    return Step(
        id="host_key.mark",
        summary="note the service's version for MOM and SCOM, as slmgr.vbs does",
        predict=lambda seen: seen.having(
            dataclasses.replace(
                seen[Licensing],
                roots={name: dataclasses.replace(r, version_mark=True) for name, r in seen[Licensing].roots.items()},
            )
        ),
        run=lambda world: windows.write_version_mark(world, licensing.roots, licensing.version),
        touches=(Licensing,),
        upkeep=True,
    )


def _activate(world: World, wish: KeyWish, product: Product, version: str, record: Record) -> None:
    """Wait for an activation asked for earlier; otherwise note it, then ask."""
    asked = record.activation_asked(wish.key.last_five)
    if asked is not None and _licensed_within(world, wish, asked):
        return
    note(world, activating={"key": wish.key.last_five, "at": moment_text(_host_clock(world))})
    doing = f"activating the host key {wish.key}"
    try:
        errors.check_return(windows.activate(world, product.id, wish.activation_timeout), world.host, doing)
    except Failure as problem:
        refused = errors.explained(problem, world.host, doing)
        if refused.code == errors.ACTIVATION_IN_PROGRESS:
            return  # somebody asked before us: the engine looks until it is licensed or its patience ends
        note(world, activating=None)  # answered, so nothing is under way
        raise refused from None
    windows.refresh(world, version)


def _licensed_within(world: World, wish: KeyWish, asked: dt.datetime) -> bool:
    """Poll an activation that an interrupted run asked for, for as long as it may still be under way."""
    world.log(f"an activation was asked for at {moment_text(asked)} and its end never seen; waiting for it first")
    end = asked + dt.timedelta(seconds=wish.activation_timeout)
    while True:
        rows = windows.read_products(world)
        if any(p.license_status == LICENSED and p.partial_product_key == wish.key.last_five for p in rows):
            return True
        if not asked - dt.timedelta(days=1) < _host_clock(world) < end:
            return False
        world.sleep(_POLL)


def _host_clock(world: World) -> dt.datetime:
    rows = Client(world, world.operation_timeout).query("root/cimv2", _CLOCK)
    moment = rows[0].moment("LocalDateTime") if rows else None
    if moment is None:
        raise Failure(f"{world.host}: Windows does not tell the time (Win32_OperatingSystem)", name="no_clock")
    return moment
