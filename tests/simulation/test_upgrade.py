# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live KMS 1.1 host with a key of the Vista generation becomes a KMS 1.2 host with a newer key."""

from __future__ import annotations

import pathlib

import pytest
from rollout import run, wish
from simulated import HOST_KEY, OLDER_KEY, PERSONA, Surroundings, surroundings

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.keys import KeyWish
from ansible_collections.activation.kms.plugins.plugin_utils._kms.replacement import replaced
from ansible_collections.activation.kms.plugins.plugin_utils._secret import HostKey
from emulated_windows.core import HostOptions

PLAN = [
    "host_update.kms_1_2",
    "host_reboot.restart",
    "host_settings.hold",
    "host_key.install",
    "host_key.activate",
]
OLD_FIVE, FIVE = OLDER_KEY[-5:], HOST_KEY[-5:]
WISH = KeyWish(key=HostKey(HOST_KEY))


def live(packages: pathlib.Path, seed: int = 0) -> Surroundings:
    """A host that serves Server 2008 clients by KMS 1.1."""
    around = surroundings(HostOptions(name="kms03", persona=PERSONA, start="kms_1_1", seed=seed))
    older = wish(packages, serve=["server_2008"], product_key=OLDER_KEY, key_group="server_2008_c")
    done = run(around, packages, older)
    assert done.converged, done.story
    around.clock.advance(86400)
    return around


@pytest.mark.parametrize("seed", range(8))
def test_the_upgrade(seed: int, packages: pathlib.Path) -> None:
    around = live(packages, seed)
    foreseen = run(around, packages, wish(packages, replace=True), check=True)
    assert foreseen.outcome is not None, foreseen.story
    assert [planned.step.id for planned in foreseen.outcome.plan] == PLAN
    told = replaced(foreseen.world, foreseen.outcome, WISH)["replaced"]
    assert (told["partial_product_key"], told["count_after"], told["clients_valid_days"]) == (OLD_FIVE, 0, 180)

    done = run(around, packages, wish(packages, replace=True))
    assert done.converged, done.story
    assert done.outcome is not None
    assert [planned.step.id for planned in done.outcome.done] == PLAN
    told = replaced(done.world, done.outcome, WISH)["replaced"]
    assert told["former_product"] in {"keyed", "without_key", "gone"}
    assert any("180 days" in warning for warning in done.outcome.warnings)
    assert around.machine.show()["activations_spent"] == {OLD_FIVE: 1, FIVE: 1}

    again = run(around, packages, wish(packages, replace=True))
    assert again.outcome is not None
    assert not again.outcome.changed
    assert replaced(again.world, again.outcome, WISH) == {}


def test_without_leave_to_replace_the_live_host_is_left_as_it_is(packages: pathlib.Path) -> None:
    around = live(packages)
    around.exchanges.clear()
    refused = run(around, packages, wish(packages))
    assert isinstance(refused.refusal, Refusal)
    assert refused.refusal.name == "other_key_installed"
    assert not any(exchange.mutation for exchange in around.exchanges)
