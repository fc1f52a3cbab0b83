# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one seed stands for: a machine of some persona, how it was found, what is wished, and what goes wrong.

Knows what can be drawn and what of it belongs together. Refuses to know what must come out.
"""

from __future__ import annotations

import pathlib
import random
import typing as t
from collections.abc import Mapping

from personas import PERSONAS, Wanted
from rollout import Options, wish_of
from simulated import OFFICE_KEY, ZONE, Surroundings, microsoft, surroundings
from wishes import OTHER_ZONE, Way, refused, way

from emulated_windows.core import HostOptions, Refused, dial_table, personas

LANGUAGES = ("ENU", "DEU", "JPN")
FAULTS = ("drop", "lost", "kill", "kill_after")
ROLLUP = "KB5012345"
"""A monthly rollup later than every one the catalogue names, as an administrator may have installed it."""
NETWORK, CLIENT, STRANGER = "10.0.0.0/8", "10.1.2.3", "192.168.77.1"
_STARTS_2003 = ("bare", *(f"kms_1_{number}{tail}" for number in range(3) for tail in ("", "_unrestarted")))
_POLICIES: tuple[dict[str, t.Any], ...] = (
    {"enable_firewall": True},
    {"enable_firewall": False},
    {"no_exceptions": True},
    {"local_rules": True},
    {"local_rules": False},
)
_MISHAPS = (("flap", "2"), ("slow-boot", "300"), ("quota", "40"), ("service-stopped", ""))
"""WinRM comes and goes after a restart; a slow one; a quota is used up; the licensing service does not run."""
_CHOSEN = (
    "publishing_read",
    "required_count",
    "old_host_key",
    "foreign_windows_update",
    "foreign_servicing",
    "kms_files",
)
"""Dials that no seed turns, because an estate chooses them, and under which a rollout still converges."""


_ACTIVATIONS = (*(12 * ("online",)), "offline", "offline", "phone", "unmanaged", "unmanaged")
_DAYS = 3 * 86400


def _rarely(draw: random.Random, one_in: int = 6) -> bool:
    return draw.randrange(one_in) == 0


class Scenario:
    """One seed: `around` is the world, `options` the play's task, `wanted` the persona's row of the table."""

    def __init__(self, seed: int, packages: Mapping[str, pathlib.Path]) -> None:
        self.random = draw = random.Random(seed)
        self.wanted: Wanted = PERSONAS[list(PERSONAS)[seed % len(PERSONAS)]]
        self.keys = keys = random.Random(f"keys {seed}")
        self.activation = keys.choice(_ACTIVATIONS)
        self.blocked = _rarely(keys, 25)
        self.moves = keys.choice((*(8 * ("never",)), "meanwhile", "afterwards"))
        wishes = random.Random(f"wishes {seed}")
        self.way: Way = way(wishes)
        self.refused = refused(wishes)
        self.together = _rarely(wishes, 8)
        """Whether two controllers are at work at once."""
        self.retires = _rarely(wishes, 6)
        """Whether the host is retired at the end."""
        self.language = draw.choice(LANGUAGES)
        self.packages = packages[self.language]
        self.accepted: list[str] = []
        self.host = self._host(seed)
        known = microsoft(self.wanted.key) if self.blocked else microsoft()
        self.around: Surroundings = surroundings(self.host, authority=known, more_zones=(OTHER_ZONE,))
        self.mishap = self._mishap()
        self.options = self._wish()

    def _host(self, seed: int) -> HostOptions:
        draw, persona = self.random, self.wanted.persona
        server = persona.startswith("server")
        start, updates = self._found()
        host = HostOptions(
            name="kms03",
            persona=persona,
            language=self.language,
            start=start,
            updates=updates,
            firewall=draw.choice(["on", "on", "on", "off", "stopped"]),
            group_policy=draw.choice(_POLICIES) if _rarely(draw, 4) else {},
            seed=seed,
            boot_seconds=draw.choice([20.0, 120.0, 400.0]),
            domain_member=not _rarely(draw),
            sessions=draw.choice([(), (), ("interactive",), ("interactive", "remote")]),
            cluster=server and _rarely(draw),
            ipsec_policy=_rarely(draw),
            rras=_rarely(draw),
            virtual=_rarely(draw, 3),
        )
        host.domain_controller = server and host.domain_member and _rarely(draw)
        if personas()[persona].since >= (6, 2) and _rarely(self.keys, 5):
            host.office_licences, host.office_key = ("office_2016",), OFFICE_KEY
        if _rarely(self.keys, 15):
            host.clock_offset = self.keys.choice((_DAYS, -_DAYS))
        host.dials = self._dials(host)
        return host

    def _mishap(self) -> tuple[str, str] | None:
        """What else goes wrong once, on the host itself."""
        if not _rarely(self.random, 4):
            return None
        kind, value = self.random.choice(_MISHAPS)
        if kind == "service-stopped":
            value = personas()[self.host.persona].licensing.service or ""
        if value:
            self.around.machine.inject(kind, [value])
        return kind, value

    def _found(self) -> tuple[str, tuple[str, ...]]:
        """What is installed at the beginning: `start` and `updates`."""
        draw, persona = self.random, self.wanted.persona
        if persona.startswith("server-2003"):
            return draw.choice(("bare", "bare", *_STARTS_2003)), ()
        found = ["bare", "bare", "installed", "unrestarted"] if self.wanted.updates else ["bare"]
        if persona.startswith("server-2012"):
            found.append("rollup")
        kind = draw.choice(found)
        if kind == "rollup":
            self.accepted = [ROLLUP]
            return "bare", (ROLLUP.lower(),)
        tail = {"installed": "", "unrestarted": "_unrestarted"}
        return "bare", tuple(update + tail[kind] for update in self.wanted.updates) if kind in tail else ()

    def _dials(self, host: HostOptions) -> dict[str, str]:
        """The settings that are chosen here, not by the seed of emulated Windows."""
        draw, table = self.random, dial_table(host.persona)
        dials = {name: draw.choice(table[name]) for name in _CHOSEN if name in table}
        if any(update.endswith("_unrestarted") for update in host.updates):
            dials["msu_effect"] = draw.choice(table["msu_effect"])
            if dials["msu_effect"] == "at_service_start" and "key_used_too_early" in table:
                # Nothing shows that the service has not been started since: the key is tried too early.
                dials["key_used_too_early"] = "forgiven"
        if host.virtual:  # a Windows that refuses every host key in a virtual machine is no KMS host
            allowed = [setting for setting in table.get("kms_in_vm", ()) if setting != "refused"]
            dials |= {"kms_in_vm": draw.choice(allowed)} if allowed else {}
        return dials

    def _wish(self) -> Options:
        changes: Options = {"activation": self.activation}
        if self.accepted:
            changes["accepted_updates"] = self.accepted
        # A host outside a domain knows none its name could stand in.
        changes |= self.way.options(None if self.host.domain_member else f"kms03.{ZONE}")
        return wish_of(self.wanted, self.packages, reboot_timeout=1800, **changes)

    @property
    def fails_with(self) -> tuple[str, ...]:
        """The names of the errors with which the rollout may end; none: it converges, as far as Windows activates."""
        if self.activation != "online":
            return ()
        if self.host.clock_offset is not None:
            return ("clock_wrong",)
        return ("SL_E_CHPA_PRODUCT_KEY_BLOCKED", "outcome_unknown") if self.blocked else ()

    def confirm(self, installation_id: str) -> bool:
        """Somebody takes the installation ID to Microsoft and writes what comes back into the play; False: refused."""
        try:
            self.options["confirmation_id"] = self.around.authority.confirm(installation_id)
        except Refused:
            return False
        return True

    def move(self) -> None:
        """The virtual machine wakes up on other hardware."""
        self.around.machine.inject("hardware-changed", [])

    @property
    def published(self) -> bool:
        """Whether the controller publishes the host, by now."""
        return "publish" in self.options and not self.options.get("publish_later")

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.way.port or 1688

    def publish_now(self) -> None:
        """Whoever is to publish it later begins."""
        self.options.pop("publish_later", None)

    @property
    def barred(self) -> bool:
        """Whether Group Policy keeps the port shut, whatever the host's own rules say."""
        policy = self.host.group_policy
        return bool(policy.get("no_exceptions")) or policy.get("local_rules") is False

    def reaches(self) -> tuple[bool, bool]:
        """Whether packets of a client, and of a stranger, get to the port."""
        client, stranger = (self.around.machine.dial(self.port, source) != "filtered" for source in (CLIENT, STRANGER))
        return client, stranger

    def faults(self) -> dict[int, str]:
        """One to four faults somewhere among the requests of a run, now and then one at a DNS message."""
        draw = self.random
        found = {draw.randint(1, 200): draw.choice(FAULTS) for _ in range(draw.randint(1, 4))}
        return found | ({-draw.randint(1, 6): draw.choice(FAULTS)} if _rarely(draw, 3) else {})

    def pass_time(self) -> None:
        """Somebody notices, some time later."""
        self.around.clock.advance(self.random.choice([1.0, 30.0, 600.0, 7200.0]))

    def dials_met(self) -> dict[str, str]:
        """The settings that could make a difference here; those of DNS servers are test_microsoft_dns' business."""
        met = {dial: setting for dial, setting in self.around.machine.dials.items() if not dial.startswith("dns")}
        if not self.host.virtual:
            met.pop("kms_in_vm", None)
        if self.host.domain_member:
            met.pop("workgroup_profile", None)
        return met
