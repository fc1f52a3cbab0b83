#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_info
short_description: Everything known about a KMS host, as data
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Reads release, edition, service pack, architecture, language, boot time, KMS version, pending restart, keyed
    licensing products, firewall, full name and what a restart would meet of a Windows machine. Changes nothing.
  - What is decided on is numbers and ids, which are the same in every language of Windows.
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.reading
  - activation.kms.options.audit
  - activation.kms.windows
options:
  query:
    description:
      - A JMESPath expression over what was observed; its result is returned as RV(query_result). A wrong expression is
        refused before the host is contacted.
    type: str
  port:
    description:
      - The TCP port whose rules in the Windows Firewall are looked at.
    type: int
    default: 1688
requirements:
  - jmespath on the controller, for O(query)
"""

EXAMPLES = r"""
---
- name: See the host
  activation.kms.host_info:
  register: kms

- name: The networks that the host's firewall admits to the port
  activation.kms.host_info:
    query: firewall.rules[?enabled && action == 'allow'].scope[]
  register: networks

- name: The last five characters of every KMS host key
  activation.kms.host_info:
    query: licensing.products[?is_kms_host].partial_product_key
  register: keys
"""

RETURN = r"""
---
observed:
  description: What was seen, by part.
  returned: success
  type: dict
  contains:
    system:
      description: The machine with release, edition, service pack, architecture, language, boot time and full name.
      type: dict
    updates:
      description:
        - KMS version, installed KMS updates, and whether one awaits its restart.
        - C(serves) are the clients the host can activate now, C(serves_after) those it can activate after each further
          update; C(unknown) are updates that a later rollup may stand for; C(disagreements) are witnesses that
          contradict each other; C(build) is build and revision, where the release is known by them; C(excluded) says
          that the edition can be no KMS host.
      type: dict
    licensing:
      description: The licensing service with its keyed products, its settings as a KMS host, count and threshold.
      type: dict
    record:
      description: What this collection noted on the host.
      type: dict
    restart_care:
      description:
        - What a restart would meet.
      type: dict
      contains:
        winrm_start_mode:
          description: The start mode of the service WinRM, V(Auto), V(Manual), V(Disabled) or V(Unknown).
          type: str
        sessions:
          description: The interactive log-on sessions, or null where they could not be read. Never their names.
          type: int
        cluster:
          description: Whether the failover cluster service runs.
          type: bool
        domain_controller:
          description: Whether the host is a domain controller.
          type: bool
        pending:
          description: What else awaits a restart without being a KMS update of this collection.
          type: list
          elements: str
    firewall:
      description:
        - The firewall with regard to the port. How it is changed, its service, whether it filters, its profiles as they
          are in effect, the rules for the port (networks they admit, whether this collection made them, conditions that
          narrow them), what Group Policy sets, and what else on the host can filter.
      type: dict
notices:
  description:
    - What of it somebody should know, in sentences. A count of clients below the threshold, for example.
  returned: success
  type: list
  elements: str
query_result:
  description: The result of O(query).
  returned: when O(query) is given
  type: raw
plan:
  description: Always empty; this module changes nothing.
  returned: success
  type: list
  elements: dict
reboot_required:
  description: Whether a KMS update awaits the restart of the host.
  returned: success
  type: bool
error:
  description: What went wrong, for programs, with name, advice and sometimes code.
  returned: failure
  type: dict
"""
