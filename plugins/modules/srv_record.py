#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: srv_record
short_description: Publish KMS hosts in DNS, member by member
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Makes sure that hosts are, or are not, among the C(_vlmcs._tcp) SRV records by which KMS clients find their host.
  - A member is identified by its target host. Its port, priority and weight are its properties and are corrected when
    they differ. Members that nobody named are left alone, so any number of hosts can be published at the same time from
    any number of controllers.
  - With O(provider=dns), updates are sent by RFC 2136 over TCP, one message a zone for all members, which the server
    carries out as a whole or not at all.
  - The records are read from the same server first, signed with the same key. A wrong secret, an unknown key, a clock
    that is off, or a server that does not serve the zone is therefore found before anything is changed, also in check
    mode.
  - With O(provider=microsoft_wmi), each record is made, changed or deleted on a Microsoft DNS server by a call of its
    own, new ones first and deletions last. The zone is looked at again before the task is believed to be done.
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.changing
  - activation.kms.options.audit
  - activation.kms.options.dns
  - activation.kms.options.dns_wish
attributes:
  check_mode:
    details: Check mode sends questions only. It cannot find out whether the key has the right to change the records.
  platform:
    platforms: all
options:
  zone:
    description:
      - The DNS domain whose clients shall find the hosts, C(corp.example) for example. The record's name is
        C(_vlmcs._tcp) before it.
      - It is usually a zone of its own. Where it is not, the record goes to the zone of the server that holds the name.
      - Exactly one of O(zone) and O(zones) is needed.
    type: str
  zones:
    description:
      - Several domains of one server, all of which get the same members.
    type: list
    elements: str
  target:
    description:
      - The fully qualified name of one KMS host. Exactly one of O(target) and O(members) is needed.
    type: str
  members:
    description:
      - Several KMS hosts at once. What is left out of an element is taken from O(port), O(priority) and O(weight).
    type: list
    elements: dict
    suboptions:
      target:
        description: The fully qualified name of the KMS host.
        type: str
        required: true
      port:
        description: The TCP port it listens on.
        type: int
      priority:
        description: The priority of the record.
        type: int
      weight:
        description: The weight of the record.
        type: int
  port:
    description:
      - The TCP port the KMS host listens on.
    type: int
    default: 1688
  priority:
    description:
      - The priority of the record. Clients turn to the lowest first. Windows Vista and Server 2008 ignore it.
    type: int
    default: 0
  weight:
    description:
      - The weight of the record, the share of clients among members of one priority. Windows Vista and Server 2008
        ignore it.
    type: int
    default: 0
  ttl:
    description:
      - The time to live in seconds. DNS has one for all members of the name, so this changes the others' too. Microsoft
        DNS keeps one for each record, so with O(provider=microsoft_wmi) it is for the members named here only.
      - When left out, it stays as it is. A new member gets that of the others, or an hour where there is none yet.
    type: int
  state:
    description:
      - V(present) publishes the hosts. V(absent) removes every record of the hosts, whatever its port, priority and
        weight.
    type: str
    choices: [present, absent]
    default: present
  exclusive:
    description:
      - With O(state=present), removes all members that are not named here and were there when the records were read.
    type: bool
    default: false
  static:
    description:
      - With O(provider=microsoft_wmi), a member named here whose record has a time stamp, because the host published
        itself for example, gets a static one, which never ages. The record is changed in place. Where the server keeps
        the time stamp all the same, it is deleted and made anew, so the member is away for a moment.
      - Without it such a record counts as present, with a warning where the zone ages its records.
      - With O(state=absent) it means nothing.
    type: bool
    default: false
requirements:
  - dnspython >= 2.7.0 on the controller, with O(provider=dns)
  - gssapi on the controller, with O(auth=gss_tsig)
  - pywinrm >= 0.5.0 on the controller, or pypsrp >= 0.5.0 for the connection C(psrp), with O(provider=microsoft_wmi)
