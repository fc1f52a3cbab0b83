# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every refusal about a host key is met on an emulated host that deserves it, and leaves it as it was."""

from __future__ import annotations

import ast
import pathlib
import typing as t
from collections import Counter

import pytest
from keyed import key_state, key_wish, ready
from personas import HOST_KEYS, PERSONAS
from rollout import Run, key_run, run, wish_of
from simulated import HOST_KEY, MAK, OFFICE_KEY, OLDER_KEY, SimulatedWorld, Surroundings

from ansible_collections.activation.kms.plugins.plugin_utils import _kms
from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Problem
from ansible_collections.activation.kms.plugins.plugin_utils._kms.key_quota import KeyedHosts, KeyQuota, keyed_hosts

FILES = (
    *("activation", "hold", "host_key", "key_installation", "key_products", "key_quota", "keys"),
    *("mark", "offline", "online", "removal", "service_ready"),
)
NOT_MET = Counter(
    {
        ("service_ready", "no_licensing_service"): 1,
        ("offline", "no_installation_id"): 1,
        ("activation", "license_status_unknown"): 1,
        ("removal", "setup_key_unknown"): 1,
    }
)
"""What no emulated Windows deserves, see tests/unit: updates without what they update, a key without an installation ID
or a status, an edition of which no setup key is known."""
SETUP_KEY = "VDYBN-27WPP-V4HQT-9VMD4-VMK7H"
"""Microsoft's public client setup key of Server 2022 Standard."""
NOBODY = "00000000-0000-0000-0000-000000000000"
OLD, NEW = "server-2003-sp2-x86", "server-2022"
Met = tuple[Surroundings, Run]
CASES: dict[tuple[str, str], t.Callable[[pathlib.Path], Met]] = {}
Case = t.Callable[[pathlib.Path], Met]


def refused(file: str, name: str) -> t.Callable[[Case], Case]:
    """Which refusal of which file a case meets."""

    def enter(case: Case) -> Case:
        CASES[file, name] = case
        return case

    return enter


def once(around: Surroundings, **options: t.Any) -> Met:
    """A run about which nothing may be changed."""
    around.exchanges.clear()
    return around, key_run(around, options)


def activated(persona: str, key: str = "") -> Surroundings:
    around = ready(persona)
    assert key_run(around, {"product_key": key or PERSONAS[persona].key}).converged
    return around


@refused("activation", "reactivation_needed")
def moved(packages: pathlib.Path) -> Met:
    around = activated(NEW)
    around.machine.inject("hardware-changed", [])
    return once(around, **key_wish(NEW))


@refused("activation", "key_group_too_low")
def installed_by_somebody_for_less(packages: pathlib.Path) -> Met:
    wanted, around = PERSONAS["server-2012-r2"], ready("server-2012-r2")
    key = HOST_KEYS["server_2012_r2_windows_10"]
    key_run(around, {"product_key": key, "activation": "unmanaged", "max_activations": 0})
    options = wish_of(wanted, packages, product_key=key, key_group=None)
    around.exchanges.clear()
    return around, run(around, packages, options)


@refused("activation", "confirmation_awaited")
def begun_offline(packages: pathlib.Path) -> Met:
    around = ready(NEW)
    key_run(around, key_wish(NEW, activation="offline"))
    return once(around, **key_wish(NEW))


@refused("activation", "key_group_differs")
def another_group(packages: pathlib.Path) -> Met:
    persona = "server-2012-r2"
    around = ready(persona, dials={"auto_activation": "off"})
    wish = {"product_key": HOST_KEYS["server_2012_r2_windows_10"]}
    assert key_run(around, {**wish, "activation": "unmanaged"}).done
    return once(around, **wish, key_group="server_2016")


@refused("key_installation", "evaluation_edition")
def evaluation(packages: pathlib.Path) -> Met:
    return once(ready(NEW, evaluation=True), **key_wish(NEW))


@refused("key_installation", "other_key_installed")
def older(packages: pathlib.Path) -> Met:
    return once(activated(OLD, OLDER_KEY), **key_wish(OLD))


@refused("key_installation", "key_unencrypted")
def in_clear(packages: pathlib.Path) -> Met:
    class Clear(SimulatedWorld):
        encrypted = False

    around = ready(NEW)
    return around, key_run(around, key_wish(NEW), doors=Clear)


@refused("service_ready", "no_licensing_service")
def bare(packages: pathlib.Path) -> Met:
    return once(ready(OLD, start="bare"), **key_wish(OLD))


@refused("service_ready", "restart_pending")
def unrestarted(packages: pathlib.Path) -> Met:
    return once(ready(OLD, start="kms_1_2_unrestarted"), **key_wish(OLD))


@refused("service_ready", "licensing_service_stopped")
def stopped(packages: pathlib.Path) -> Met:
    around = ready("server-2008-sp2", dials={"licensing_stopped": "fault"})
    around.machine.inject("service-stopped", ["slsvc"])
    return once(around, **key_wish("server-2008-sp2"))


