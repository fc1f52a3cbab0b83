# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port in the firewall of every persona: opened, opened for others, closed, while answers get lost.

Judged from outside: emulated Windows says whose packets reach the port.
"""

from __future__ import annotations

import pathlib
import random
import typing as t

import pytest
from simulated import Killed, SimulatedWorld, Surroundings, surroundings

import emulated_windows
from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Unreachable
from ansible_collections.activation.kms.plugins.plugin_utils._kms.firewall import OpenPort
from ansible_collections.activation.kms.plugins.plugin_utils._kms.firewall_wish import FirewallWish
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record, read_record
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.model import Firewall
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.reader import read_firewall
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import System, read_system
from emulated_windows.core import HostOptions

PERSONAS = sorted(path.stem for path in (pathlib.Path(emulated_windows.__file__).parent / "personas").glob("*.yml"))
STARTS = ((1688, "on"), (1700, "on")) * 3 + ((1688, "off"), (1688, "stopped"))
"""By seed: the port, and the firewall as it is found."""
CLIENT, STRANGER = "10.1.2.3", "192.168.77.1"
FAULTS = ("drop", "lost", "kill", "kill_after")
SCOPES = (
    frozenset(["10.0.0.0/8"]),
    frozenset(["10.1.0.0/16", "172.16.0.0/12"]),
    frozenset(["10.1.2.3/32", "192.168.0.0/24"]),
)
_AGAIN = 30.0  # seconds until somebody runs the play again


class Watched(SimulatedWorld):
    """A world in which somebody tries the port after every message, answered or not."""

    strangers_got_in = False

    def __init__(self, around: Surroundings, port: int, faults: dict[int, str]) -> None:
        super().__init__(around, {}, faults)
        self._tried = around.machine, port

    def send(self, message: bytes, *, timeout: float) -> tuple[int, bytes]:
        machine, port = self._tried
        try:
            return super().send(message, timeout=timeout)
        finally:
            self.strangers_got_in |= machine.dial(port, STRANGER) != "filtered"


def run(around: Surroundings, wish: FirewallWish, faults: dict[int, str]) -> Outcome | None:
    """One run; None when it was killed, or ended before its first change."""
    readers = {System: read_system, Record: read_record, Firewall: read_firewall(wish.interest)}
    around.exchanges.clear()
    shut = not reaches(around, wish.port)[1]
    world = Watched(around, wish.port, faults)
    try:
        return converge(world, [OpenPort(wish)], readers, check=False)
    except (Killed, Unreachable):
        return None
    finally:
        assert not (shut and world.strangers_got_in), f"open for more than named on the way to {wish}"


def until_done(around: Surroundings, wish: FirewallWish, faults: dict[int, str]) -> None:
    """Run until it is done: only silence may stop a run, and the next one goes on."""
    while True:
        outcome = run(around, wish, faults)
        around.clock.advance(_AGAIN)
        if outcome is not None and outcome.problem is None:
            return
        if outcome is not None and outcome.problem is not None:
            assert outcome.problem.name in ("outcome_unknown", "unreachable"), outcome.problem
        assert faults, "nothing was lost, and the run did not end"
        faults = {}


def reaches(around: Surroundings, port: int) -> tuple[bool, bool]:
    """Whether packets of a client, and of a stranger, get to the port."""
    client, stranger = (around.machine.dial(port, source) != "filtered" for source in (CLIENT, STRANGER))
    return client, stranger


@pytest.mark.parametrize("seed", range(len(STARTS)), ids=lambda seed: f"seed_{seed}-")
@pytest.mark.parametrize("persona", PERSONAS)
def test_clients_get_through_and_strangers_do_not(persona: str, seed: int) -> None:
    draw = random.Random(f"{persona} {seed}")
    port, state = STARTS[seed]
    language = ("ENU", "DEU", "JPN")[seed % 3]
    around = surroundings(HostOptions(name="kms03", persona=persona, firewall=state, seed=seed, language=language))
    before = reaches(around, port)
    wishes = [FirewallWish(port, open=True, scope=draw.choice(SCOPES)) for _ in range(2)]
    for wish in [*wishes, FirewallWish(port, open=False)]:
        until_done(around, wish, dict(_some_faults(draw)))
        expected = (wish.open, False) if before == (False, False) else before
        assert reaches(around, port) == expected, wish
        again = run(around, wish, {})
        assert again is not None and not again.changed
        assert not [exchange for exchange in around.exchanges if exchange.mutation]


ENTRY = "1688:TCP:10.0.0.0/255.0.0.0:enabled:KMS by policy"
RULE = "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=1688|RA4=10.0.0.0/255.0.0.0|Name=KMS by policy|"


FILTERING = [persona for persona in PERSONAS if persona != "server-2003-r2"]
"""The personas whose firewall service runs."""


@pytest.mark.parametrize("admits", [True, False])
@pytest.mark.parametrize("persona", FILTERING)
def test_a_policy_that_ignores_the_hosts_own_rules_decides(persona: str, admits: bool) -> None:
    """Its own rule is enough, and without one the user is told why clients stay out."""
    own = {"open_ports": [ENTRY]} if persona.startswith("server-2003") else {"rules": {"{1}": RULE}}
    policy = {"local_rules": False, **(own if admits else {})}
    around = surroundings(HostOptions(name="kms03", persona=persona, firewall="on", group_policy=policy))
    outcome = run(around, FirewallWish(1688, open=True, scope=frozenset(["10.0.0.0/8"])), {})
    assert outcome is not None and outcome.problem is None and outcome.changed is not admits
    assert reaches(around, 1688) == (admits, False)
    assert any("takes the effect from this host's own rules" in text for text in outcome.warnings) is not admits


@pytest.mark.parametrize("persona", ["server-2012", "server-2012-r2"])
def test_a_windows_that_takes_no_new_rule_is_told_so(persona: str) -> None:
    """Create was shown on Windows 10 only. Windows' own rules for 1688 need none."""
    around = surroundings(HostOptions(name="kms01", persona=persona, dials={"instance_create": "refused"}))
    refused = run(around, FirewallWish(1700, True, SCOPES[0]), {})
    assert refused is not None and refused.problem is not None
    assert refused.problem.name == "firewall_rule_not_created" and not refused.changed
    assert "netsh advfirewall firewall add rule" in refused.problem.message
    until_done(around, FirewallWish(1688, True, SCOPES[0]), {})


def _some_faults(draw: random.Random) -> t.Iterator[tuple[int, str]]:
    for _ in range(draw.randint(0, 2)):
        yield draw.randint(1, 40), draw.choice(FAULTS)
