# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KMS host key is installed and activated.

Internal to the collection activation.kms; not a public interface.

Identity is the last five characters on a KMS host product. How it is activated is the business of `activation`.
"""

from __future__ import annotations

import dataclasses

from .._errors import Failure, Refusal
from .._plan import Resource, Seen, Step
from .._windows import licensing as windows
from .._windows.licensing import LICENSED, Licensing, Product
from .._windows.system import System
from .._world import World
from . import errors
from .activation import activation
from .keys import KeyWish, check_group
from .record import Record
from .replacement import foretold, remaining
from .restart import Restart
from .settings import Settings
from .updates import Updates


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
            return activation(self.wish, seen, product)
        if not all(root.version_mark for root in licensing.roots.values()):
            return _mark(licensing)
        return None

    def notices(self, seen: Seen) -> list[str]:
        """What taking the place of another key means for the clients."""
        return foretold(seen[Licensing], self.wish.key.last_five)

    def warnings(self, seen: Seen) -> list[str]:
        """Other keys that are still there."""
        return remaining(seen[Licensing], self.wish.key.last_five)

    def _judge_host(self, seen: Seen) -> None:
        """Everything about the host that speaks against the key, before it is touched. Raises Refusal."""
        system, updates = seen[System], seen[Updates]
        if not seen[Licensing].present and updates.installed and not updates.restart_pending:
            raise Refusal(
                f"KMS updates are registered on the host ({', '.join(sorted(updates.installed))}), but it has no "
                "licensing service that could take a host key; KMS 1.0 was removed or is damaged: install it again by "
                "hand, or remove what is left of the others, and run the play again",
                name="no_licensing_service",
                advice="Install KMS 1.0 on the host again by hand.",
            )
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
            others = (other for other in before.products if not other.is_kms_host)  # Office may go on serving
            return seen.having(dataclasses.replace(before, products=(*others, product), current_count=None))

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
