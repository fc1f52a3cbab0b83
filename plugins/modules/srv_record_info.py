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
    resolver has in its cache is refused.
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
  audit_log:
    description:
      - Accepted so that the members of the C(module_defaults) group C(activation.kms.dns) can be given one audit log.
        Nothing is changed by this module, so that it adds no line; see M(activation.kms.srv_record).
    type: path
requirements:
  - dnspython >= 2.7.0 on the controller
  - gssapi on the controller, with O(auth=gss_tsig)
notes:
  - This is an action plugin. It runs on the controller (the execution node), whatever host the task is for, opens no
    connection to that host, and ignores C(become). Use C(run_once) or a play on C(localhost) for what is needed once.
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
    server:
      description: The DNS server.
      type: str
      sample: ns1.corp.example
    serial:
      description: The zone's serial number.
      type: int
      sample: 2026112201
    verified:
      description: Whether the signature of every answer was right. Always true with O(auth=none).
      type: bool
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
      sample:
        - target: kms1.corp.example
          port: 1688
          priority: 0
          weight: 0
          ttl: 3600
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
