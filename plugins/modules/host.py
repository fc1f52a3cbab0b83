#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host
short_description: Set up and keep a whole KMS host, or retire it
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Makes a Windows machine a Microsoft KMS host (Key Management Service, volume activation) and keeps it so.
  - Installs the KMS updates it needs, restarts it if allowed, sets what it listens on and how it publishes itself,
    installs and activates the host key, opens the port in the Windows Firewall, looks whether the KMS interface
    answers, and publishes C(_vlmcs._tcp) SRV records, in this order. A host that already serves is published before its
    self-publishing ends.
  - With O(state=absent) it retires the host, in the order that no client notices. Self-publishing ends, its SRV records
    go, it goes on answering as long as anybody may remember them, and only then its host key is removed, the port
    closed and what this collection had changed given back.
  - An option that is left out is not managed. The host runs Windows Server 2003 to 2025, or Windows Vista to 11.
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.changing
  - activation.kms.options.serve
  - activation.kms.options.updates
  - activation.kms.options.reboot
  - activation.kms.options.key_group
  - activation.kms.options.key
  - activation.kms.options.settings
  - activation.kms.options.audit
  - activation.kms.windows
requirements:
  - dnspython >= 2.7.0 on the controller, with O(publish) or O(self_publishing=true)
options:
  state:
    description:
      - V(present) sets the host up and keeps it.
      - V(absent) retires it. O(publish) says out of which zones its members go, under its own full name and under
        O(publish.target), whatever their port. O(product_key), O(activation_id) and O(install_setup_key) mean what
        they mean for M(activation.kms.host_key) with C(state=absent). With O(firewall) V(open) or V(closed) the port is
        closed, as far as this collection opened it.
      - Port, self-publishing, priority and intervals become what they were before this collection first changed them,
        with one restart of the licensing service. What it never changed is left as it is. Self-publishing, which ends
        first, is given back last; Windows publishes nothing without a host key. Then nothing of this collection is left
        on the host.
      - The options of a rollout that mean nothing for it (O(serve), O(packages), O(activation) and so on) are not
        looked at, so that the same variables serve both.
      - KMS updates stay installed, activations stay spent, and another host key stays where it is, with a warning and
        with self-publishing off.
    type: str
    choices: [present, absent]
    default: present
  drain:
    description:
      - With O(state=absent), how long the host goes on answering after its records are out of DNS. The word V(ttl)
        means the largest TTL that was seen at its records, for so long clients and resolvers may remember them.
        Otherwise a number of seconds, V(0) for not at all.
      - When the records went is noted on the host before they go, by its own clock. So a run that was interrupted is
        taken up by the next one, from whichever controller. A host without a host key needs no drain.
      - Of records that somebody else took out (by M(activation.kms.srv_record) for example) nobody here knows when they
        went. V(ttl) does not wait for them then, and a number of seconds counts from the first run that finds them
        gone, or that has no O(publish).
      - Other DNS servers of the zone learn of it by replication. Where that takes long, say a number of seconds that
        has room for it.
    type: str
    default: ttl
  drain_wait:
    description:
      - Whether the run waits for that. Otherwise it ends well with RV(draining_until), and a later run goes on.
        Ansible's C(timeout) of the task must be longer than the wait.
    type: bool
    default: true
  install_setup_key:
    description:
      - With O(state=absent), installs the public client setup key (GVLK) of the Windows edition once the host key is
        gone, so that the machine becomes a KMS client again.
    type: bool
    default: false
  reboot:
    description:
      - Whether the host may be restarted where an update needs it. Otherwise the run ends well before that, with
        RV(reboot_required=true), and a later run goes on.
    type: bool
    default: false
  product_key:
    description:
      - The KMS host key (CSVLK) from the volume licensing portal. It is never shown; messages name its last five
        characters, as Windows does.
    type: str
  port:
    description:
      - The TCP port KMS listens on. Left out, the setting is not managed and V(1688) is opened and published.
    type: int
  self_publishing:
    description:
      - Whether Windows publishes the host's own SRV record. O(publish) implies V(false).
      - With V(true) publication is left to the host. It publishes when its licensing service starts and every 24 hours
        thereafter, so that its record does not fade where the zone ages its records.
    type: bool
  verify_self_publishing:
    description:
      - Whether DNS is asked if the host's own record appeared in its own domain and in each of
        O(self_publishing_domains), and what happens when it did not. It is asked once the host key is activated, with
        O(self_publishing=true) or O(self_publishing_domains), and never in check mode.
      - Where the record is missing, events 12293 and 12294 of the host's Application log are read, and the reason they
        give is told, such as a secure zone in which another account owns the record.
      - A record of the host with another port is told too, and one with another priority or weight than
        O(self_publishing_domains) says.
    type: str
    choices: [warn, fail, skip]
    default: warn
  resolver:
    description:
      - Whom O(verify_self_publishing) asks. Best is a DNS server that holds the domains. A resolver remembers for a
        while that there was no record.
    type: dict
    suboptions:
      server:
        description:
          - The DNS servers to ask, by name or address, tried in this order. Without them, the resolver of the
            controller (the execution node) is asked.
        type: list
        elements: str
        default: []
      server_port:
        description: The port of O(resolver.server), for UDP and TCP.
        type: int
        default: 53
      timeout:
        description: How long, in seconds, one question may take, all servers and repetitions included.
        type: float
        default: 5
  firewall:
    description:
      - Whether the Windows Firewall admits the port, as M(activation.kms.host_firewall) does it. A firewall that is off
        is left off, with a warning; rules that somebody else made are never changed. After a change of O(port) the
        former one stays open until M(activation.kms.host_firewall) closes it.
    type: str
    choices: [open, closed, unmanaged]
    default: unmanaged
  firewall_remote_addresses:
    description:
      - For whom the port is opened, as networks, addresses, V(local_subnet), or the word V(any). Needed with
        O(firewall=open).
    type: list
    elements: str
  verify_endpoint:
    description:
      - Whether the controller asks the port with an RPC bind, and what happens when the KMS interface does not answer.
        V(fail) also holds back the publication.
    type: str
    choices: [warn, fail, skip]
    default: warn
  publish:
    description:
      - The zones in which the host's SRV record is published, member by member; the records of other hosts are not
        touched. Sent from the controller by RFC 2136.
    type: list
    elements: dict
    suboptions:
      zone:
        description: The DNS domain whose clients shall find the host.
        type: str
        required: true
      server:
        description: The zone's primary DNS server, by name or address; with V(gss_tsig) by its full name.
        type: str
        required: true
      server_port:
        description: Its TCP port.
        type: int
        default: 53
      server_address:
        description: Its address, where the name does not lead there as seen from the controller.
        type: str
      target:
        description: The name under which clients reach the host; its own full name by default.
        type: str
      priority:
        description: The priority of the record.
        type: int
        default: 0
      weight:
        description: The weight of the record.
        type: int
        default: 0
      ttl:
        description: The time to live in seconds; by default that of the records that are there, or an hour.
        type: int
      aging:
        description:
          - Whether the zone removes records that nobody refreshes (aging and scavenging on Microsoft DNS). With V(yes),
            O(publish[].refresh=true) is needed; otherwise leave publication to the host, or use
            M(activation.kms.srv_record) with its provider C(microsoft_wmi).
        type: str
        choices: ["unknown", "no", "yes"]
        default: unknown
      refresh:
        description:
          - Sends the record once more in every run, which renews its time stamp where records age, and is no change.
            How often that must happen is told in M(activation.kms.srv_record).
          - A host that publishes itself goes on doing so until the record was refreshed, since otherwise nobody would
            keep it in the zone.
        type: bool
        default: false
      auth:
        description:
          - How updates are authenticated. V(gss_tsig) is Kerberos, for secure zones of Active Directory; see
            M(activation.kms.srv_record).
        type: str
        choices: [none, tsig, gss_tsig]
        default: none
      key_name:
        description: The name of the TSIG key.
        type: str
      key_secret:
        description: The secret of the TSIG key, in base64.
        type: str
      key_algorithm:
        description: The algorithm of the TSIG key.
        type: str
        choices: [hmac-sha256, hmac-sha384, hmac-sha512, hmac-sha1, hmac-md5]
        default: hmac-sha256
      principal:
        description: The Kerberos principal; without it, whoever has the ticket at hand.
        type: str
      password:
        description: Its password.
        type: str
      keytab:
        description: A file on the controller with its keys.
        type: path
      verify_reply:
        description:
          - What a reply is worth whose signature is missing or wrong; see M(activation.kms.srv_record). V(readback) is
            the default with V(gss_tsig), V(strict) otherwise.
        type: str
        choices: [strict, readback]
  publish_later:
    description:
      - Everything as with O(publish), but no DNS server is asked and nothing is published. RV(to_publish) says what is
        to be published, for M(activation.kms.srv_record_together) after this task, which needs one update message a
        zone for many hosts.
      - A host that serves and publishes itself goes on doing so, since nobody knows yet whether another record is
        there. RV(publishes_itself) says so, and M(activation.kms.host_settings) ends it afterwards.
    type: bool
    default: false
