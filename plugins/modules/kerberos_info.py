#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: kerberos_info
short_description: See what keeps a host's connection from logging in by Kerberos
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Looks on the controller, which in AWX is the container of the execution environment, at what the host's connection
    needs for Kerberos, and names the exact mistake. There are no options, since everything is said in those of the
    connection, C(ansible_host), C(ansible_user) and C(ansible_winrm_transport) for instance.
  - The Python library and C(kinit), C(krb5.conf), the kind of the ticket cache, the name of the host (an address, an
    alias or a short name has no service principal), the kinds of encryption (Windows Server 2003 needs RC4), the
    realm, the account, its password and the clock of the KDC are looked at. For most of that a ticket for the host is
    asked of the KDC, with the password that the connection has, or with the ticket at hand. It is thrown away.
  - The host itself is not spoken to, so that what it makes of a ticket stays open.
  - What is wrong is a result, not a failure. Where the connection does not use Kerberos nothing is looked at.
requirements:
  - gssapi (Python library), for whatever needs the KDC
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.reading
attributes:
  platform:
    platforms: all
options: {}
notes:
  - This is an action plugin. It runs on the controller (the execution node) and ignores C(become).
  - MIT's Kerberos is assumed; Heimdal has other numbers for its errors and other settings.
  - The connection P(ansible.builtin.psrp#connection) uses Kerberos for certain only with C(ansible_psrp_auth=kerberos);
    with V(negotiate) it may take NTLM, and nothing is looked at.
  - C(kinit) with arguments of its own (C(ansible_winrm_kinit_args)) and without a password is not tried.
seealso:
  - module: activation.kms.host_info
  - module: activation.kms.endpoint_info
"""

EXAMPLES = r"""
---
- name: See how Kerberos stands
  activation.kms.kerberos_info:
  register: kerberos

- name: Insist on it
  ansible.builtin.assert:
    that: kerberos.troubles | length == 0
    fail_msg: "{{ kerberos.troubles | map(attribute='msg') | join(' ') }}"
"""

RETURN = r"""
---
used:
  description: Whether the host's connection logs in by Kerberos.
  returned: success
  type: bool
troubles:
  description: What is wrong, the cause before its effects. Empty when a ticket for the host could be had.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description:
        - What it is, for programs.
        - One of V(kerberos_library), V(kerberos_kinit), V(kerberos_no_user), V(kerberos_config_not_passed),
          V(kerberos_no_config), V(kerberos_config_unreadable), V(kerberos_cache_out_of_reach),
          V(kerberos_address), V(kerberos_alias), V(kerberos_short_name), V(kerberos_reverse_name),
          V(kerberos_service_unknown), V(kerberos_no_rc4), V(kerberos_enctype), V(kerberos_realm_unknown),
          V(kerberos_no_kdc), V(kerberos_principal_unknown), V(kerberos_password_wrong),
          V(kerberos_password_expired), V(kerberos_revoked), V(kerberos_no_ticket),
          V(kerberos_ticket_expired), V(clock_skew), V(kerberos_failed).
      type: str
    msg:
      description: What it is and what to do, for a person.
      type: str
    advice:
      description: What to do.
      type: str
  sample:
    - name: kerberos_address
      msg: >-
        Kerberos knows hosts by name, and 192.0.2.10 is an address. Use the host's full name, as the domain has it, in
        ansible_host, or give it in ansible_winrm_kerberos_hostname_override.
      advice: >-
        Use the host's full name, as the domain has it, in ansible_host, or give it in
        ansible_winrm_kerberos_hostname_override.
observed:
  description: What was seen, by part.
  returned: success
  type: dict
  contains:
    kerberos:
      description:
        - C(used), and where it is, C(principal), C(service), C(config) (where krb5.conf is looked for),
          C(config_found), C(ticket_cache) and C(tried), which is false where nobody could ask the KDC.
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
