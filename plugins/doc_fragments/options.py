# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of options that a small module and activation.kms.host share."""

from __future__ import annotations


class ModuleDocFragment:
    """One attribute a group of options."""

    UPDATES = r"""
options:
  packages:
    description:
      - The folder on the controller that holds Microsoft's update packages, under the names Microsoft gave them.
        It is looked for like the C(files) folder of roles and plays.
      - The collection ships none of them. On Server 2003 they are C(Kmsw2k3.exe) (KMS 1.0), the package of KB948003
        (KMS 1.1) and the package of KB968915 (KMS 1.2), in the language of the host. From Windows Vista to Windows
        Server 2012 R2 they are C(.msu) packages, which are unpacked on the host and given to C(dism) or C(pkgmgr).
      - The cumulative updates of Windows 10, Windows Server 2016 and later are never installed by this collection. It
        says which build is missing.
    type: str
  package_files:
    description:
      - Packages with other names or in other places, as a dictionary from update id (V(kms_1_0), V(kms_1_1),
        V(kms_1_2), or V(kb3079821) and the like) to the path on the controller.
    type: dict
    default: {}
  package_checksums:
    description:
      - The SHA-256 each package must have, as a dictionary from update id to C(sha256:) and 64 hexadecimal digits.
      - A package that is not pinned is used, with a warning that shows the digest to pin.
    type: dict
    default: {}
  install_args:
    description:
      - The silent switches of a package, as a dictionary from update id to a string.
      - Needed only where the installer is not recognised. The switches must neither ask anything nor restart the host.
      - Recognised are self-extracting packages around Microsoft's C(Update.exe); they are run with
        C(/quiet /norestart /log:...). C(.msu) packages take no switches.
    type: dict
    default: {}
  install_timeout:
    description:
      - How long, in seconds, one installer may take before it is ended.
    type: int
    default: 1800
  accepted_updates:
    description:
      - Numbers of later rollups, C(KB5012345) for instance. One of them registered on the host counts as the rollups
        that Microsoft names with "or later" for its release.
      - A later monthly rollup of Windows 8.1, Windows Server 2012 or 2012 R2 has another number than the one Microsoft
        names, so that without this option it cannot be told whether the host has what it brings.
    type: list
    elements: str
    default: []
  catalogue_overrides:
    description:
      - Corrections of the collection's catalogue of updates, as a dictionary from update id to fields.
      - For example a C(min_service_pack) of V(1) for V(kms_1_2), where you know that your package of KMS 1.2 takes
        Service Pack 1. Microsoft's texts disagree about it.
    type: dict
    default: {}
"""

    SERVE = r"""
options:
  serve:
    description:
      - The clients that the host shall activate. The catalogue picks the updates that takes, and refuses what no update
        of this release can serve. Of several ways it takes the one whose packages are at hand, then the shortest.
      - With O(key_group), the updates that the host needs to take a key of that group are installed too.
    type: list
    elements: str
    choices:
      - server_2008
      - server_2008_r2
      - server_2012
      - server_2012_r2
      - server_2016
      - server_2019
      - server_2022
      - server_2025
      - server_sac
      - windows_10
      - windows_11
      - windows_11_ltsc_2024
      - windows_7
      - windows_8
      - windows_8_1
      - windows_vista
"""

    REBOOT = r"""
options:
  reboot_timeout:
    description:
      - How long, in seconds, a restart may take until the host is ready again.
    type: int
    default: 600
  reboot_delay:
    description:
      - How many seconds the host waits before it restarts. Uses C(shutdown.exe) instead of WMI.
    type: int
  reboot_reason:
    description:
      - A text for the users who are logged on and for the host's event log. Uses C(shutdown.exe) instead of WMI.
    type: str
"""

    KEY_GROUP = r"""
options:
  key_group:
    description:
      - The group of the host key, as the volume licensing portal names it. It lets planning judge whether the key can
        be installed on this release and activates what shall be served, before anything is changed.
      - A key does not tell its group; without this option the licensing service judges, once it is installed.
    type: str
    choices:
      - windows_vista
      - server_2008_a
      - server_2008_b
      - server_2008_c
      - windows_7
      - server_2008_r2_a
      - server_2008_r2_b
      - server_2008_r2_c
      - server_2012
      - server_2012_r2
      - server_2012_r2_windows_10
      - windows_10
      - server_2016
      - server_2019
      - server_2022
      - server_2025
"""

    KEY = r"""
options:
  activation:
    description:
      - V(online) asks Microsoft to activate the key, once, if it is not activated on this host yet. Choosing it is the
        consent that C(slmgr.vbs /ato) asks for on Server 2003; the key and data about the machine go to Microsoft, see
        the guide on host keys.
      - V(offline) needs no way from the host to Microsoft. A first run installs the key, tells the installation ID and
        ends well, with RV(awaiting_confirmation=true). A person takes the installation ID to Microsoft's portal
        U(https://aka.ms/aoh) or telephone, and a later run is given O(confirmation_id). V(phone) means the same.
      - V(unmanaged) installs the key and leaves its activation to you or to Windows.
    type: str
    choices: [online, offline, phone, unmanaged]
    default: online
  confirmation_id:
    description:
      - The 48 digits that Microsoft gave for the installation ID, with blanks or dashes between them or without. Put
        them in quotes, or YAML may take them for a number.
      - It is used for the installation ID that was told before, and refused where that has become another one since,
        because the hardware has changed for example. Where none has been told for this key yet, the run tells one and
        does not use it. So it does no harm to leave it in place.
    type: str
  activation_id:
    description:
      - The activation ID of the product the key is for, where that is not the KMS host of Windows. A KMS host of Office
        is another product with a key of its own.
      - M(activation.kms.host_info) shows the ID of each product that has a key.
    type: str
  replace:
    description:
      - Lets the key take the place of another host key. The host's client count falls to zero, which cannot be undone;
        clients keep their activation for up to 180 days, and none is activated until the threshold is reached again.
    type: bool
    default: false
  reactivate:
    description:
      - Lets a key be activated again after the hardware has changed, for example when a virtual machine was moved. It
        spends one of the key's ten activations on this host.
      - Also lets a key be activated online although its offline activation was begun. Microsoft counts that one too as
        soon as it gives the confirmation ID.
    type: bool
    default: false
  max_activations:
    description:
      - How many activations one run may spend on this host, V(0) or V(1).
    type: int
    default: 1
  activation_timeout:
    description:
      - How long, in seconds, an activation may take until it shows; also how long an activation that an interrupted run
        asked for is waited for before it is asked for again.
    type: int
    default: 300
"""

    SETTINGS = r"""
options:
  self_publishing:
    description:
      - Whether Windows publishes the host's own SRV record.
    type: bool
  self_publishing_domains:
    description:
      - The DNS domains in which Windows publishes the host's own SRV record, as C(domain) or
        C(domain, priority, weight). The host's own domain is always among them, whether it is named or not; named with
        a priority and a weight it gets those.
      - An empty list leaves the host's own domain alone.
      - It says where the host publishes itself, so a list with domains beside O(self_publishing=false) is refused.
    type: list
    elements: str
  low_priority:
    description:
      - Whether KMS runs at low priority, beside what else the machine does.
    type: bool
  activation_interval:
    description:
      - How often, in minutes, clients that are not activated ask the host, from V(15) to V(43200). Windows' own value
        is 120.
    type: int
  renewal_interval:
    description:
      - How often, in minutes, activated clients renew their activation, from V(15) to V(43200). Windows' own value is
        10080, a week.
    type: int
"""

    DNS = r"""
options:
  provider:
    description:
      - How the records are read and changed. V(dns) speaks DNS from the controller to O(server).
      - V(microsoft_wmi) works on a Microsoft DNS server itself, from Windows Server 2003 on, through the C(winrm)
        connection of the host the task is for, usually named with C(delegate_to). It is for zones that take no dynamic
        updates, and for records that shall not age. What says how to speak DNS (O(server), O(auth) and so on) is
        refused beside it.
    type: str
    choices: [dns, microsoft_wmi]
    default: dns
  operation_timeout:
    description:
      - With O(provider=microsoft_wmi), how long, in seconds, WinRM of the DNS server may take for one answer.
    type: int
    default: 60
  server:
    description:
      - The primary DNS server of the zone, by name or address. Where several domain controllers hold the zone, always
        name the same one. Required with O(provider=dns).
      - With O(auth=gss_tsig) it must be the server's full name, because its Kerberos service is C(DNS/) and that name.
    type: str
  server_port:
    description:
      - The TCP port of the DNS server.
    type: int
    default: 53
  server_address:
    description:
      - The address at which the DNS server is contacted, where O(server) is a name that the controller's resolver does
        not know, or knows with another address.
    type: str
  auth:
    description:
      - How updates and reads are authenticated. V(none) suits a zone that anybody may update.
      - V(tsig) signs with a key that is shared with the server.
      - V(gss_tsig) signs with a key that Kerberos negotiates, as secure zones of Active Directory want it. It needs the
        Python library gssapi, and a realm that the controller's C(krb5.conf) or DNS leads to. Whose it is says
        O(principal), with O(password) or O(keytab). Without both, the ticket is used that is in the cache which
        C(KRB5CCNAME) names in the C(environment) of the task, or of Ansible.
    type: str
    choices: [none, tsig, gss_tsig]
    default: none
  key_name:
    description:
      - The name of the TSIG key, as the DNS server knows it.
    type: str
  key_secret:
    description:
      - The secret of the TSIG key, in base64.
    type: str
  key_algorithm:
    description:
      - The algorithm of the TSIG key, as the DNS server has it.
    type: str
    choices: [hmac-sha256, hmac-sha384, hmac-sha512, hmac-sha1, hmac-md5]
    default: hmac-sha256
  principal:
    description:
      - The Kerberos principal, V(kmsadmin@CORP.EXAMPLE) for example; without a realm, one of the default realm. Letter
        case counts.
      - When it is given, a ticket of anybody else is refused.
    type: str
  password:
    description:
      - The password of O(principal). The ticket it brings lives in memory and ends with the task.
    type: str
  keytab:
    description:
      - A file on the controller with the keys of O(principal). A relative path counts from the folder of the playbook.
        The ticket it brings lives in memory and ends with the task.
    type: path
  verify_reply:
    description:
      - What a reply is worth whose signature is missing or wrong.
      - V(strict) does not believe it. When it was the reply to an update, the records are read again and decide. It is
        the default with O(auth=tsig).
      - V(readback) believes what it says as far as a second look confirms it, with a warning. It is meant for servers
        known to sign wrongly, such as the internal DNS server of Samba, and is the default with O(auth=gss_tsig).
    type: str
    choices: [strict, readback]
"""

    DNS_WISH = r"""
options:
  aging:
    description:
      - Whether the zone removes records that nobody refreshes. Microsoft DNS does so where aging is on for the zone and
        scavenging for the server. A record that came by a dynamic update disappears there once its no-refresh and its
        refresh interval are over, 7 and 7 days by default.
      - With V(yes) and O(state=present) there are three ways. O(refresh=true) and a play that runs regularly; a static
        record, which this module writes with O(provider=microsoft_wmi), delegated to the DNS server; or a KMS host
        that publishes itself and so refreshes its own record every day (O(activation.kms.host#module:self_publishing)).
        V(yes) without O(refresh=true) is refused and names them.
      - V(unknown) and V(no) are the same to a dynamic update. With O(provider=microsoft_wmi) the server is asked
        instead.
    type: str
    choices: ["unknown", "no", "yes"]
    default: unknown
  refresh:
    description:
      - Sends the members that are there once more in every run, exactly as they are. Microsoft DNS renews their time
        stamps by it, once the no-refresh interval is over. Other servers see nothing to do.
      - It is no change and stands in no plan. When the server refuses it, the task fails. Check mode does not send it.
      - At least one run must fall between the end of the no-refresh interval and the end of the refresh interval, so
        the time between two runs must be shorter than the refresh interval. With the 7 and 7 days of Microsoft DNS once
        a week is too seldom, since a run that comes an hour late may come too late; every day is best, since then a run
        may fail.
      - With O(state=absent) it means nothing. With O(provider=microsoft_wmi) it is refused; see O(static).
    type: bool
    default: false
"""

    AUDIT = r"""
options:
  audit_log:
    description:
      - A file on the controller (the execution node) to which one line of JSON is added for every step that was
        carried out. A relative path counts from the folder of the playbook. The directory must exist.
      - Each line has C(time), C(outcome) (V(done), V(failed), or V(unknown) where the answer was lost), C(job),
        C(user), C(host), C(module), C(key), C(step), C(summary), C(before), C(after), C(code) and C(error).
        C(key) is the last five characters of the wished host key; secrets are not in it.
      - Lines are never changed, and those of several forks do not mix. A new file is readable by its owner only.
      - The line is written right after the step. A controller that is killed in the middle of one leaves no line of it.
      - When the file cannot be opened, nothing is changed. When a line cannot be written later, the run ends there. In
        check mode nothing is written.
    type: path
"""