"""

EXAMPLES = r"""
---
- name: A bare Server 2003 becomes a verified KMS 1.2 host
  activation.kms.host:
    serve: [windows_7, server_2008_r2]
    packages: kms-packages
    reboot: true
    product_key: "{{ vault_kms_host_key }}"
    key_group: server_2008_r2_c
    firewall: open
    firewall_remote_addresses: [10.0.0.0/8]
    publish:
      - zone: corp.example
        server: ns1.corp.example
        auth: tsig
        key_name: kms-rollout
        key_secret: "{{ vault_tsig }}"

- name: Leave publication to the host itself, in two domains, and insist that it succeeds
  activation.kms.host:
    product_key: "{{ vault_kms_host_key }}"
    self_publishing: true
    self_publishing_domains: [corp.example, branch.example]
    verify_self_publishing: fail
    resolver:
      server: [dc1.corp.example]

- name: Retire a host, and go home while clients still remember it
  activation.kms.host:
    state: absent
    drain_wait: false
    firewall: closed
    install_setup_key: true
    publish:
      - zone: corp.example
        server: ns1.corp.example
        auth: tsig
        key_name: kms-rollout
        key_secret: "{{ vault_tsig }}"

- name: Only see what it would take
  activation.kms.host:
    serve: [windows_7]
    packages: kms-packages
    product_key: "{{ vault_kms_host_key }}"
  check_mode: true
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
    restart_care:
      description:
        - What a restart would meet, or has met. Read only where a restart is pending, foreseen or asked for.
      type: dict
      returned: when a restart is near
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
    packages:
      description: The packages examined on the controller.
      type: dict
    firewall:
      description: The firewall with regard to the port.
      type: dict
    endpoint:
      description: What the port answered to the controller.
      type: dict
    self_publication:
      description: What DNS showed of the host's own publishing. Read with O(self_publishing=true) only.
      type: dict
      returned: when it was looked for
      contains:
        target:
          description: The full name of the host.
          type: str
        enabled:
          description: Whether the host is set to publish itself.
          type: bool
        domains:
          description: The domains it publishes itself in.
          type: list
          elements: dict
          contains:
            domain:
              description: The DNS domain.
              type: str
            state:
              description:
                - V(published), V(missing), V(differs) with other numbers than the settings say, V(stale) where another
                  record of the host stands beside the right one, or V(unknown) where DNS did not tell.
              type: str
            records:
              description: The host's own records, with C(port), C(priority), C(weight) and C(ttl).
              type: list
              elements: dict
            others:
              description: How many other hosts are published there.
              type: int
            asked:
              description: Who was asked.
              type: str
            event:
              description:
                - The host's last attempt as its event log tells it, with C(code) (12293 failed, 12294 done), C(time)
                  and C(hresult). Null where none was found, or none was looked for.
              type: dict
    zones:
      description: The zones with the members seen in them.
      type: list
      elements: dict
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
  returned: with O(state=absent), success and failure after the first look
  type: list
  elements: dict
  contains:
    partial_product_key:
      description: The last five characters of the key.
      type: str
    channel:
      description: The channel of its product.
      type: str
    product_id:
      description: The activation ID of its product.
      type: str
    count_before:
      description: How many clients it had counted.
      type: int
draining_until:
  description:
    - Until when clients and resolvers may remember the host, by the host's own clock, ISO 8601 in UTC. In check mode as
      if its records went now. Run the task again after that.
  returned: when the host is out of DNS and the run does not wait
  type: str
  sample: "2026-11-26T05:00:00Z"
to_publish:
  description:
    - What is to be published, once the host serves and nothing failed or is awaited; otherwise empty.
  returned: with O(publish_later=true) and O(publish), success and failure after the first look
  type: list
  elements: dict
  contains:
    zone:
      description: The DNS domain.
      type: str
    server:
      description: Its primary DNS server, as O(publish) names it.
      type: str
    server_port:
      description: Its TCP port.
      type: int
    target:
      description: The host's name in the record.
      type: str
    port:
      description: The port in the record.
      type: int
    priority:
      description: The priority of the record.
      type: int
    weight:
      description: The weight of the record.
      type: int
publishes_itself:
  description: Whether a host that is to be published still publishes itself.
  returned: with O(publish_later=true) and O(publish), success and failure after the first look
  type: bool
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
pauses:
  description:
    - Why the run ended before everything was done, where nothing is wrong. A restart that is not allowed, for example.
  returned: when the run ended before everything was done, without a failure
  type: list
  elements: str
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
