# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What installing and activating a key costs in requests, where everything else is as it shall be."""

from __future__ import annotations

import pathlib
from collections import Counter

import pytest
from personas import PERSONAS
from rollout import Options, run, wish_of
from simulated import Exchange, Surroundings, surroundings

from emulated_windows.core import HostOptions

FAMILIES = ("server-2003-sp2-x86", "server-2008-sp2", "server-2008-r2-sp1", "server-2012-r2", "server-2022")
"""A persona of each backend family."""
KEY_OPTIONS = ("product_key", "key_group")
MARK = b"KeyManagementServiceVersion"
_OURS = ["SetStringValue", "SetDWORDValue", "InstallProductKey", "SetStringValue", "Activate", "RefreshLicenseStatus"]
NEEDED = Counter([*_OURS, "DeleteValue", "DeleteKey"])
"""The hold with its note, the key, the note about the activation, the activation, and the end of hold and notes."""
MADE_ONCE = ("CreateKey", "SetDWORDValue")
"""The settings key `Activation` and our own: where they are missing they are made. A value is then written again."""


def ready(persona: str, packages: pathlib.Path) -> tuple[Surroundings, Options]:
    """A host that lacks nothing but its key, and the wish for that."""
    dials = {"licensing_registry": "SL"} if persona.startswith("server-2003") else {}
    around = surroundings(HostOptions(name="kms03", persona=persona, dials=dials))
    wish = wish_of(PERSONAS[persona], packages, publish=None, firewall=None, firewall_remote_addresses=None)
    without = {name: value for name, value in wish.items() if name not in KEY_OPTIONS}
    assert run(around, packages, without).converged
    if PERSONAS[persona].updates:  # the group picks the updates its key needs
        assert run(around, packages, {**without, "key_group": wish["key_group"]}).converged
    around.exchanges.clear()
    return around, wish


def changes(exchanges: list[Exchange]) -> Counter[str]:
    """The requests that change something, the marks for MOM and SCOM aside."""
    return Counter(one.method for one in exchanges if one.mutation and MARK not in one.question)


@pytest.mark.parametrize("persona", FAMILIES)
def test_key_and_activation_take_nine_requests_that_change_something(persona: str, packages: pathlib.Path) -> None:
    around, wish = ready(persona, packages)
    done = run(around, packages, wish)
    assert done.converged and done.outcome is not None
    assert [planned.step.id for planned in done.outcome.done] == [
        "host_settings.hold",
        "host_key.install",
        "host_key.activate",
    ]
    found = changes(around.exchanges)
    assert found["CreateKey"] <= 2
    beside = found - NEEDED
    assert set(beside) <= set(MADE_ONCE), found
    assert sum(found.values()) - found["CreateKey"] - beside["SetDWORDValue"] <= 9


@pytest.mark.parametrize("persona", FAMILIES)
def test_all_that_is_read_on_the_way_is_less_than_four_whole_looks(persona: str, packages: pathlib.Path) -> None:
    around, wish = ready(persona, packages)
    run(around, packages, wish)
    first = sum(not one.mutation for one in around.exchanges)
    around.exchanges.clear()
    run(around, packages, wish)
    in_spec = len(around.exchanges)
    assert first <= 4 * in_spec, (first, in_spec)


@pytest.mark.parametrize("persona", FAMILIES)
def test_an_activation_that_takes_long_is_asked_after_with_growing_pauses(persona: str, packages: pathlib.Path) -> None:
    """75 seconds: a look each second would be 75 queries of the products and more."""
    around, wish = ready(persona, packages)
    around.machine.dials["activation_duration"] = "beyond_timeout"
    done = run(around, packages, wish)
    assert done.converged, done.story
    asked = [one for one in around.exchanges if one.resource == "SoftwareLicensingProduct" and not one.mutation]
    assert len(asked) <= 15