@refused("key_products", "activation_id_unknown")
def of_nobody(packages: pathlib.Path) -> Met:
    return once(ready(NEW), **key_wish(NEW, activation_id=NOBODY))


@refused("key_products", "activation_id_no_host")
def of_a_client(packages: pathlib.Path) -> Met:
    around = ready(NEW, dials={"own_product": "kms_client"})
    own = next(one for one in around.machine.show()["products"] if one["partial_product_key"])
    return once(around, **key_wish(NEW, activation_id=own["activation_id"]))


@refused("key_products", "activation_id_other_product")
def for_office(packages: pathlib.Path) -> Met:
    around = ready(NEW, office_licences=("office_2016",), office_key=OFFICE_KEY)
    return once(around, product_key=OFFICE_KEY)


@refused("key_products", "key_is_no_host_key")
def mak(packages: pathlib.Path) -> Met:
    around = ready(NEW)
    key_run(around, {"product_key": MAK})
    return once(around, product_key=MAK)


@refused("key_quota", "too_many_hosts_for_key")
def seven(packages: pathlib.Path) -> Met:
    around, keyed = ready(NEW), keyed_hosts({f"kms{number:02}": HOST_KEY for number in range(7)})
    world = SimulatedWorld(around, {})
    try:
        outcome = converge(world, [KeyQuota()], {KeyedHosts: lambda world, look: keyed}, check=False)
        return around, Run(outcome, None, False, world)
    except Problem as problem:
        return around, Run(None, problem, False, world)


@refused("keys", "activation_id_malformed")
def no_id(packages: pathlib.Path) -> Met:
    return once(ready(NEW), **key_wish(NEW, activation_id="VOLUME_KMS"))


@refused("keys", "key_malformed")
def no_key(packages: pathlib.Path) -> Met:
    return once(ready(NEW), product_key=HOST_KEY[:-1])


@refused("keys", "key_is_setup_key")
def setup_key(packages: pathlib.Path) -> Met:
    return once(ready(NEW), product_key=SETUP_KEY)


@refused("keys", "key_group_wrong_host")
def too_new(packages: pathlib.Path) -> Met:
    return once(ready(OLD), **key_wish(OLD, key_group="server_2025"))


@refused("keys", "key_group_too_low")
def too_little(packages: pathlib.Path) -> Met:
    around = ready(OLD)
    return around, run(around, packages, wish_of(PERSONAS[OLD], packages, key_group="server_2008_c"))


@refused("offline", "confirmation_id_malformed")
def no_confirmation(packages: pathlib.Path) -> Met:
    return once(ready(NEW), **key_wish(NEW, activation="phone", confirmation_id="1" * 47))


@refused("offline", "installation_id_changed")
def stale(packages: pathlib.Path) -> Met:
    around = ready(NEW)
    key_run(around, key_wish(NEW, activation="offline"))
    around.machine.inject("hardware-changed", [])
    return once(around, **key_wish(NEW, activation="offline", confirmation_id="1" * 48))


@refused("online", "activation_not_allowed")
def not_allowed(packages: pathlib.Path) -> Met:
    return once(ready(NEW), **key_wish(NEW, max_activations=0))


@refused("online", "clock_wrong")
def years_ago(packages: pathlib.Path) -> Met:
    return once(ready(NEW, clock_offset=-3 * 365 * 86400), **key_wish(NEW))


@refused("removal", "bad_option")
def setup_key_for_office(packages: pathlib.Path) -> Met:
    around = ready(NEW, office_licences=("office_2016",), office_key=OFFICE_KEY)
    office = next(one for one in around.machine.show()["products"] if one["partial_product_key"] == OFFICE_KEY[-5:])
    return once(around, state="absent", install_setup_key=True, activation_id=office["activation_id"])


@refused("removal", "other_key_installed")
def setup_key_over_another(packages: pathlib.Path) -> Met:
    return once(activated(NEW), state="absent", install_setup_key=True, product_key=HOST_KEY)


@refused("removal", "setup_key_unknown")
def no_client(packages: pathlib.Path) -> Met:
    return once(activated(OLD), state="absent", install_setup_key=True)


@pytest.mark.parametrize("case", CASES.items(), ids=lambda case: "-".join(case[0]))
def test_refused(case: tuple[tuple[str, str], Case], packages: pathlib.Path) -> None:
    (_file, name), meet = case
    around, met = meet(packages)
    assert met.refusal is not None and met.refusal.name == name, met.story
    assert met.refusal.message and met.refusal.advice
    assert not any(exchange.mutation for exchange in around.exchanges)
    assert "activating" not in str(key_state(around)["record"])


def test_no_refusal_is_left_out() -> None:
    """As the files have them, with those that no emulated Windows deserves."""
    folder = pathlib.Path(str(_kms.__file__)).parent
    written: Counter[tuple[str, str]] = Counter()
    for file in FILES:
        for node in ast.walk(ast.parse((folder / f"{file}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal":
                names = [ast.literal_eval(word.value) for word in node.keywords if word.arg == "name"]
                written.update((file, name) for name in names)
    assert written == Counter(CASES.keys()) + NOT_MET
