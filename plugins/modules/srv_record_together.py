#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: srv_record_together
short_description: Publish all KMS hosts of a play that are ready, in one update message a zone
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Gathers from all hosts of the play what M(activation.kms.host) with O(activation.kms.host#module:publish_later=true)
    said is to be published, and publishes it from the controller, all members of a zone in one update message.
  - Hosts that have failed, were not reached or were skipped are left out, and so are those that do not serve yet.
    Members of other hosts are not touched.
  - The way to the DNS server, secrets included, is what each host of a zone names in its own variable, evaluated as a
    task on that host would see it. That includes variables of the play, with templates that come to another value on
    another host. Variables of another play, and those given to a role, are not seen.
  - The hosts of a zone must agree on server, key, TTL and what else goes for the whole message. Otherwise the task
    fails before anything is sent. Port, priority, weight and target are each host's own.
  - It is a module and no loop over M(activation.kms.srv_record), because a loop would show its items, and because keys
    have to be compared without being shown.
  - P(activation.kms.kms_host#role) uses it in its tasks C(publish_together), and the playbook
    C(activation.kms.rollout) uses those.
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.changing
  - activation.kms.options.audit
attributes:
  platform:
    platforms: all
options:
  variable:
    description:
      - The name of the variable with the zones of each host, in the form of O(activation.kms.host#module:publish).
    type: str
    default: kms_host_publish
  result:
    description:
      - The name under which the result of M(activation.kms.host) is registered on each host.
    type: str
    default: kms_host_result
requirements:
  - dnspython >= 2.7.0 on the controller
  - gssapi on the controller, with V(gss_tsig)
notes:
  - This is an action plugin. It runs on the controller (the execution node), whatever host the task is for, opens no
    connection to that host, and ignores C(become).
  - Once is enough, so use C(run_once). With C(serial) it then runs once a batch, and publishes the hosts of the batches
    so far. In a play of its own after that of the hosts it runs once for all.
  - With C(serial) a batch in which every host fails ends the whole playbook, a later play included. What
    C(activation.kms.rollout) does about that can be copied.
seealso:
  - module: activation.kms.host
  - module: activation.kms.srv_record
"""

EXAMPLES = r"""
---
- name: Set up the hosts, and publish them together at the end
  hosts: kms_hosts
  gather_facts: false
  vars:
    zones:
      - zone: corp.example
        server: ns1.corp.example
        auth: tsig
        key_name: kms-rollout
        key_secret: "{{ vault_tsig }}"
  tasks:
    - name: Set up the host
      activation.kms.host:
        product_key: "{{ vault_kms_host_key }}"
        publish: "{{ zones }}"
        publish_later: true
      register: kms_host

    - name: Publish all that are ready
      activation.kms.srv_record_together:
        variable: zones
        result: kms_host
      run_once: true

    - name: End self-publishing where the host's own record was all there was
      activation.kms.host_settings:
        self_publishing: false
      when: kms_host.publishes_itself
"""

RETURN = r"""
---
published:
  description: The zones with the hosts that are members of them now, or in check mode would be.
  returned: success, and failure after the first look
  type: list
  elements: dict
  contains:
    zone:
      description: The DNS domain.
      type: str
    server:
      description: Its primary DNS server.
      type: str
    hosts:
      description: The hosts, by their names in the inventory.
      type: list
      elements: str
    members:
      description: The members as they were wished, each with target, port, priority and weight.
      type: list
      elements: dict
plan:
  description: The steps foreseen at the beginning of the run, one a zone that lacks a member.
  returned: success, and failure after the first look
  type: list
  elements: dict
  contains:
    id:
      description: The step's id.
      type: str
    summary:
      description: What it does.
      type: str
    after_restart:
      description: Always false here.
      type: bool
observed:
  description: What was seen at the end, by part.
  returned: success, and failure after the first look
  type: dict
  contains:
    zones:
      description: The zones with the members seen in them.
      type: list
      elements: dict
reboot_required:
  description: Always false here.
  returned: success
  type: bool
done:
  description: The steps carried out, like RV(plan).
  returned: failure after the first look
  type: list
  elements: dict
remaining:
  description: The steps still foreseen, like RV(plan).
  returned: failure after the first look
  type: list
  elements: dict
error:
  description:
    - What went wrong, for programs, with name and advice.
    - The name is V(publish_differs) where the hosts of a zone do not agree.
    - It is V(publish_unknown) where the variable of a host does not say how to publish it.
  returned: failure
  type: dict
"""
