# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client count of a KMS host: what it takes until the host activates anybody.

Internal to the collection activation.kms; not a public interface.

A host activates no client before 25 clients, or 5 servers, have asked it within 30 days; it counts 50 at most
(Microsoft's "KMS activation planning"). A new host is below that for days, so this is said where somebody asks how a
host is, and where a run sets the count back, and never as a warning of every run.
"""

from __future__ import annotations

from .._windows.licensing import LICENSED, Licensing, Product
from .catalogue import THRESHOLDS

_CLIENTS_NEEDED, _SERVERS_NEEDED = THRESHOLDS["client"], THRESHOLDS["server"]


def counted(licensing: Licensing, product: Product | None = None) -> int:
    """How many clients the host, or one product of it, has counted. Windows shows nothing until the first has asked."""
    return (licensing.current_count if product is None else licensing.count_of(product)) or 0


def until_enough(licensing: Licensing) -> str:
    """When the host activates its first client, as the end of a sentence."""
    needed = licensing.required_count
    if not needed:
        return f"until {_CLIENTS_NEEDED} clients, or {_SERVERS_NEEDED} servers, have asked it"
    rule = f"{_CLIENTS_NEEDED} where clients ask, {_SERVERS_NEEDED} where only servers do"
    return f"until {needed} have asked it, which is its threshold now ({rule})"


def count_notices(licensing: Licensing) -> list[str]:
    """What the count and the keys of a host mean, for somebody who looks at it."""
    said = []
    hosts = licensing.host_products()
    needed, count = licensing.required_count, counted(licensing)
    if needed and count < needed and any(product.license_status == LICENSED for product in hosts):
        said.append(f"the host has counted {count} of its clients so far and activates none {until_enough(licensing)}")
    if len(hosts) > 1:
        keys = ", ".join(f"*****-{product.partial_product_key}" for product in hosts)
        said.append(f"several KMS host products have a key ({keys}); each counts its own clients")
    return said
