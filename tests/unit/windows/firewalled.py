# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small Windows with a firewall, of each of the three generations, that does what it is told and can be looked into.

It keeps its rules in the registry as Windows does, and tells for whom a port is open by reading them in its own way.
"""

from __future__ import annotations

import base64
import re
import shlex
import typing as t
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

from ansible_collections.activation.kms.tests.unit.windows.small_windows import Refused, SmallWindows

LOCAL = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
RULES = rf"{LOCAL}\FirewallRules"
POLICY = r"SOFTWARE\Policies\Microsoft\WindowsFirewall"
PROFILE_KEYS = {
    "5.2.3790": {"domain": "DomainProfile", "standard": "StandardProfile"},
    **dict.fromkeys(
        ("6.0.6002", "6.1.7601", "6.2.9200", "6.3.9600", "10.0.20348"),
        {"domain": "DomainProfile", "private": "StandardProfile", "public": "PublicProfile"},
    ),
}
KMS = "Action=Allow|Active=FALSE|Dir=In|Protocol=6"
TEXTS = "Name=@FirewallAPI.dll,-28003|Desc=@FirewallAPI.dll,-28006|EmbedCtxt=@FirewallAPI.dll,-28002"
PROGRAM = r"App=%SystemRoot%\system32\sppextcomobj.exe|Svc=sppsvc"
LOCAL_ONLY = "RA4=LocalSubnet|RA6=LocalSubnet"
# As a client of Windows brings them (a public dump), and as one rule for every profile (assumed of servers).
SPLIT = {
    "SPPSVC-In-TCP": f"v2.33|{KMS}|Profile=Private|Profile=Public|LPort=1688|{LOCAL_ONLY}|{PROGRAM}|{TEXTS}|",
    "SPPSVC-In-TCP-NoScope": f"v2.33|{KMS}|Profile=Domain|LPort=1688|{PROGRAM}|{TEXTS}|",
}
WHOLE = {"SPPSVC-In-TCP": f"v2.10|{KMS}|LPort=1688|{PROGRAM}|{TEXTS}|"}

Fields = list[tuple[str, str]]


class Firewalled(SmallWindows):
    """The machine. `protocols` are the words MSFT_NetProtocolPortFilter takes; `shell` is whether it has WinRS."""

    def __init__(self, version: str, rules: t.Mapping[str, str] | None = None, on: t.Collection[str] = ()) -> None:
        super().__init__()
        self.version = version
        self.protocols = {"TCP"}
        self.has_shell = True
        self.names: dict[str, str] = {}
        self.classes["Win32_Service"] = []
        self.registry[RULES.lower()] = {}
        for profile, key in PROFILE_KEYS[version].items():
            self.set(rf"{LOCAL}\{key}", "EnableFirewall", int(not on or profile in on))
        for name, text in (rules or {}).items():
            self.set(RULES, name, text)
        self._stdout = ""
        self.programs += [
            ("^reg query ", self._reg_query),
            ("^netsh advfirewall firewall ", self._advfirewall),
            ("^netsh firewall ", self._netsh),
        ]
        for method, active in (("Enable", "TRUE"), ("Disable", "FALSE")):
            self.methods[f"MSFT_NetFirewallRule.{method}"] = self._switching(active)

    def set(self, key: str, name: str, value: str | int) -> None:
        self.names[name.lower()] = name
        super().set(key, name, value)

    # -- for tests

    def rules(self) -> dict[str, str]:
        """The rule strings by id."""
        return {self.names[name]: str(text) for name, text in self.registry[RULES.lower()].items()}

    def changes(self) -> list[str]:
        """What was asked for and changes something."""
        return [deed for deed in self.deeds if not deed.startswith("run reg query")]

    def open_for(self, profile: str, port: int = 1688) -> set[str]:
        """For whom the port is open in a profile."""
        if self.version.startswith("5.2"):
            key = rf"{LOCAL}\{PROFILE_KEYS[self.version][profile]}\GloballyOpenPorts\List"
            entry = str(self.value(key, f"{port}:TCP") or "::::").split(":")
            return set(entry[2].split(",")) if entry[3] == "Enabled" else set()
        found: set[str] = set()
        for text in self.rules().values():
            fields = _fields(text)
            given = dict(fields)
            profiles = [value.lower() for name, value in fields if name == "Profile"]
            on = given["Active"] == "TRUE" and given["Action"] == "Allow" and (not profiles or profile in profiles)
            if on and given.get("Protocol", "6") == "6" and given.get("LPort", str(port)) == str(port):
                found |= {value for name, value in fields if name in ("RA4", "RA6")} or {"*"}
        return found

    # -- the wire

    def _word(self, root: ET.Element, action: str, body: ET.Element) -> str:
        last, uri = action.rpartition("/")[2], self._header(root, "ResourceURI")
        if last in ("Create", "Put", "Delete") and "/wmi/" in uri:
            return f"{last} {uri.rpartition('/')[2]}"
        if self._header(body, "ResultClassName"):
            return f"associated {self._header(body, 'ResultClassName')}"
        return super()._word(root, action, body)

    def _answer(self, root: ET.Element, action: str, body: ET.Element) -> str:
        word = self._word(root, action, body)
        verb, _space, name = word.partition(" ")
        keys = {
            item.attrib["Name"]: item.text or "" for item in root.iter() if item.tag.rpartition("}")[2] == "Selector"
        }
        if verb in ("Create", "Put", "Delete") and name.startswith("MSFT_"):
            self.deeds.append(word)
            instance = next(iter(body), None)
            values: dict[str, list[str]] = {}
            for item in instance if instance is not None else ():
                values.setdefault(item.tag.rpartition("}")[2], []).append(item.text or "")
            return self._object(verb, name, keys, values)
        if verb == "associated":
            return _associated(name, self._rule_of(keys))
        if word == "shell Create" and not self.has_shell:
            raise Refused(5)
        return super()._answer(root, action, body)

    def _shell(self, last: str, body: ET.Element) -> str:
        text = super()._shell(last, body)
        if last == "Receive" and self._stdout:
            data = base64.b64encode(self._stdout.encode()).decode()
            self._stdout = ""
            stream = f'<rsp:Stream Name="stdout" CommandId="C1">{data}</rsp:Stream>'
            return text.replace("<rsp:ReceiveResponse>", f"<rsp:ReceiveResponse>{stream}")
        return text

    # -- the classes of Windows 8 and later

    def _rule_of(self, keys: t.Mapping[str, str]) -> str:
        assert set(keys) == {"CreationClassName", "PolicyRuleName", "SystemCreationClassName", "SystemName"}
        name = keys["CreationClassName"].removeprefix("MSFT|FW|FirewallRule|")
        if name not in self.rules():
            raise Refused(2150858752)
        return name

    def _object(self, verb: str, name: str, keys: t.Mapping[str, str], values: dict[str, list[str]]) -> str:
        if verb == "Create":
            (rule,), (title,) = values["InstanceID"], values["ElementName"]
            if rule in self.rules():
                raise Refused(2150858803)
            active = {"1": "TRUE", "2": "FALSE"}[values["Enabled"][0]]
            assert (values["Direction"], values["Action"]) == (["1"], ["2"])
            self.set(RULES, rule, f"v2.31|Action=Allow|Active={active}|Dir=In|Name={title}|")
            return "<x:ResourceCreated xmlns:x='urn:x'/>"
        if verb == "Delete":
            del self.registry[RULES.lower()][self._rule_of(keys).lower()]
            return ""
        rule = keys["InstanceID"]  # as `_associated` names a filter
        assert keys == {"InstanceID": rule, "N": ""}
        fields = _fields(self.rules()[rule])
        if name == "MSFT_NetProtocolPortFilter":
            if values["Protocol"][0] not in self.protocols:
                raise Refused(0x80070057)
            fields = _replaced(fields, {"Protocol": ["6"], "LPort": values["LocalPort"]})
        else:
            fields = _replaced(fields, _remote(values["RemoteAddress"]))
        self.set(RULES, rule, _rule(fields))
        return f'<p:{name} xmlns:p="urn:p"/>'

    def _switching(self, active: str) -> t.Callable[[t.Mapping[str, str]], int]:
        def switch(given: t.Mapping[str, str]) -> int:
            rule = self._rule_of(given)
            self.set(RULES, rule, _rule(_replaced(_fields(self.rules()[rule]), {"Active": [active]})))
            return 0

        return switch

    # -- the commands

    def _reg_query(self, line: str) -> int:
        key, wanted = t.cast("re.Match[str]", re.fullmatch(r'reg query HKLM\\(\S+) /f "([^"]*)" /d', line)).groups()
        found = [(n, str(v)) for n, v in self.registry.get(key.lower(), {}).items() if wanted in str(v)]
        lines = [f"    {self.names[name]}    REG_SZ    {text}" for name, text in found]
        head = [f"HKEY_LOCAL_MACHINE\\{key}"] if found else []
        self._stdout = "\r\n".join(["", *head, *lines, "", f"Suchende: {len(found)} Treffer gefunden.", ""])
        return 0 if found else 1

    def _advfirewall(self, line: str) -> int:
        verb, _rule_word, *words = shlex.split(line)[3:]
        given = dict(word.split("=", 1) for word in words if "=" in word)
        same = [rule for rule, text in self.rules().items() if dict(_fields(text))["Name"] == given["name"]]
        if verb == "add":
            base = [("Action", "Allow"), ("Active", "TRUE"), ("Dir", "In"), ("Protocol", "6")]
            fields: Fields = [*base, ("LPort", given["localport"]), ("Name", given["name"])]
            fields = _replaced(fields, _remote(given["remoteip"].split(",")))
            self.set(RULES, f"{{{len(self.names):08X}-0000-4000-8000-000000000000}}", _rule(fields))
            return 0
        for rule in same:
            if verb == "delete":
                del self.registry[RULES.lower()][rule.lower()]
            else:
                changed = {**_remote(given["remoteip"].split(",")), "Active": ["TRUE"]}
                self.set(RULES, rule, _rule(_replaced(_fields(self.rules()[rule]), changed)))
        return 0 if same else 1

    def _netsh(self, line: str) -> int:
        verb, _what, *words = shlex.split(line)[2:]
        given = dict(word.split("=", 1) for word in words)
        names = PROFILE_KEYS[self.version]
        port = f"{given['port']}:TCP"
        for profile in names if given["profile"] == "ALL" else [given["profile"].lower()]:
            key = rf"{LOCAL}\{names[profile]}\GloballyOpenPorts\List"
            if verb == "delete":
                self.registry[key.lower()].pop(port.lower(), None)
                continue
            custom = [_masked(item) for item in given.get("addresses", "").split(",")]
            scope = {"ALL": "*", "SUBNET": "LocalSubNet"}.get(given["scope"]) or ",".join(custom)
            self.set(key, port, f"{port}:{scope}:Enabled:{given['name']}")
        return 0


def _fields(text: str) -> Fields:
    return [(piece.split("=", 1)[0], piece.split("=", 1)[1]) for piece in text.split("|")[1:] if piece]


def _rule(fields: Fields) -> str:
    return "v2.10|" + "".join(f"{name}={value}|" for name, value in fields)


def _replaced(fields: Fields, new: t.Mapping[str, list[str]]) -> Fields:
    kept = [field for field in fields if field[0] not in new]
    return [*kept, *((name, value) for name, values in new.items() for value in values)]


def _remote(addresses: list[str]) -> dict[str, list[str]]:
    """RA4 and RA6 as Windows stores what it is told."""
    found: dict[str, list[str]] = {"RA4": [], "RA6": []}
    for item in addresses:
        if item.lower() == "localsubnet":
            found["RA4"].append("LocalSubnet")
            found["RA6"].append("LocalSubnet")
        elif item.lower() != "any":
            found["RA6" if ":" in item else "RA4"].append(_masked(item))
    return found


def _masked(item: str) -> str:
    """10.0.0.0/8 as Windows writes it back."""
    masks = {"8": "255.0.0.0", "16": "255.255.0.0", "32": "255.255.255.255"}
    network, slash, prefix = item.partition("/")
    return f"{network}/{masks[prefix]}" if slash and prefix in masks and ":" not in network else item


def _associated(name: str, rule: str) -> str:
    """One filter with its keys; one of them is empty, as in Windows."""
    keys = "".join(
        f'<w:Selector Name="{key}">{escape(value)}</w:Selector>' for key, value in {"InstanceID": rule, "N": ""}.items()
    )
    place = f"<a:ReferenceParameters><w:ResourceURI>urn:p/{name}</w:ResourceURI><w:SelectorSet>{keys}</w:SelectorSet>"
    instance = f'<p:{name} xmlns:p="urn:p"><p:InstanceID>{escape(rule)}</p:InstanceID></p:{name}>'
    epr = f"<a:EndpointReference><a:Address/>{place}</a:ReferenceParameters></a:EndpointReference>"
    return (
        f"<n:EnumerateResponse><n:EnumerationContext/><w:Items><w:Item>{instance}{epr}</w:Item></w:Items>"
        "<w:EndOfSequence/></n:EnumerateResponse>"
    )
