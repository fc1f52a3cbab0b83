# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a machine looks when it is first met: bare, or with a KMS version installed, restarted or not.

Knows the keys, files and folders a fresh Windows has as far as anybody here asks for them. Refuses to know anything a
client would have to set up.
"""

from __future__ import annotations

from ..contract import SESSION_KINDS, HostOptions
from ..key_groups import MAK, hosting, office_groups
from ..persona import Persona
from . import dns_admin, firewall_start
from .hotfixes import Hotfix
from .machine import Machine
from .registry import REG_DWORD, REG_EXPAND_SZ, REG_MULTI_SZ, REG_SZ
from .services import Service
from .updates import KBS

UNRESTARTED = "_unrestarted"
STARTS = {"bare": (), "kms_1_0": ("kms_1_0",), "kms_1_1": ("kms_1_0", "kms_1_1"), "kms_1_2": ("kms_1_0", "kms_1_2")}
CURRENT_VERSION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
PRODUCT_OPTIONS = r"SYSTEM\CurrentControlSet\Control\ProductOptions"
ENVIRONMENT = r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
SESSION_MANAGER = r"SYSTEM\CurrentControlSet\Control\Session Manager"
TCPIP = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
DAY = 86_400.0

_FOLDERS = (r"system32\wbem", "Temp", r"system32\drivers\etc")
_FILES = {
    r"system32\cmd.exe": 399_872,
    r"system32\netsh.exe": 90_112,
    r"system32\certutil.exe": 593_408,
    r"system32\cscript.exe": 114_688,
    r"system32\shutdown.exe": 21_504,
    "explorer.exe": 1_053_184,
}
_PROCESSORS = {"x86": "x86", "x64": "AMD64"}
_FILE_VERSIONS = {"server_2003": "5.2.3790.3959 (srv03_sp2_rtm.070216-1710)"}


def prepare(machine: Machine) -> None:
    """Give a new machine its first state. ValueError, with a sentence, for a start nobody knows."""
    _refuse_nonsense(machine)
    _registry(machine)
    _files(machine)
    firewall_start.prepare(machine)
    win_rm = machine.services.get("WinRM")
    if win_rm is not None:
        win_rm.mode = {"Automatic": "Auto"}.get(machine.options.winrm_start_mode, machine.options.winrm_start_mode)
    for fix in machine.persona.hotfixes:
        machine.updates.hotfixes.append(Hotfix(fix, "3/11/2012", "SP3" if machine.persona.since < (6, 0) else ""))
    _extras(machine)
    start, more = _with_host_key(machine)
    _installed(machine, start)
    _further_updates(machine, more)
    if machine.licensing.there:
        machine.licensing.install_service()
    if machine.options.host_key is not None:
        machine.licensing.given(machine.options.host_key, machine.options.count)
    if machine.options.office_key is not None:
        machine.licensing.given(machine.options.office_key, None)


def _refuse_nonsense(machine: Machine) -> None:
    options, persona = machine.options, machine.persona
    if options.domain_controller and not (persona.server and options.domain_member):
        raise ValueError(f"{options.name}: only a server that is a domain member can be a domain controller")
    if options.dns_server and not persona.server:
        raise ValueError(f"{options.name}: a client is no DNS server")
    if machine.dns is not None and not all(zone.microsoft for zone in machine.dns.zones):
        raise ValueError(f"{options.name}: a Microsoft DNS server has zones of flavour microsoft only")
    if machine.dns is not None and len({zone.flavour.aging.scavenging_hours for zone in machine.dns.zones}) > 1:
        raise ValueError(f"{options.name}: a Microsoft DNS server has one scavenging interval for all its zones")
    if options.cluster and not persona.server:
        raise ValueError(f"{options.name}: a client has no cluster service")
    if options.evaluation and persona.since < ((6, 1) if persona.server else (10, 0)):
        raise ValueError(f"{options.name}: evaluation is for servers from 2008 R2 on, and for Windows 10")
    if options.evaluation not in (True, False, "expired"):
        raise ValueError(f"{options.name}: evaluation can be true, false or expired, not {options.evaluation!r}")
    if options.count is not None and options.host_key is None:
        raise ValueError(f"{options.name}: only a machine with a host_key has counted clients")
    if options.ubr is not None and persona.since < (10, 0):
        raise ValueError(f"{options.name}: ubr counts from Windows 10.0 on; {persona.name} has none")
    if options.start != "bare" and persona.packages != "update_exe":
        raise ValueError(f"{options.name}: start is for Server 2003; elsewhere `updates` says what is installed")
    _refuse_office(options, persona)
    _refuse_mixed_up(machine)
    for kind in options.sessions:
        if kind not in SESSION_KINDS:
            raise ValueError(f"{options.name}: a session can be {' or '.join(SESSION_KINDS)}, not {kind!r}")


def _refuse_office(options: HostOptions, persona: Persona) -> None:
    """KMS for Office is a product of these classes from Windows 8 and Server 2012 on; before it has its own service."""
    if (options.office_licences or options.office_key) and persona.since < (6, 2):
        raise ValueError(f"{options.name}: KMS for Office is for Server 2012 and later, not for {persona.name}")
    twice = [pack for pack in office_groups() if options.office_licences.count(pack) > 1]
    if twice:
        raise ValueError(f"{options.name}: office_licences names {twice[0]} twice")
    for pack in options.office_licences:
        if pack not in office_groups():
            raise ValueError(f"{options.name}: office_licences can be {', '.join(office_groups())}, not {pack!r}")


def _refuse_mixed_up(machine: Machine) -> None:
    """A key of Office in the place of one of Windows, or the other way round."""
    options = machine.options
    for option, text, office in (("host_key", options.host_key, False), ("office_key", options.office_key, True)):
        group = machine.authority.group_of(text) if text is not None else None
        if group not in (None, MAK) and (group in office_groups()) is not office:
            product, other = ("Office", "office_key") if group in office_groups() else ("Windows", "host_key")
            raise ValueError(f"{options.name}: {option} is a key for {product} ({group}), which goes into {other}")


def _extras(machine: Machine) -> None:
    """People who are logged on, and roles."""
    for kind in machine.options.sessions:
        machine.logons.log_on(kind, machine.power.boot_time + 600)
    if machine.options.cluster:
        program = rf"{machine.persona.windows}\cluster\clussvc.exe"
        machine.services.add(
            Service("ClusSvc", "Cluster Service", "Auto", "Running", "LocalSystem", program, False, True, False, 2_396)
        )
    if machine.dns is not None:
        program = rf"{machine.persona.windows}\system32\dns.exe"
        machine.services.add(
            Service(
                dns_admin.SERVICE, "DNS Server", "Auto", "Running", "LocalSystem", program, False, True, True, 1_528
            )
        )
    if machine.options.domain_controller:
        kdc = machine.services.get("kdc")
        if kdc is None:
            program = rf"{machine.persona.windows}\system32\lsass.exe"
            kdc = Service(
                "Kdc", "Kerberos Key Distribution Center", "Auto", "Running", "LocalSystem", program, True, True, False
            )
            machine.services.add(kdc)
        kdc.mode, kdc.state, kdc.exit_code = "Auto", "Running", 0
        if machine.persona.since >= (6, 0):  # a service of its own from Server 2008 on
            program = rf"{machine.persona.windows}\system32\lsass.exe"
            name = "Active Directory Domain Services"
            machine.services.add(Service("NTDS", name, "Auto", "Running", "LocalSystem", program, True, True, False))


def _with_host_key(machine: Machine) -> tuple[str, tuple[str, ...]]:
    """`start` and `updates`, with what the host key that is there from the beginning needs."""
    options, release = machine.options, machine.persona.release.id
    if options.host_key is None:
        return options.start, options.updates
    group = machine.authority.group_of(options.host_key) or ""
    needed = hosting()[release].needed_for(group)
    if machine.persona.packages == "update_exe":
        return (needed or options.start) if options.start == "bare" else options.start, options.updates
    return options.start, (*options.updates, needed) if needed else options.updates


def _further_updates(machine: Machine, updates: tuple[str, ...]) -> None:
    """What `updates` names is there and works; with UNRESTARTED behind it has just been installed by hand."""
    for update in dict.fromkeys(updates):
        name = update.removesuffix(UNRESTARTED)
        try:
            if name != update:
                machine.updates.install(name, name.upper(), machine.now() - 60)
            else:
                machine.updates.have(update, machine.power.boot_time - 3 * DAY)
        except ValueError as error:
            raise ValueError(f"{machine.options.name}: {error}") from None


def _registry(machine: Machine) -> None:
    release = machine.persona.release
    registry = machine.registry
    _current_version(machine)
    if machine.persona.packages == "update_exe":
        registry.make(rf"{CURRENT_VERSION}\HotFix")
        registry.make(r"SOFTWARE\Microsoft\Updates\Windows Server 2003")
    registry.write(
        PRODUCT_OPTIONS, "ProductType", REG_SZ, {1: "WinNT", 2: "LanmanNT"}.get(machine.product_type, "ServerNT")
    )
    registry.write(ENVIRONMENT, "PROCESSOR_ARCHITECTURE", REG_SZ, _PROCESSORS[release.architecture])
    registry.write(ENVIRONMENT, "TEMP", REG_EXPAND_SZ, r"%SystemRoot%\TEMP")
    registry.write(TCPIP, "Hostname", REG_SZ, machine.options.name)
    registry.write(TCPIP, "Domain", REG_SZ, machine.options.domain if machine.options.domain_member else "")
    registry.write(TCPIP, "NV Domain", REG_SZ, machine.options.domain)
    registry.write(TCPIP, "IPEnableRouter", REG_DWORD, 0)
    registry.make(SESSION_MANAGER)
    if machine.dials.get("pending_renames") == "unrelated":
        registry.write(
            SESSION_MANAGER,
            "PendingFileRenameOperations",
            REG_MULTI_SZ,
            [r"\??\C:\WINDOWS\system32\spool\PRINTERS\old.tmp", ""],
        )


def _current_version(machine: Machine) -> None:
    """What the key CurrentVersion says of the release. From 10.0 on CurrentVersion stays 6.3 and UBR counts updates."""
    release, since, registry = machine.persona.release, machine.persona.since, machine.registry
    name = release.caption.replace("(R)", "").replace("®", "").split(",")[0].removeprefix("Microsoft ").strip()
    texts = {
        "ProductName": name,
        "CSDVersion": f"Service Pack {release.service_pack}" if release.service_pack else "",
        "CurrentBuildNumber": release.build,
        "CurrentVersion": "6.3" if since >= (10, 0) else machine.persona.generation,
        "SystemRoot": machine.persona.windows,
        "EditionID": machine.edition_id,
        "CurrentBuild": release.build if since >= (6, 0) else "1.511.1 () (Obsolete data - do not use)",
        "InstallationType": ("Server" if machine.persona.server else "Client") if since >= (6, 1) else "",
    }
    for value, text in texts.items():
        if text:
            registry.write(CURRENT_VERSION, value, REG_SZ, text)
    if since >= (10, 0):
        registry.write(CURRENT_VERSION, "UBR", REG_DWORD, machine.ubr)
        registry.write(CURRENT_VERSION, "CurrentMajorVersionNumber", REG_DWORD, 10)
        registry.write(CURRENT_VERSION, "CurrentMinorVersionNumber", REG_DWORD, 0)


def _files(machine: Machine) -> None:
    when = machine.power.boot_time - 300 * DAY
    windows, release = machine.persona.windows, machine.persona.release
    for folder in (*(rf"{windows}\{part}" for part in _FOLDERS), profile_folder(machine), r"C:\Program Files"):
        machine.disk.make_folder(folder, native=True)
    version = _FILE_VERSIONS.get(release.id, f"{release.version}.{machine.ubr or 16385}")
    files = dict(_FILES) if machine.persona.packages == "update_exe" else {**_FILES, r"system32\slmgr.vbs": 110_000}
    for path, size in files.items():
        machine.disk.plant(rf"{windows}\{path}", size, when, version if path.endswith(".exe") else None)


def profile_folder(machine: Machine) -> str:
    """Where the administrator's temporary files are."""
    if machine.persona.since < (6, 0):
        return r"C:\Documents and Settings\Administrator\Local Settings\Temp"
    return r"C:\Users\Administrator\AppData\Local\Temp"


def _installed(machine: Machine, start: str) -> None:
    waiting = start.endswith(UNRESTARTED)
    updates = STARTS.get(start[: -len(UNRESTARTED)] if waiting else start)
    if updates is None or (waiting and not updates):
        raise ValueError(
            f"{machine.options.name}: start can be {', '.join(STARTS)} (or with {UNRESTARTED} behind), not {start!r}"
        )
    before = updates[:-1] if waiting else updates
    for update in before:
        machine.updates.install(update, KBS.get(update), machine.power.boot_time - 3 * DAY)
    if before:
        machine.licensing.install_service()
        machine.registry.forget_volatile()
        machine.updates.after_boot()
        machine.licensing.start_now()
    if waiting:
        machine.updates.install(updates[-1], KBS.get(updates[-1]), machine.now() - 60)
        machine.licensing.install_service()
        if not machine.licensing.running:
            machine.licensing.start_now()
