# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The licensing service as Windows shows it: generations as data, what is seen, reading it, and the calls on it.

Internal to the collection activation.kms; not a public interface. What others need of it is named here.
"""

from __future__ import annotations

from .calls import (
    activate,
    deposit,
    install_key,
    refresh,
    remove_version_mark,
    set_by_method,
    uninstall_key,
    write_in_registry,
    write_manual,
    write_version_mark,
)
from .generations import ROOTS, SETTINGS, Generation, Setting, generation
from .part import KEYS_ONLY, LICENSED, WHOLE, Keys, Licensing, Product, Root, Service, Values
from .reading import licensing_readers, normal_domain, read_installation_id, read_keys, read_manual, service_answers

__all__ = [
    "KEYS_ONLY",
    "LICENSED",
    "ROOTS",
    "SETTINGS",
    "WHOLE",
    "Generation",
    "Keys",
    "Licensing",
    "Product",
    "Root",
    "Service",
    "Setting",
    "Values",
    "activate",
    "deposit",
    "generation",
    "install_key",
    "licensing_readers",
    "normal_domain",
    "read_installation_id",
    "read_manual",
    "read_keys",
    "refresh",
    "remove_version_mark",
    "service_answers",
    "set_by_method",
    "uninstall_key",
    "write_in_registry",
    "write_manual",
    "write_version_mark",
]
