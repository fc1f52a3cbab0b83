#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_firewall
short_description: Open or close the KMS port in the Windows Firewall
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Opens one TCP port inbound for the networks named, in every profile of the Windows Firewall that is on. Of every
    Windows from Windows Server 2003 on, in every language.
  - A firewall that is off, or whose service does not run, is left as it is, with a warning that it filters nothing.
  - Rules that somebody else made are never changed. What admits the networks named already is enough, also where it
    admits more. Otherwise a rule of this collection is made beside it. Windows Server 2003 has one entry a port, so
    there a foreign entry that is not enough is refused before anything is changed.
  - A rule that this collection made is for the networks named and no others, so networks that are no longer named
    lose the way. On the way there, and after a run that was interrupted, no rule is open for anybody who was not named
    in this run or before.
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.changing
  - activation.kms.options.audit
  - activation.kms.windows
options:
  port:
    description:
      - The TCP port. Each port is opened and closed for itself, so after a change of the port close the former one.
    type: int
    default: 1688
  state:
    description:
      - V(closed) removes the rule that this collection made for the port, gives Windows' own rules back what they were
        before this collection changed them, and touches nothing else. What stays open by other rules is named in a
        warning. So is a firewall service that does not run, since nothing can be closed then.
      - Where the record of this collection on the host is lost, Windows' own rules count as somebody else's and stay as
        they are. A record that is there and cannot be read is refused.
    type: str
    choices: [open, closed]
    default: open
  remote_addresses:
    description:
      - For whom the port is opened, as networks, addresses, V(local_subnet), or the word V(any). Needed with
        O(state=open). Networks that together are everybody are refused, for that the word has to be written. So are
        addresses with a zone. The Windows Firewall of Windows Server 2003 knows IPv4 networks only.
    type: list
    elements: str
notes:
  - Windows Server 2003 is changed by C(netsh firewall), Windows Vista to Windows Server 2008 R2 by
    C(netsh advfirewall), both over a remote shell. From Windows 8 and Windows Server 2012 on the class
    C(MSFT_NetFirewallRule) is used, which needs none. All are read from the registry, whose words no language changes.
  - From Windows 8 and Windows Server 2012 on, Windows' own rules for KMS (C(SPPSVC-In-TCP),
    C(SPPSVC-In-TCP-NoScope)) are used for port 1688 where they are still off and together admit clients in every
    profile that is on. They are enabled for the networks named and nobody else. What they were is noted on the host
    first. Where they do not suffice, and for any other port, a rule C(activation.kms-In-TCP-<port>) is made for all
    profiles. It is created disabled and enabled last.
  - On Windows Vista to Windows Server 2008 R2 every rule that names the port is looked at. Rules for ranges of ports or
    for every port are not.
  - A rule that blocks the port wins over every rule that admits, so a warning names it. From Windows 8 and Windows
    Server 2012 on rules of somebody else are looked for before the port is opened only, and by
    M(activation.kms.host_info), where the host has a remote shell to do it with. What they admit does not count.
  - Group Policy is reported and never edited. A rule of the policy that admits the networks named is enough. Where the
    policy takes the effect from the host's own rules, or allows no exceptions, a warning says so.
  - Before the port is opened the module also looks for TCP/IP filtering, an assigned IPsec policy, and Routing and
    Remote Access, and warns of them.
seealso:
  - module: activation.kms.host
  - module: activation.kms.host_info
"""

EXAMPLES = r"""
---
- name: Let the company's clients in
  activation.kms.host_firewall:
    remote_addresses: [10.0.0.0/8, 192.168.0.0/16]

- name: Let the local subnet and an IPv6 network in, on another port
  activation.kms.host_firewall:
    port: 1700
    remote_addresses: [local_subnet, 2001:db8:12::/48]

- name: Let everybody in, which has to be said
  activation.kms.host_firewall:
    remote_addresses: [any]

- name: After the KMS host has moved from port 1688 to 1700, open the new port and close the former one
  activation.kms.host_firewall:
    port: "{{ item.port }}"
    state: "{{ item.state }}"
    remote_addresses: [10.0.0.0/8]
  loop:
    - {port: 1700, state: open}
    - {port: 1688, state: closed}

- name: See what would be opened, and what else may keep clients out
  activation.kms.host_firewall:
    remote_addresses: [10.0.0.0/8]
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
    - id: host_firewall.open
      summary: open TCP 1688 for 10.0.0.0/8
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
    record:
      description: What this collection noted on the host. What Windows' own rules were stands in C(former_firewall).
      type: dict
    firewall:
      description:
        - The firewall with regard to the port. What was read to answer the question, no more, so that a list may be
          shorter than that of M(activation.kms.host_info).
      type: dict
      contains:
        backend:
          description: How it is changed. V(netsh firewall), V(netsh advfirewall) or V(MSFT_NetFirewallRule).
          type: str
        port:
          description: The port.
          type: int
        service:
          description: The service that filters, as C(name), and whether it is C(running).
          type: dict
        filtering:
          description: Whether the service runs and a profile is on.
          type: bool
        profiles:
          description:
            - The profiles as they are in effect, Group Policy included, each with its name, whether it is enabled, and
              whether it allows exceptions (null where that was not asked).
          type: list
          elements: dict
        rules:
          description: The inbound rules for the port.
          type: list
          elements: dict
          contains:
            id:
              description: The rule's id, the same in every language. On Windows Server 2003 port and protocol.
              type: str
            name:
              description: What it is called; of Windows' own rules a reference to a text.
              type: str
            enabled:
              description: Whether it is on.
              type: bool
            action:
              description: V(allow), V(block) or V(bypass).
              type: str
            profiles:
              description: The profiles it is for.
              type: list
              elements: str
            scope:
              description: Whom it is about. Networks, V(local_subnet), V(any), or a word of Windows' own.
              type: list
              elements: str
            only_this_port:
              description: Whether it is for this port and no other.
              type: bool
            narrowed_by:
              description: Conditions in it that may keep clients out, for example another program.
              type: list
              elements: str
            ours:
              description: Whether this collection made it.
              type: bool
        group_policy:
          description:
            - What Group Policy says of the firewall. Profiles it turns on or off (C(enabled)), profiles without
              exceptions (C(no_exceptions)), profiles in which the host's own rules have no effect
              (C(ignores_local_rules)), and its own C(rules) for the port (null where nobody looked). Null where there
              is no policy.
          type: dict
        other_filters:
          description: What else on the host can filter, as sentences. Null where that was not asked.
          type: list
          elements: str
reboot_required:
  description: Always V(false), since the firewall needs no restart.
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
