#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: endpoint_info
short_description: See whether the KMS RPC interface answers on a host
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Connects from the controller to the TCP port of a KMS host and sends one DCE/RPC bind for the KMS interface, nothing
    more. No activation is asked for, and nothing is counted on the host.
  - An answer proves that the interface is registered there and that network and firewalls let the controller through.
    It does not prove that the host is activated, nor that it has reached the number of clients at which it begins to
    activate. M(activation.kms.host_info) tells that.
  - A port that does not answer is a result, not a failure.
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.reading
attributes:
  platform:
    platforms: all
options:
  target:
    description:
      - The KMS host, by name or address. All addresses of a name are tried until one answers.
    type: str
    required: true
  port:
    description:
      - The TCP port.
    type: int
    default: 1688
  timeout:
    description:
      - How long, in seconds, the connection may take, and again the answer.
    type: int
    default: 5
notes:
  - This is an action plugin. It runs on the controller (the execution node), whatever host the task is for, opens no
    other connection, and ignores C(become). What it sees is what the controller's network sees; clients may be
    elsewhere.
seealso:
  - module: activation.kms.host
  - module: activation.kms.host_info
  - module: activation.kms.srv_record
"""

EXAMPLES = r"""
---
- name: Ask the port
  activation.kms.endpoint_info:
    target: kms1.corp.example
  register: endpoint

- name: Insist on an answer, waiting for a service that is still starting
  activation.kms.endpoint_info:
    target: "{{ ansible_host | default(inventory_hostname) }}"
  register: endpoint
  until: endpoint.answers
  retries: 5
  delay: 3
"""

RETURN = r"""
---
answers:
  description: Whether the KMS RPC interface answered.
  returned: success
  type: bool
state:
  description:
    - What was found.
    - V(answers) means that the KMS RPC interface is registered there.
    - V(other_service) means that something else listens.
    - V(refused) means that nothing listens.
    - V(timeout) means that there was no connection, or no answer, in time; often a firewall drops the packets.
    - V(closed) means that the connection was accepted and closed without an answer.
    - V(no_route) means that the network does not lead there.
    - V(unresolved) means that the name has no address.
  returned: success
  type: str
  sample: answers
detail:
  description: The same for a person, in a few words.
  returned: success
  type: str
  sample: the KMS RPC interface is registered
target:
  description: The host as it was named.
  returned: success
  type: str
  sample: kms1.corp.example
port:
  description: The TCP port.
  returned: success
  type: int
  sample: 1688
address:
  description: The address that answered, or the one tried last; empty when the name has none.
  returned: success
  type: str
  sample: 192.0.2.10
observed:
  description: What was seen, by part.
  returned: success
  type: dict
  contains:
    endpoint:
      description: The values above.
      type: dict
plan:
  description: Always empty; this module changes nothing.
  returned: success
  type: list
  elements: dict
reboot_required:
  description: Always false here.
  returned: success
  type: bool
error:
  description: What went wrong, for programs, with name and advice.
  returned: failure
  type: dict
"""
