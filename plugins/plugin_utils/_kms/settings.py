# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the licensing service are as wished, and the hold is on as long as it is needed.

Internal to the collection activation.kms; not a public interface.

A host that publishes itself owns its SRV record before the controller does, and sends clients to a host that does not
answer yet. So self-publishing ends before the host key comes, and on a host that serves only once the controller's
record is there.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Refusal
from .._plan import Reader, Resource, Seen, Step
from .._windows import licensing as windows
from .._windows.licensing import Licensing, Values, generation
from .._windows.system import BOOT_TOLERANCE, System
from .hold import hold_wanted, on_hold, release
from .keys import KeyWish
from .record import Record
from .restart import Restart
from .setting_steps import apply, forget
from .setting_values import missing


def licensing_readers(wish: KeyWish | None = None, activation_id: str | None = None) -> dict[type, Reader]:
    """Read the licensing service; Activation\\Manual only while a hold is noted, or wanted for this key."""
    return windows.licensing_readers(
        lambda look, found: look[Record].former_manual is not None or hold_wanted(found, wish), activation_id
    )


@dataclasses.dataclass(frozen=True)
class SettingsWish(Values):
    """What is wanted: the settings, None leaving one alone, and what goes by them.

    Attributes:
        key: the wish about the host key; until we have activated it Windows must not do so by itself.
        port_used: whether firewall, endpoint or publication go by the port.
        required: whether a host without a licensing service is refused; otherwise it has no settings yet.
        published: whether clients would still find the host without its own record (the controller's is in DNS).
    """

    key: KeyWish | None = None
    port_used: bool = False
    required: bool = False
    published: t.Callable[[Seen], bool] = lambda seen: True


class Settings(Resource):
    """The settings are as wished, and the hold is on as long as it is needed."""

    name = "settings"
    needs: tuple[type, ...] = (System, Licensing, Record)
    after: tuple[type[Resource], ...] = (Restart,)

    def __init__(self, wish: SettingsWish) -> None:
        self.wish = wish

    def next(self, seen: Seen) -> Step | None:
        """Hold or settings; at the end, as upkeep, the hold's end and the notes that are out of date."""
        licensing, record = seen[Licensing], seen[Record]
        if not licensing.present:
            if self.wish.required:
                raise _no_service()
            return None
        self._judge_port(licensing)
        change = self._change(seen)
        wanted = hold_wanted(licensing, self.wish.key)
        hold = wanted and not on_hold(licensing, record)
        due = record.service_restart_due(seen[System].boot_time, BOOT_TOLERANCE)
        if change.given() or hold or due:
            return apply(seen, change, hold=hold, restart=bool(change.given()) or due)
        over = release(licensing, record) if self.wish.key is not None and not wanted else None
        if over is not None:
            return over
        return forget() if record.service_restart is not None else None

    def warnings(self, seen: Seen) -> list[str]:
        """Where the settings key had to be guessed."""
        licensing = seen[Licensing]
        places = generation(seen[System].version).roots
        if licensing.present and not licensing.roots and len(places) > 1:
            return [
                "the licensing service's settings key does not exist, so its settings were written to both "
                "places where it may look (SL and SoftwareProtectionPlatform)"
            ]
        return []

    def _change(self, seen: Seen) -> Values:
        """What has to be written. On a host that serves, self-publishing never ends before the controller's record."""
        licensing = seen[Licensing]
        change = missing(self.wish, licensing, seen[System].dns_suffix.lower())
        if change.self_publishing is False and licensing.serves and not self.wish.published(seen):
            return dataclasses.replace(change, self_publishing=None)
        return change

    def _judge_port(self, licensing: Licensing) -> None:
        """Refuse to open and publish 1688 for a host that was told to listen elsewhere. Raises Refusal."""
        if self.wish.port is None and self.wish.port_used and licensing.port != 1688:
            raise Refusal(
                f"the host is set to listen on TCP {licensing.port}, not on 1688; say port: {licensing.port} to "
                "keep that, or port: 1688 to change it",
                name="port_differs",
                advice="Set the option port.",
            )


def _no_service() -> Refusal:
    return Refusal(
        "the host has no licensing service whose settings could be changed; on Server 2003 install KMS 1.0 and what "
        "else its clients need first (activation.kms.host_update), and restart it",
        name="no_licensing_service",
        advice="Run activation.kms.host_update and activation.kms.host_reboot first.",
    )
