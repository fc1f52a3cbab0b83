#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_key
short_description: Install and activate the KMS host key, or remove it
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Installs the host key on a machine that has the licensing service, and activates it, online or offline, once.
  - Automatic activation by Windows is held off from before the key is installed until it is activated, so that no
    activation is spent twice.
  - A run that was interrupted during the activation is noted on the host; the next one waits before it asks again.
  - With O(state=absent) it removes the host key, and what C(slmgr.vbs) leaves behind for MOM and SCOM.
  - With O(replace=true) it takes the place of another host key. The count of clients then starts again at zero, no
    client is activated until the threshold is reached again, and clients keep what the old key gave them for up to 180
    days. Warnings and RV(replaced) say so, in check mode too.
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.changing
  - activation.kms.options.key_group
  - activation.kms.options.key
  - activation.kms.options.audit
  - activation.kms.windows
options:
  product_key:
    description:
      - The KMS host key (CSVLK) from the volume licensing portal. It is never shown; messages name its last five
        characters, as Windows does.
      - Required with O(state=present). With O(state=absent) only this key is removed; without it, whichever host key of
        Windows (or of the product O(activation_id)) is installed.
    type: str
  state:
    description:
      - V(present) installs and activates the key.
      - V(absent) removes the host key. The activations it has spent stay spent, the host's count of clients is gone,
        and no other setting is touched.
    type: str
    choices: [present, absent]
    default: present
  install_setup_key:
    description:
      - With O(state=absent), installs the public client setup key (GVLK) of the Windows edition afterwards, so that the
        machine becomes a KMS client again. From Windows Vista on the host key is also the key that Windows itself runs
        under.
    type: bool
    default: false
"""

EXAMPLES = r"""
---
- name: Install and activate the host key
  activation.kms.host_key:
    product_key: "{{ vault_kms_host_key }}"
    key_group: server_2008_r2_c

- name: Put a host key of a newer generation in the place of the old one
  activation.kms.host_key:
    product_key: "{{ vault_newer_kms_host_key }}"
    replace: true

- name: Install the host key and tell the installation ID
  activation.kms.host_key:
    product_key: "{{ vault_kms_host_key }}"
    activation: offline
  register: host_key

- name: Show what to give to Microsoft
  ansible.builtin.debug:
    msg: "{{ host_key.msg }}"
  when: host_key.awaiting_confirmation | default(false)

- name: Activate it with what Microsoft gave
  activation.kms.host_key:
    product_key: "{{ vault_kms_host_key }}"
    activation: offline
    confirmation_id: "{{ kms_confirmation_id }}"

- name: Remove the host key, and make the machine a KMS client again
  activation.kms.host_key:
    state: absent
    install_setup_key: true
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
    - id: host_update.kms_1_0
      summary: install Key Management Service 1.0 for Windows Server 2003
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
    record:
      description: What this collection noted on the host.
      type: dict
replaced:
  description:
    - The host key whose place the wished one took in this run, or in check mode would take.
  returned: when another host key was replaced
  type: dict
  contains:
    partial_product_key:
      description: The last five characters of the old key.
      type: str
    channel:
      description: The channel of the old key's product.
      type: str
      sample: VOLUME_KMS
    product_id:
      description: The activation ID of the old key's product.
      type: str
    count_before:
      description: How many clients the host had counted, V(0) where nobody had asked yet.
      type: int
      sample: 50
    count_after:
      description: How many it has counted since. It starts again at V(0).
      type: int
      sample: 0
    threshold:
      description: How many must ask before the host activates anybody; null where Windows does not say.
      type: int
      sample: 25
    clients_valid_days:
      description: For how many days at most clients keep the activation they got through the old key.
      type: int
      sample: 180
    former_product:
      description:
        - What became of the old key's product, V(keyed) where it still has its key, V(without_key), or V(gone). Null in
          check mode and where the host did not say.
      type: str
      sample: without_key
removed:
  description: The host keys that were removed in this run, or in check mode would be.
  returned: with O(state=absent)
  type: list
  elements: dict
  contains:
    partial_product_key:
      description: The last five characters of the key.
      type: str
    channel:
      description: The channel of its product.
      type: str
      sample: VOLUME_KMS
    product_id:
      description: The activation ID of its product.
      type: str
    count_before:
      description: How many clients the host had counted.
      type: int
awaiting_confirmation:
  description:
    - Whether the host key waits for the confirmation ID of an offline activation. Then the result's C(msg) says what to
      do.
  returned: when it does
  type: bool
installation_id:
  description:
    - The digits that Microsoft wants, 54 or 63 of them. Null in check mode where the key is not installed yet.
  returned: when a confirmation ID is awaited
  type: str
installation_id_grouped:
  description: The same in nine groups, for reading and copying.
  returned: when a confirmation ID is awaited
  type: str
offline_activation:
  description: Where the installation ID goes.
  returned: when a confirmation ID is awaited
  type: dict
  contains:
    partial_product_key:
      description: The last five characters of the host key.
      type: str
    activation_id:
      description: The activation ID of its product.
      type: str
    portal:
      description: Microsoft's portal.
      type: str
      sample: https://aka.ms/aoh
    telephone:
      description: The way by telephone.
      type: str
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
