# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing the licensing service: keys, activation, and the settings of a KMS host by method or registry.

Internal to the collection activation.kms; not a public interface.

Refuses to know when any of this is wanted, and what Microsoft's numbers mean.
"""

from __future__ import annotations

import typing as t

from ..._errors import Problem
from ..._secret import HostKey
from ..._world import World
from ..._wsman.client import Client
from ..._wsman.faults import Fault
from ..._wsman.values import Output
from ..registry import Registry
from .generations import PRODUCT_CLASS, ROOTS, SERVICE_CLASS, Setting
from .reading import VALUE_MANUAL, VALUE_MARK


def install_key(world: World, version: str, key: HostKey) -> Output:
    """SoftwareLicensingService.InstallProductKey; the key travels inside the message body only."""
    return _service(world, version, "InstallProductKey", {"ProductKey": key})


def refresh(world: World, version: str) -> None:
    """RefreshLicenseStatus, as slmgr.vbs does after each change; its failure means nothing (slmgr ignores it too)."""
    try:
        _service(world, version, "RefreshLicenseStatus", {})
    except Problem as problem:
        world.log(f"RefreshLicenseStatus: {problem.message}")


def activate(world: World, product_id: str, timeout: float) -> Output:
    """SoftwareLicensingProduct.Activate: spends one activation of the key."""
    return _product(world, product_id, "Activate", {}, timeout=timeout)


def deposit(world: World, product_id: str, installation_id: str, confirmation_id: str) -> Output:
    """SoftwareLicensingProduct.DepositOfflineConfirmationId: activates the key without asking Microsoft."""
    parameters = {"InstallationId": installation_id, "ConfirmationId": confirmation_id}
    return _product(world, product_id, "DepositOfflineConfirmationId", parameters)


def uninstall_key(world: World, product_id: str) -> Output:
    """SoftwareLicensingProduct.UninstallProductKey: the key goes, and cannot be read back from anywhere."""
    return _product(world, product_id, "UninstallProductKey", {})


def write_manual(world: World, root: str, value: int | None) -> None:
    """Set Activation\\Manual, or remove it (None)."""
    registry = Registry(Client(world))
    if value is None:
        registry.delete_value(ROOTS[root] + r"\Activation", VALUE_MANUAL)
    else:
        registry.set_number(ROOTS[root] + r"\Activation", VALUE_MANUAL, value)


def write_version_mark(world: World, roots: t.Iterable[str], version: str, *, both_views: bool) -> None:
    """Keep slmgr.vbs' side effect: MOM and SCOM find a KMS host by this value, in both registry views.

    The 32-bit view of a 64-bit Windows comes first: what a run sees is the other one, so that one stands for both.
    """
    registry = Registry(Client(world))
    for root in roots:
        if both_views:
            registry.set_text(_in_32_bits(root), VALUE_MARK, version, create=False)
        registry.set_text(ROOTS[root], VALUE_MARK, version)


def remove_version_mark(world: World, roots: t.Iterable[str], *, both_views: bool) -> None:
    """What slmgr.vbs does once the last host key is gone; the 32-bit view first, as above."""
    registry = Registry(Client(world))
    for root in roots:
        if both_views:
            registry.delete_value(_in_32_bits(root), VALUE_MARK)
        registry.delete_value(ROOTS[root], VALUE_MARK)


def _in_32_bits(root: str) -> str:
    """A settings key as 32-bit programs see it; not every Windows has it."""
    return ROOTS[root].replace("SOFTWARE\\", "SOFTWARE\\Wow6432Node\\", 1)


def write_in_registry(world: World, roots: t.Iterable[str], setting: Setting, value: t.Any) -> None:
    """Write one setting under these settings keys; the service reads it when it starts. An empty list is removed."""
    registry = Registry(Client(world))
    for root in roots:
        key = ROOTS[root]
        if setting.type == "text":
            registry.set_text(key, setting.value, str(value))
        elif setting.type == "number":
            registry.set_number(key, setting.value, _turned(setting, value))
        elif value:
            registry.set_texts(key, setting.value, value)
        else:
            registry.delete_value(key, setting.value)


def set_by_method(world: World, version: str, setting: Setting, value: t.Any) -> bool:
    """Set one setting by its method. False where the service refuses it, as it does while it is no KMS host.

    Which number says so nobody has published, and whether a host counts as one once its key is installed or only once
    it is activated is not known either. So every answer but success is a refusal, except those of WinRM itself.

    Raises:
        OutcomeUnknown: the answer was lost. Fault: the user may not, or has used up a quota.
    """
    parameter = _turned(setting, value)
    if isinstance(value, bool):
        parameter = bool(parameter)
    try:
        output = _service(world, version, setting.method, {setting.parameter: parameter})
    except Fault as fault:
        if fault.access_denied or fault.quota:
            raise
        world.log(f"{setting.method}: {fault.message}")
        return False
    if output.return_value:
        world.log(f"{setting.method} returned 0x{output.return_value:08X}")
    return output.return_value == 0


def _turned(setting: Setting, value: t.Any) -> int:
    """The number Windows keeps; some names say the opposite."""
    return int(not value) if setting.negated else int(value)


def _product(
    world: World, product_id: str, method: str, parameters: t.Mapping[str, str], timeout: float | None = None
) -> Output:
    """A method of one product. `timeout`: seconds, where it may take longer than other requests."""
    client = Client(world)
    where = {"ID": product_id}
    return client.invoke(
        "root/cimv2", PRODUCT_CLASS, method, parameters, selectors=where, mutating=True, timeout=timeout
    )


def _service(world: World, version: str, method: str, parameters: t.Mapping[str, t.Any]) -> Output:
    client = Client(world)
    return client.invoke("root/cimv2", SERVICE_CLASS, method, parameters, selectors={"Version": version}, mutating=True)