notes:
  - This is an action plugin. It runs on the controller (the execution node). With O(provider=dns) it opens no
    connection to the host the task is for, and ignores C(become). Use C(run_once) or a play on C(localhost) for what is
    needed once.
  - With O(provider=microsoft_wmi) the connection of that host, or of the one in C(delegate_to), must be C(winrm)
    with exactly one transport, or C(psrp), and must lead to the DNS server; C(become) is refused. The user must be an
    administrator there who may change the zone. In a secure zone, a name made here may belong to the administrators
    from then on, so that hosts cannot publish themselves at it until they are given rights on it.
  - Before Windows Server 2012 WinRM cannot delete a record, so C(dnscmd) does it. It comes with the DNS server, on
    Windows Server 2003 with the Support Tools.
  - That records made by WMI are static is what Microsoft's texts let expect. The task looks, and warns where the new
    record has a time stamp all the same.
  - On BIND, the smallest right that suffices is C(update-policy { grant KEY name _vlmcs._tcp.corp.example. SRV; };).
  - Microsoft DNS knows no TSIG keys. A zone there that allows secure updates is updated with O(auth=gss_tsig), one that
    allows nonsecure updates with O(auth=none).
  - In a secure zone the account that created the record owns it, and others may not change it; the account used here
    and a KMS host that published itself get into each other's way. The guide on the first KMS host tells what to do.
  - Where aging and scavenging are on in server and zone, Microsoft DNS removes dynamic records that nobody refreshes,
    by default after about two weeks. Say O(aging=yes) for such a zone. A KMS host that publishes itself refreshes its
    own record every day.
  - A KMS host that publishes itself adds its record again within a day. M(activation.kms.host) with
    O(activation.kms.host#module:publish) turns that off.
seealso:
  - module: activation.kms.srv_record_info
  - module: activation.kms.host
  - module: activation.kms.endpoint_info
  - name: Troubleshoot KMS DNS issues
    description: Microsoft's description of the records and of how clients use them.
    link: https://learn.microsoft.com/windows-server/get-started/common-troubleshooting-procedures-kms-dns
"""

EXAMPLES = r"""
---
- name: Publish the host this task is for
  activation.kms.srv_record:
    zone: corp.example
    server: ns1.corp.example
    target: "{{ inventory_hostname_short }}.corp.example"
    auth: tsig
    key_name: kms-rollout
    key_secret: "{{ vault_tsig }}"

- name: Two hosts and nobody else, the second as a reserve
  activation.kms.srv_record:
    zone: corp.example
    server: ns1.corp.example
    members:
      - target: kms1.corp.example
      - target: kms2.corp.example
        priority: 10
    exclusive: true
    auth: tsig
    key_name: kms-rollout
    key_secret: "{{ vault_tsig }}"
  run_once: true

- name: Publish in a secure zone of Active Directory
  activation.kms.srv_record:
    zone: corp.example
    server: dc1.corp.example
    target: kms1.corp.example
    auth: gss_tsig
    principal: kmsadmin@CORP.EXAMPLE
    password: "{{ vault_kmsadmin }}"

- name: Publish in a zone that ages its records, by a play that runs every day
  activation.kms.srv_record:
    zone: corp.example
    server: dc1.corp.example
    target: kms1.corp.example
    auth: gss_tsig
    aging: "yes"
    refresh: true

- name: Publish in two zones of a Microsoft DNS server that take no dynamic updates
  activation.kms.srv_record:
    provider: microsoft_wmi
    zones: [corp.example, branch.example]
    target: "{{ inventory_hostname_short }}.corp.example"
  delegate_to: dc1

- name: Make the record that a host made itself one that never ages
  activation.kms.srv_record:
    provider: microsoft_wmi
    zone: corp.example
    target: kms1.corp.example
    static: true
  delegate_to: dc1

- name: Withdraw a host before it is switched off, an hour at the least
  activation.kms.srv_record:
    zone: corp.example
    server: ns1.corp.example
    target: kms1.corp.example
    state: absent
    auth: tsig
    key_name: kms-rollout
    key_secret: "{{ vault_tsig }}"
"""

RETURN = r"""
---
plan:
  description:
    - The steps foreseen at the beginning of the run. In check mode these are the steps a run would take.
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
  sample:
    - id: srv_record.publish
      summary: publish kms1.corp.example in zone corp.example on ns1.corp.example
      after_restart: false
zones:
  description:
    - What is there at the end, one element a zone in the order of O(zones), members of others included. In check mode
      what a run would leave.
    - With O(zone), the keys of the one element stand beside it too, RV(members) for example.
  returned: success, and failure after the first look
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
      description: The zone's serial number when it was last read. Not read with O(provider=microsoft_wmi).
      type: int
      sample: 2026112201
    verified:
      description:
        - Whether the signature of every answer was right. Always true with O(auth=none) and with
          O(provider=microsoft_wmi).
      type: bool
    members:
      description: All members.
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
    dynamic_updates:
      description:
        - With O(provider=microsoft_wmi), which dynamic updates the zone takes, V(none), V(nonsecure_and_secure) or
          V(secure).
      type: str
      sample: none
    aging:
      description: With O(provider=microsoft_wmi), how records age.
      type: dict
      contains:
        enabled:
          description: Whether the zone's records with a time stamp age.
          type: bool
        no_refresh_hours:
          description: How long a time stamp is not renewed.
          type: int
        refresh_hours:
          description: How long after that it can be renewed before the record may be removed.
          type: int
        server_scavenging_hours:
          description: How often this server removes what has aged; 0 for never. Another one with the zone may do it.
          type: int
zone:
  description: As in RV(zones).
  returned: with O(zone), as RV(zones)
  type: str
owner:
  description: As in RV(zones).
  returned: with O(zone), as RV(zones)
  type: str
dns_zone:
  description: As in RV(zones).
  returned: with O(zone), as RV(zones)
  type: str
provider:
  description: As in RV(zones).
  returned: with O(zone), as RV(zones)
  type: str
server:
  description: As in RV(zones).
  returned: with O(zone), as RV(zones)
  type: str
serial:
  description: As in RV(zones).
  returned: with O(zone), as RV(zones)
  type: int
verified:
  description: As in RV(zones).
  returned: with O(zone), as RV(zones)
  type: bool
members:
  description: As in RV(zones).
  returned: with O(zone), as RV(zones)
  type: list
  elements: dict
dynamic_updates:
  description: As in RV(zones).
  returned: with O(zone) and O(provider=microsoft_wmi), as RV(zones)
  type: str
aging:
  description: As in RV(zones).
  returned: with O(zone) and O(provider=microsoft_wmi), as RV(zones)
  type: dict
observed:
  description: What was seen at the end, by part.
  returned: success, and failure after the first look
  type: dict
  contains:
    zones:
      description: The zones with the members as last read, also in check mode.
      type: list
      elements: dict
reboot_required:
  description: Always false here.
  returned: success, and failure after the first look
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
      description: A stable name.
      type: str
      sample: key_secret_wrong
    advice:
      description: What to do.
      type: str
    code:
      description: The result code of DNS or the error of TSIG, where there is one.
      type: str
      sample: BADSIG
"""
