#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: srv_record_info
short_description: See which KMS hosts are published in DNS
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Reads the C(_vlmcs._tcp) SRV records of zones from their primary DNS server, as it serves them itself. What a
    resolver has in its cache is refused. With O(provider=microsoft_wmi) it asks a Microsoft DNS server by WMI, which
    also tells whether records age.
  - With O(check_members) it looks at each member too, whether it resolves, is in the inventory and answers, and tells
    what is wrong in RV(findings).
  - The questions are signed where O(auth) says so. So it also finds out whether a key or a principal is accepted,
    though not what it may change.
  - What clients find, who ask resolvers and search several domains, tells the lookup plugin
    P(activation.kms.srv#lookup).
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.reading
  - activation.kms.options.dns
attributes:
  platform:
    platforms: all
options:
  zones:
    description:
      - The DNS domains whose members are read. One that cannot be read fails the task. At least one of O(zones) and
        O(zone) is needed.
    type: list
    elements: str
  zone:
    description:
      - One domain, read where O(zones) is left out. It is there because M(activation.kms.srv_record) has it, with which
        this module shares its C(module_defaults).
    type: str
  check_members:
    description:
      - Whether to look at each member from the controller. Its name is resolved, it is looked for in the inventory, and
        its port is asked as M(activation.kms.endpoint_info) does, one after another.
    type: bool
    default: false
  inventory_group:
    description:
      - With O(check_members), the group of inventory hosts that members may be.
      - A target is an inventory host whose name or C(ansible_host) it is, with one of the domains added where that is a
        single label; otherwise one whose C(ansible_host), or name where there is none, leads to an address of the
        target.
    type: str
    default: all
  timeout:
    description:
      - With O(check_members), how long, in seconds, the connection to a member may take, and again its answer.
    type: int
    default: 5
  audit_log:
    description:
      - Accepted so that the members of the C(module_defaults) group C(activation.kms.dns) can be given one audit log.
        Nothing is changed by this module, so that it adds no line; see M(activation.kms.srv_record).
    type: path
requirements:
  - dnspython >= 2.7.0 on the controller, with O(provider=dns)
  - gssapi on the controller, with O(auth=gss_tsig)
  - pywinrm >= 0.5.0 on the controller, or pypsrp >= 0.5.0 for the connection C(psrp), with O(provider=microsoft_wmi)
notes:
  - This is an action plugin. It runs on the controller (the execution node). With O(provider=dns) it opens no
    connection to the host the task is for, and ignores C(become). Use C(run_once) or a play on C(localhost) for what is
    needed once.
  - With O(provider=microsoft_wmi) the connection of that host, or of the one in C(delegate_to), must be C(winrm)
    with exactly one transport, or C(psrp), and must lead to the DNS server, whose administrator the user is; C(become)
    is refused.
seealso:
  - module: activation.kms.srv_record
  - module: activation.kms.endpoint_info
  - plugin: activation.kms.srv
    plugin_type: lookup
"""

EXAMPLES = r"""
---
- name: Who is published
  activation.kms.srv_record_info:
    zones: [corp.example, branch.example]
    server: ns1.corp.example
  register: published
  run_once: true

- name: Show the targets
  ansible.builtin.debug:
    msg: "{{ item.zone }}: {{ item.members | map(attribute='target') | join(', ') }}"
  loop: "{{ published.zones }}"
  run_once: true

- name: What is published and should not be, or does not work
  activation.kms.srv_record_info:
    zones: [corp.example]
    server: ns1.corp.example
    check_members: true
    inventory_group: kms_hosts
  register: audited
  run_once: true

- name: Which records a Microsoft DNS server may remove
  activation.kms.srv_record_info:
    provider: microsoft_wmi
    zones: [corp.example]
  delegate_to: dc1
  run_once: true
"""

RETURN = r"""
---
zones:
  description: What was found, in the order of O(zones), each once.
  returned: success
  type: list
  elements: dict
  contains:
    zone:
      description: The domain of the clients.
      type: str
      sample: corp.example
    owner:
      description: The name of the records.
      type: str
      sample: _vlmcs._tcp.corp.example
    dns_zone:
      description: The DNS zone that holds the name.
      type: str
      sample: corp.example
    provider:
      description: The option of that name.
      type: str
      sample: dns
    server:
      description: The DNS server; with O(provider=microsoft_wmi) as it calls itself.
      type: str
      sample: ns1.corp.example
    serial:
      description: The zone's serial number. Not read with O(provider=microsoft_wmi).
      type: int
      sample: 2026112201
    verified:
      description:
        - Whether the signature of every answer was right. Always true with O(auth=none) and with
          O(provider=microsoft_wmi).
      type: bool
    dynamic_updates:
      description:
        - With O(provider=microsoft_wmi), which dynamic updates the zone takes, V(none), V(nonsecure_and_secure) or
          V(secure).
      type: str
      sample: none
    aging:
      description:
        - With O(provider=microsoft_wmi), how records age, with C(enabled), C(no_refresh_hours), C(refresh_hours) and
          C(server_scavenging_hours); see M(activation.kms.srv_record).
      type: dict
    members:
      description: The members, in the order of priority and target.
      type: list
      elements: dict
      contains:
        target:
          description: The host, in lower case.
          type: str
        port:
          description: The TCP port.
          type: int
        priority:
          description: The priority.
          type: int
        weight:
          description: The weight.
          type: int
        ttl:
          description: The time to live in seconds.
          type: int
        timestamp:
          description:
            - With O(provider=microsoft_wmi), when the record was last refreshed, in UTC and whole hours. V(null) for a
              static record.
          type: str
          sample: "2026-11-20T14:00:00Z"
        addresses:
          description: With O(check_members), the addresses that the controller resolves the target to.
          type: list
          elements: str
        inventory_host:
          description: With O(check_members), the name of the inventory host that it is. V(null) for none.
          type: str
        endpoint:
          description:
            - With O(check_members), what its port answered, in the words of the C(state) that
              M(activation.kms.endpoint_info) returns. V(not_looked) where it does not resolve.
          type: str
          sample: answers
      sample:
        - target: kms1.corp.example
          port: 1688
          priority: 0
          weight: 0
          ttl: 3600
findings:
  description:
    - What is wrong with members, in the order of RV(zones), one element each. A member C(.), which means that there is
      no KMS host, is none.
  returned: success, with O(check_members)
  type: list
  elements: dict
  contains:
    zone:
      description: The domain of the clients.
      type: str
    target:
      description: The host, in lower case.
      type: str
    finding:
      description: V(does_not_resolve), V(not_in_inventory) or V(does_not_answer).
      type: str
    message:
      description: What is wrong and what to do.
      type: str
  sample:
    - zone: corp.example
      target: old.corp.example
      finding: does_not_resolve
      message: old.corp.example is published in zone corp.example, but the controller finds no address for it; ...
observed:
  description: What was seen, by part.
  returned: success
  type: dict
  contains:
    zones:
      description: The same.
      type: list
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
  description: What went wrong, for programs, with name, advice and, where there is one, code.
  returned: failure
  type: dict
"""
