# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a plugin asks that looks for KMS hosts as a client does."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of the lookup and of the inventory plugin."""

    DOCUMENTATION = r"""
options:
  server:
    description:
      - The DNS servers to ask, by name or address, tried in this order. Without them, the resolver of the controller
        (the execution node) is asked, which need not be the one the clients have.
      - A server that is authoritative only, without recursion, knows its own zones and nothing else.
    type: list
    elements: str
    default: []
  server_port:
    description:
      - The port of O(server), for UDP and TCP.
    type: int
    default: 53
  timeout:
    description:
      - How long, in seconds, one question may take, all servers and repetitions included.
    type: float
    default: 5
requirements:
  - dnspython (on the controller)
"""
