# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that only lack their host key, one of each backend family, and what they show of it afterwards.

Knows what is installed on them, and at which requests something can go wrong. Refuses to know what a run does.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from personas import PERSONAS
from rollout import Options, Run, key_run
from simulated import Exchange, Surroundings, surroundings

from emulated_windows.core import Authority, HostOptions

FAMILIES = ("server-2003-sp2-x86", "server-2008-sp2", "server-2008-r2-sp1", "server-2012-r2", "server-2022")
"""A persona of each backend family."""
TURNS = [(FAMILIES[0], 0), (FAMILIES[0], 1), *zip(FAMILIES[1:], range(4), strict=True)]
"""Server 2003 is asked in its own way; the others send the same requests: together they meet every fault at each."""
_AT_A_CHANGE, _AT_A_LOOK = ("lost", "kill_after", "drop", "kill"), ("lost", "kill")
"""What can go wrong at a request. To lose a look, or its answer, is the same to the host."""
_LATER = (1.0, 40.0, 600.0)  # seconds until somebody tries again
_RUNS = 6


def ready(persona: str, authority: Authority | None = None, **changes: t.Any) -> Surroundings:
    """A machine of this persona with the updates that its host key needs, and no host key."""
    updates = PERSONAS[persona].updates
    found: dict[str, t.Any] = {"name": "kms03", "persona": persona}
    found |= {"start": updates[-1]} if persona.startswith("server-2003") else {"updates": tuple(updates)}
    return surroundings(HostOptions(**{**found, **changes}), authority=authority)


def key_wish(persona: str, **changes: t.Any) -> Options:
    """The host key of its row in tests/personas.yml, as options of host_key."""
    return {"product_key": PERSONAS[persona].key, **changes}


def five(persona: str) -> str:
    """How Windows shows that key."""
    return PERSONAS[persona].key[-5:]


def key_state(around: Surroundings) -> dict[str, t.Any]:
    """What is to be seen of host keys: those installed with their status, what they have cost, hold, marks, our record.

    `manual` is what Activation\\Manual says, `marks` the views of the registry in which slmgr.vbs' mark stands.
    """
    state = around.machine.show()
    hosts = [product for product in state["products"] if product["is_kms_host"] and product["partial_product_key"]]
    return {
        "keys": {product["partial_product_key"]: product["license_status"] for product in hosts},
        "spent": state["activations_spent"],
        "manual": state["manual_activation"],
        "marks": {view for view, version in state["version_marks"].items() if version},
        "record": {name: data for name, data in state["registry"].items() if "activation.kms" in name},
    }


def settled(persona: str) -> dict[str, t.Any]:
    """The same once the key is activated, at the cost of one activation, and nothing of ours is left."""
    views = {"native"} if persona.endswith("-x86") else {"native", "wow6432node"}
    return {"keys": {five(persona): 1}, "spent": {five(persona): 1}, "manual": None, "marks": views, "record": {}}


def faulty_requests(clean: list[Exchange], turn: int) -> Iterator[tuple[int, str]]:
    """At which request of a run what goes wrong. Four turns in a row go through all of it; a look is met in two."""
    for number, exchange in enumerate(clean, 1):
        if exchange.mutation:
            yield number, _AT_A_CHANGE[(number + turn) % 4]
        elif (number + turn) % 2:
            yield number, _AT_A_LOOK[(number + turn) // 2 % 2]


def again_until(
    around: Surroundings, options: Options, number: int, ended: t.Callable[[Run], bool] = lambda run: run.converged
) -> str:
    """Somebody runs the task again, and again, some time later; what was told. Asserts that it ends.

    Args:
        number: chooses how much later.
    """
    stories = []
    for attempt in range(_RUNS):
        around.clock.advance(_LATER[(number + attempt) % len(_LATER)])
        found = key_run(around, options)
        stories.append(found.story)
        if ended(found):
            return "\n".join(stories)
    raise AssertionError("\n".join(stories))
