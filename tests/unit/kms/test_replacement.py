# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live KMS 1.1 host with a Vista-generation key and 50 clients becomes a 1.2 host: what its clients lose and keep."""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal, Unreachable
from ansible_collections.activation.kms.plugins.plugin_utils._foresight import foresee
from ansible_collections.activation.kms.plugins.plugin_utils._kms.client_count import count_notices
from ansible_collections.activation.kms.plugins.plugin_utils._kms.host_key import HostKeyResource
from ansible_collections.activation.kms.plugins.plugin_utils._kms.keys import KeyWish
from ansible_collections.activation.kms.plugins.plugin_utils._kms.packages import UpdateWish
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.replacement import replaced, replacement
from ansible_collections.activation.kms.plugins.plugin_utils._kms.restart import Restart
from ansible_collections.activation.kms.plugins.plugin_utils._kms.settings import (
    Settings,
    SettingsWish,
    licensing_readers,
)
from ansible_collections.activation.kms.plugins.plugin_utils._kms.update_chain import UpdateChain
from ansible_collections.activation.kms.plugins.plugin_utils._kms.updates import Updates
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome, Reader, Resource
from ansible_collections.activation.kms.plugins.plugin_utils._secret import HostKey
from ansible_collections.activation.kms.plugins.plugin_utils._windows.edition import Edition
from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing import Licensing, Product
from ansible_collections.activation.kms.plugins.plugin_utils._windows.restart import RestartOptions
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import System
from ansible_collections.activation.kms.tests.unit.kms.hosts import (
    KEY,
    SYSTEM,
    WISH,
    licensing,
    packages,
    product,
    seen,
    updates,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows, lost_before

FIVE, OLD_FIVE = KEY[-5:], "WXY23"
OLD, NEW = product(1, OLD_FIVE, "VOLUME_KMS channel"), product(1, FIVE)
LIVE = licensing(OLD, current_count=50, required_count=25, is_kms_host=True)
CLIENT = product(1, OLD_FIVE, "VOLUME_KMSCLIENT channel")
# From Windows 7 on each product tells its own count.
COUNTING = dataclasses.replace(OLD, hosting=True, current_count=50, required_count=25)
SILENT = dataclasses.replace(NEW, hosting=True, required_count=25)


def after(*products: Product, **changes: t.Any) -> Licensing:
    return licensing(*products, **{"required_count": 25, **changes})


def wish(**changes: t.Any) -> HostKeyResource:
    return HostKeyResource(KeyWish(key=HostKey(KEY), replace=True, **changes))


# -- what a replacement is


@pytest.mark.parametrize(
    ("before", "end", "counts"),
    [
        (LIVE, after(NEW), (50, 0)),
        (LIVE, after(NEW, OLD), (50, 0)),
        (LIVE, after(NEW, current_count=3), (50, 3)),
        (licensing(OLD), after(NEW), (0, 0)),
        (LIVE, LIVE, None),
        (licensing(), after(NEW), None),
        (licensing(CLIENT), after(NEW), None),
        (licensing(NEW), after(NEW), None),
        (licensing(OLD, NEW, current_count=50), after(NEW), None),
        (licensing(COUNTING, current_count=50), after(COUNTING, SILENT, current_count=50), (50, 0)),
    ],
    ids=[
        "replaced",
        "old one stays",
        "asked already",
        "never asked",
        "not yet",
        "first key",
        "a client",
        "same",
        "both",
        "old one stays and counts",
    ],
)
def test_a_replacement_is_told_by_what_was_seen_first_and_last(
    before: Licensing, end: Licensing, counts: tuple[int, int] | None
) -> None:
    found = replacement(seen(before), seen(end), WISH)
    assert (None if found is None else (found.count_before, found.count_after)) == counts
    if found is not None:
        assert (found.former.partial_product_key, found.threshold) == (OLD_FIVE, 25)


def test_of_several_old_keys_the_activated_one_counts() -> None:
    idle = product(0, "QRTVW", "VOLUME_KMS channel")
    found = replacement(seen(licensing(idle, OLD)), seen(after(NEW)), WISH)
    assert found is not None and found.former == OLD


# -- what is said before it


def test_what_the_clients_lose_and_keep_is_said_before_the_key_is_replaced() -> None:
    (notice,) = wish().notices(seen(updates("kms_1_0", "kms_1_2"), LIVE))
    for words in (
        f"*****-{FIVE} takes the place of *****-{OLD_FIVE}",
        "falls from 50 to 0",
        "25",
        "180 days",
    ):
        assert words in notice
    assert KEY not in notice


@pytest.mark.parametrize("now", [licensing(), licensing(NEW), licensing(CLIENT), licensing(OLD, NEW)])
def test_where_nothing_is_replaced_nothing_is_said(now: Licensing) -> None:
    assert wish().notices(seen(now)) == []


def test_without_a_threshold_those_of_microsoft_are_said() -> None:
    (notice,) = wish().notices(seen(licensing(OLD)))
    assert "counts its clients from 0" in notice and "until 25 clients, or 5 servers, have asked it" in notice


@pytest.mark.parametrize(("now", "said"), [(LIVE, 0), (after(NEW), 0), (after(NEW, OLD), 1), (after(NEW, CLIENT), 0)])
def test_an_old_key_that_stays_is_reported(now: Licensing, said: int) -> None:
    warnings = wish().warnings(seen(now))
    assert len(warnings) == said
    assert all(f"*****-{OLD_FIVE} (VOLUME_KMS)" in warning for warning in warnings)


# -- the whole story, foreseen


def resources(replace: bool) -> list[Resource]:
    serve = frozenset(["windows_7", "server_2008_r2"])
    key = KeyWish(key=HostKey(KEY), replace=replace, key_group="server_2008_r2_c", serve=serve)
    return [
        UpdateChain(UpdateWish(serve, packages="/packages")),
        Restart(True, RestartOptions()),
        Settings(SettingsWish(key=WISH)),
        HostKeyResource(key),
    ]


UPGRADE = seen(updates("kms_1_0", "kms_1_1"), packages("kms_1_2"), LIVE)


def test_the_upgrade_is_foreseen_with_what_it_does_to_the_clients() -> None:
    ahead = foresee(resources(replace=True), UPGRADE)
    assert [planned.step.id for planned in ahead.plan] == [
        "host_update.kms_1_2",
        "host_reboot.restart",
        "host_settings.hold",
        "host_key.install",
        "host_key.activate",
    ]
    outcome = Outcome(ahead.plan, first=UPGRADE, observed=UPGRADE, seen=ahead.seen, check=True)
    world = SmallWindows()
    assert replaced(world, outcome, WISH)["replaced"] == {
        "partial_product_key": OLD_FIVE,
        "channel": "VOLUME_KMS",
        "product_id": OLD.id,
        "count_before": 50,
        "count_after": 0,
        "threshold": 25,
        "clients_valid_days": 180,
        "former_product": None,
    }
    assert world.asked == [], "in check mode nobody can know what will become of the old product"


def test_without_leave_to_replace_nothing_is_changed_at_all() -> None:
    with pytest.raises(Refusal) as caught:
        foresee(resources(replace=False), UPGRADE)
    assert caught.value.name == "other_key_installed"


# -- carried out


def host(now: dict[str, t.Any] | None) -> SmallWindows:
    """A host on which a new key takes the old one's place; `now` is the old product's row afterwards."""
    world = SmallWindows()
    old: dict[str, t.Any] = {"ID": OLD.id, "Description": "W, VOLUME_KMS channel", "PartialProductKey": OLD_FIVE}
    new: dict[str, t.Any] = {"ID": "new", "Description": "W, VOLUME_KMS_R2_C channel", "PartialProductKey": FIVE}
    keyed = [{**old, "LicenseStatus": 1}]
    count = [50]

    def install(given: t.Mapping[str, str]) -> int:
        keyed[:] = [{**new, "LicenseStatus": 2}] + ([{**old, **now}] if now and now.get("PartialProductKey") else [])
        count[0] = 0xFFFFFFFF
        return 0

    def activate(given: t.Mapping[str, str]) -> int:
        keyed[0]["LicenseStatus"] = 1
        return 0

    def products() -> list[dict[str, t.Any]]:
        if f"ID='{OLD.id}'" in world.queries[-1]:
            return [] if now is None else [{**old, **now}]
        return keyed

    world.classes["SoftwareLicensingProduct"] = products
    world.classes["SoftwareLicensingService"] = lambda: [
        {"Version": "6.1", "KeyManagementServiceCurrentCount": count[0], "RequiredClientCount": 25}
    ]
    world.classes["Win32_OperatingSystem"] = [{"LocalDateTime": "2026-03-01T08:00:00Z"}]
    world.methods["SoftwareLicensingService.InstallProductKey"] = install
    world.methods["SoftwareLicensingService.RefreshLicenseStatus"] = lambda given: 0
    world.methods["SoftwareLicensingProduct.Activate"] = activate
    return world


def carried_out(world: SmallWindows) -> Outcome:
    known = seen(updates("kms_1_0", "kms_1_2")).parts()
    readers: dict[type, Reader] = {
        System: lambda world, look: SYSTEM,
        Record: lambda world, look: Record(),
        Updates: lambda world, look: known[Updates],
        **licensing_readers(WISH),
        Edition: lambda world, look: Edition(),
    }
    return converge(world, [wish()], readers, check=False)


@pytest.mark.parametrize(
    ("now", "fate"),
    [
        ({"PartialProductKey": None}, "without_key"),
        ({"PartialProductKey": OLD_FIVE}, "keyed"),
        ({"PartialProductKey": FIVE}, "without_key"),
        (None, "gone"),
    ],
)
def test_what_became_of_the_old_product_is_told(now: dict[str, t.Any] | None, fate: str) -> None:
    world = host(now)
    outcome = carried_out(world)
    assert outcome.problem is None
    assert outcome.first[Licensing].current_count == 50
    told = replaced(world, outcome, WISH)["replaced"]
    assert (told["count_before"], told["count_after"], told["former_product"]) == (50, 0, fate)
    assert json.loads(json.dumps(told)) == told and KEY not in json.dumps(told)
    warnings = " ".join(outcome.warnings)
    assert "falls from 50 to 0" in warnings and "180 days" in warnings
    assert ("still have a key" in warnings) == (fate == "keyed")


def test_a_second_run_replaces_nothing_and_asks_nothing_more() -> None:
    world = host({"PartialProductKey": None})
    carried_out(world)
    again = carried_out(world)
    asked = len(world.asked)
    assert not again.changed and again.warnings == []
    assert replaced(world, again, WISH) == {}
    assert len(world.asked) == asked


def test_a_host_that_has_gone_away_loses_nothing_of_the_result() -> None:
    world = host(None)
    outcome = carried_out(world)
    world.before = lost_before("query", times=9)
    assert replaced(world, outcome, WISH)["replaced"]["former_product"] is None
    asked = len(world.asked)
    outcome.problem = Unreachable("no answer", name="unreachable")
    assert replaced(world, outcome, WISH)["replaced"]["former_product"] is None
    assert len(world.asked) == asked, "nobody waits for a host that is known to be away"


# -- for somebody who looks at a host


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (licensing(), []),
        (licensing(NEW), []),
        (licensing(NEW, required_count=25, current_count=25), []),
        (licensing(NEW, required_count=25, current_count=12), ["has counted 12 .*activates none until 25"]),
        (licensing(NEW, required_count=25), ["has counted 0 "]),
        (licensing(product(0), required_count=25), []),
        (licensing(NEW, OLD, required_count=25, current_count=50), ["several KMS host products"]),
    ],
)
def test_what_a_count_means(now: Licensing, words: list[str]) -> None:
    notices = count_notices(now)
    assert len(notices) == len(words)
    for notice, word in zip(notices, words, strict=True):
        assert re.search(word, notice)
