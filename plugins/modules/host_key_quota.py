#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_key_quota
short_description: Refuse a KMS host key that is meant for too many hosts
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Microsoft lets a KMS host key be activated on six hosts; the seventh is refused with C(0xC004C008), and a call to
    Microsoft is due. This module counts, before anything is changed anywhere, for how many hosts of the play each host
    key is meant, and fails when it is too many.
  - The keys are compared in memory. Messages and results show their last five characters.
  - A variable is evaluated as a task on each host would see it. That includes variables of the play and those given to
    a role, with templates that come to another key on another host.
  - The hosts are those of the whole play, whatever C(serial) makes the batch. Hosts that C(--limit) leaves out, other
    plays and other runs are not seen, nor what has been activated before.
  - The role P(activation.kms.kms_host#role) does this first.
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.reading
attributes:
  platform:
    platforms: all
options:
  variable:
    description:
      - The name of the variable that holds the host key of each host.
      - Hosts where it is undefined, empty or no host key do not count. Whoever installs it refuses what is no host key.
    type: str
    default: kms_host_product_key
  state_variable:
    description:
      - The name of the variable that says whether a host is to be a KMS host at all. Where it is V(absent) the host
        does not count, since nothing is activated there.
    type: str
    default: kms_host_state
  max_hosts:
    description:
      - For how many hosts a key may be meant. More than V(6) only if Microsoft has granted it for your keys.
    type: int
    default: 6
notes:
  - This is an action plugin. It runs on the controller (the execution node), whatever host the task is for, opens no
    connection, and ignores C(become).
  - Once is enough, so use C(run_once). With C(serial) it then runs once a batch, which also sees keys that a batch has
    loaded for its own hosts. A condition such as C(when) is judged on one host then, for all.
  - Templates of the variable, lookups included, are evaluated once for each host of the play.
seealso:
  - module: activation.kms.host
  - module: activation.kms.host_key
"""

EXAMPLES = r"""
---
- name: One key for every site, none for more than six hosts
  hosts: kms_hosts
  gather_facts: false
  serial: 1
  vars:
    site_key: "{{ vault_host_keys[site] }}"
  tasks:
    - name: Count before anything is changed
      activation.kms.host_key_quota:
        variable: site_key
      run_once: true

    - name: Install and activate the key
      activation.kms.host_key:
        product_key: "{{ site_key }}"
"""

RETURN = r"""
---
host_keys:
  description: The host keys that were found, and the hosts they are meant for.
  returned: success
  type: list
  elements: dict
  contains:
    partial_product_key:
      description: The last five characters of the key.
      type: str
    hosts:
      description: The hosts, by their names in the inventory.
      type: list
      elements: str
  sample:
    - partial_product_key: "67892"
      hosts: [kms1.corp.example, kms2.corp.example]
observed:
  description: What was seen, by part.
  returned: success
  type: dict
  contains:
    host_keys:
      description: The values above.
      type: list
      elements: dict
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
  description:
    - What went wrong, for programs, with name and advice.
    - The name is V(too_many_hosts_for_key) where a key is meant for too many hosts.
    - It is V(variable_unreadable) where the variable of a host cannot be evaluated.
  returned: failure
  type: dict
"""
