#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_settings
short_description: Port, self-publishing, priority and intervals of a KMS host
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Sets what a KMS host listens on, whether and where Windows publishes its SRV record, its priority, and the intervals
    it tells its clients. An option that is left out is not managed.
  - Before a host key is installed the settings are written to the registry. Afterwards they are set by the licensing
    service's own methods where the release has them (Windows 7 and Server 2008 R2 and later), and otherwise by the
    registry.
  - The licensing service is restarted once for all settings that change. What they were before this collection first
    changed them is noted on the host.
  - Turned on a host that serves, O(self_publishing=false) withdraws nothing from DNS. Publish its record first with
    M(activation.kms.srv_record), or use M(activation.kms.host) with C(publish), which minds the order.
  - A host without a licensing service is refused.
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.changing
  - activation.kms.options.settings
  - activation.kms.options.audit
  - activation.kms.windows
options:
  port:
    description:
      - The TCP port KMS listens on. The Windows Firewall and the records in DNS are not changed with it.
    type: int
"""

EXAMPLES = r"""
---
- name: Publish the host in two domains, and prefer it in the second
  activation.kms.host_settings:
    self_publishing: true
    self_publishing_domains:
      - corp.example
      - lab.example, 10, 50

- name: Let clients that are not activated ask every half hour
  activation.kms.host_settings:
    activation_interval: 30

- name: See what another port would take
  activation.kms.host_settings:
    port: 1689
  check_mode: true
  diff: true
"""

RETURN = r"""
---
plan:
  description:
    - The steps foreseen at the beginning of the run, in their order. In check mode, the steps a run would take.
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
      description: Whether it comes after a restart, so that it may turn out unnecessary.
      type: bool
  sample:
    - id: host_settings.apply
      summary: listen on TCP 1689; run KMS at low priority
      after_restart: false
observed:
  description:
    - What was seen at the end, by part.
  returned: success, and failure after the first look
  type: dict
  contains:
    system:
      description: The machine with release, edition, service pack, architecture, language, boot time and full name.
      type: dict
    updates:
      description: KMS version, installed KMS updates, and whether one awaits its restart.
      type: dict
    licensing:
      description: The licensing service with its keyed products, its settings as a KMS host, count and threshold.
      type: dict
      contains:
        port:
          description: The TCP port KMS listens on.
          type: int
          sample: 1688
        self_publishing:
          description: Whether Windows publishes the host's own SRV record.
          type: bool
        self_publishing_domains:
          description: The domains it is published in; empty for the host's own domain alone.
          type: list
          elements: str
        low_priority:
          description: Whether KMS runs at low priority.
          type: bool
        activation_interval:
          description: How often clients that are not activated ask, in minutes.
          type: int
          sample: 120
        renewal_interval:
          description: How often activated clients renew, in minutes.
          type: int
          sample: 10080
        current_count:
          description: The clients counted so far; V(null) where nobody has asked yet.
          type: int
        required_count:
          description: The threshold, the clients that must have asked before any is activated.
          type: int
    record:
      description: What this collection noted on the host.
      type: dict
reboot_required:
  description: Whether a KMS update awaits the restart of the host.
  returned: always
  type: bool
done:
  description: The steps carried out, like RV(plan).
  returned: when the run ended before everything was done
  type: list
  elements: dict
remaining:
  description: The steps still foreseen, like RV(plan).
  returned: when the run ended before everything was done
  type: list
  elements: dict
error:
  description: What went wrong, for programs.
  returned: failure
  type: dict
  contains:
    name:
      description: A stable name, or the symbol of a Windows code.
      type: str
      sample: SL_E_INVALID_PRODUCT_KEY
    advice:
      description: What to do.
      type: str
    code:
      description: The number that Windows or the DNS server gave, where there is one.
      type: str
      sample: "0xC004F050"
"""
