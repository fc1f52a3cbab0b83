# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos against a private MIT realm, with the real clients: sealed over HTTP, bound to the channel over TLS.

What a client may not do is tried as well: another machine's ticket, one seen before, one that is over, other people's.
"""

from __future__ import annotations

import base64
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gssapi
import pytest
import requests
import yaml
from kdc import Kdc
from kdc import start as start_kdc
from kdc import stop as stop_kdc
from pypsrp.wsman import WSMan
from served import PASSWORD, Command, Served, fresh_address, sent_again
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
from winrm.transport import Transport

from emulated_windows.contract import HostOptions
from emulated_windows.estate import KerberosSettings
from emulated_windows.kerberos import Realm
from emulated_windows.section import EstateError
from emulated_windows.tls import CertificateAuthority

IDENTIFY = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    b' xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    b"<s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>"
)
Serve = Callable[..., Served]
FQDN = "kms03.corp.example"
OLD = HostOptions(name="old", persona="server-2003-sp2-x86")
NEW = HostOptions(name="kms03", persona="server-2022")


@pytest.fixture(scope="module")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdc]:
    folder = tmp_path_factory.mktemp("realm") / "kdc"
    centre = start_kdc(folder)
    centre.add("Administrator", PASSWORD)
    centre.add("somebody", PASSWORD)
    for principal in (f"HTTP/{FQDN}", f"WSMAN/{FQDN}", "HTTP/kms04.corp.example", "HTTP/kms03"):
        centre.add(principal)
        centre.write_keytab(principal, folder / "keytab")
    centre.add("HTTP/old.corp.example", encryption="rc4-hmac")
    centre.write_keytab("HTTP/old.corp.example", folder / "keytab")
    yield centre
    stop_kdc(folder)


@pytest.fixture
def realm(kdc: Kdc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Realm:
    for name, value in kdc.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/tickets")
    return Realm(KerberosSettings(kdc.realm, Path(kdc.folder, "keytab"), kdc.krb5_conf), tmp_path / "seen")


def log_in(user: str = "Administrator") -> None:
    """Get the ticket of a user, into the cache the environment names."""
    subprocess.run(["kinit", user], input=PASSWORD + "\n", text=True, check=True, capture_output=True)


def serve_new(serve: Serve, realm: Realm, **settings: Any) -> Served:
    """A machine of today."""
    return serve(transport="kerberos", realm=realm, options=NEW, **settings)


def pywinrm(served: Served, host: str = FQDN, **more: Any) -> Any:
    return Transport(
        served.endpoint,
        auth_method="kerberos",
        kerberos_hostname_override=host,
        **{"username": "Administrator", "service": "HTTP", "server_cert_validation": "ignore", **more},
    )


def pypsrp(served: Served, auth: str, **more: Any) -> Any:
    return WSMan(
        served.address,
        port=5985,
        username="Administrator@CORP.EXAMPLE",
        password=PASSWORD,
        auth=auth,
        **{"ssl": False, "negotiate_service": "HTTP", "negotiate_hostname_override": FQDN, **more},
    ).transport


def token(host: str = FQDN, **more: Any) -> str:
    """The Authorization header of a client that has a ticket for this machine."""
    name = gssapi.Name(f"HTTP@{host}", gssapi.NameType.hostbased_service)
    context = gssapi.SecurityContext(name=name, usage="initiate", **more)
    return "Negotiate " + base64.b64encode(context.step() or b"").decode()


def answered(served: Served, authorization: str) -> int:
    answer = requests.post(served.endpoint, data=b"", headers={"Authorization": authorization}, verify=False)
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"] == "Negotiate, Kerberos"
    return answer.status_code


@pytest.mark.parametrize("service", ["HTTP", "WSMAN"])
def test_pywinrm_seals_over_http(serve: Serve, realm: Realm, service: str) -> None:
    log_in()
    served = serve_new(serve, realm)
    winrm = pywinrm(served, service=service)
    for size in (1, 1000, 153600):
        message = b"m" * size
        assert winrm.send_message(message) == b"echo: " + message
    assert {(user, encrypted) for _, user, encrypted, _ in served.machine.seen} == {("Administrator", True)}
    assert [line["auth_only"] for line in served.journal()] == [True, False, False, False]


@pytest.mark.parametrize("auth", ["kerberos", "negotiate"])
def test_pypsrp_seals_over_http(serve: Serve, realm: Realm, auth: str) -> None:
    """Raw under `kerberos`, inside SPNEGO under `negotiate`."""
    served = serve_new(serve, realm)
    winrm = pypsrp(served, auth)
    assert [winrm.send(message) for message in (b"one", b"two" * 9999)] == [b"echo: one", b"echo: " + b"two" * 9999]
    assert served.machine.seen[-1][1:] == ("Administrator", True, False)


def test_server_2003_by_rc4(serve: Serve, realm: Realm) -> None:
    log_in()
    served = serve(transport="kerberos", realm=realm, options=OLD)
    winrm = pywinrm(served, OLD.fqdn)
    for message in (b"x", b"sealed by RC4", b"m" * 153600):
        assert winrm.send_message(message) == b"echo: " + message
    assert pypsrp(served, "kerberos", negotiate_hostname_override=OLD.fqdn).send(b"x") == b"echo: x"


def test_over_https(serve: Serve, realm: Realm, tmp_path: Path) -> None:
    """Both libraries bind the login to the channel; a ticket bound to another one is refused."""
    log_in()
    served = serve_new(serve, realm, scheme="https", certificates=CertificateAuthority(tmp_path))
    assert pywinrm(served).send_message(b"over TLS") == b"echo: over TLS"
    assert pypsrp(served, "negotiate", ssl=True, cert_validation=False).send(b"over TLS") == b"echo: over TLS"
    assert answered(served, token()) == 200  # not bound: allowed, as CbtHardeningLevel Relaxed does
    other = gssapi.raw.ChannelBindings(
        initiator_address_type=0, acceptor_address_type=0, application_data=b"tls-server-end-point:" + bytes(32)
    )
    assert answered(served, token(channel_bindings=other)) == 401


def test_unsealed_messages_are_marked_for_the_machine(serve: Serve, realm: Realm) -> None:
    log_in()
    served = serve_new(serve, realm)
    assert pywinrm(served, message_encryption="never").send_message(b"in clear") == b"echo: in clear"
    assert served.machine.seen == [(b"in clear", "Administrator", False, False)]


def test_another_machines_ticket_is_refused(serve: Serve, realm: Realm) -> None:
    log_in()
    served = serve_new(serve, realm)
    with pytest.raises(InvalidCredentialsError):
        pywinrm(served, "kms04.corp.example").send_message(b"x")
    assert answered(served, token("kms03")) == 200  # the short name is a name of its own too
    assert served.machine.seen == []


def test_a_ticket_is_taken_once(serve: Serve, realm: Realm) -> None:
    log_in()
    served = serve_new(serve, realm)
    header = token()
    assert [answered(served, header), answered(served, header), answered(served, token())] == [200, 401, 200]


def test_other_people_are_refused(serve: Serve, realm: Realm) -> None:
    """Only the account of the estate is an administrator."""
    log_in("somebody")
    served = serve_new(serve, realm)
    with pytest.raises(InvalidCredentialsError):
        pywinrm(served, username="somebody").send_message(b"x")


def test_an_old_ticket_is_refused(serve: Serve, kdc: Kdc, realm: Realm, tmp_path: Path) -> None:
    """Older than the clock skew that is allowed: five minutes, here one second."""
    log_in()
    header = token()
    config = tmp_path / "krb5.conf"
    config.write_text(kdc.krb5_conf.read_text().replace("[libdefaults]", "[libdefaults]\nclockskew = 1"))
    hasty = Realm(KerberosSettings(kdc.realm, Path(kdc.folder, "keytab"), config), tmp_path / "seen too")
    served = serve_new(serve, hasty)
    time.sleep(2.5)
    assert [answered(served, header), answered(served, token())] == [401, 200]


@pytest.mark.parametrize(("offset", "status"), [(299.0, 200), (-301.0, 401), (86400.0, 401)])
def test_a_machine_whose_clock_is_wrong_takes_no_ticket(serve: Serve, realm: Realm, offset: float, status: int) -> None:
    log_in()
    assert answered(serve_new(serve, realm, clock_offset=offset), token()) == status


def test_ntlm_is_refused(serve: Serve, realm: Realm) -> None:
    served = serve_new(serve, realm)
    winrm = Transport(
        served.endpoint,
        username="Administrator",
        password=PASSWORD,
        auth_method="ntlm",
        server_cert_validation="ignore",
    )
    with pytest.raises(PermissionError, match="did not respond with NTLM"):
        winrm.send_message(b"x")


def test_a_seal_belongs_to_the_scheme_of_the_login(serve: Serve, realm: Realm) -> None:
    log_in()
    winrm = pywinrm(serve_new(serve, realm))
    assert winrm.send_message(b"x") == b"echo: x"
    winrm.encryption.protocol_string = b"application/HTTP-Kerberos-session-encrypted"
    with pytest.raises(WinRMTransportError) as caught:
        winrm.send_message(b"x")
    assert caught.value.code == 400


def test_a_sealed_message_is_taken_once(serve: Serve, realm: Realm) -> None:
    log_in()
    served = serve_new(serve, realm)
    assert [sent_again(pywinrm(served), served), len(served.machine.seen)] == [400, 2]


def test_a_lost_session_is_a_400_until_the_client_logs_on_anew(serve: Serve, realm: Realm) -> None:
    log_in()
    served = serve_new(serve, realm)
    winrm = pywinrm(served)
    winrm.send_message(b"one")
    served.machine.faults = ["stale"]
    with pytest.raises(WinRMTransportError) as caught:
        winrm.send_message(b"two")
    assert caught.value.code == 400
    winrm.close_session()
    winrm.encryption = None
    assert winrm.send_message(b"three") == b"echo: three"
    assert [seen[0] for seen in served.machine.seen] == [b"one", b"three"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (HostOptions(name="kms09"), "the keytab has no key for HTTP/kms09.corp.example@CORP.EXAMPLE"),
        (HostOptions(name="kms03", persona="server-2003-r2"), "Server 2003 knows RC4 and DES only"),
    ],
)
def test_keys_that_cannot_be(realm: Realm, options: HostOptions, said: str) -> None:
    with pytest.raises(EstateError, match=said):
        realm.keys(options.name, options.fqdn, options.persona.startswith("server-2003"))


def test_a_library_that_is_not_there(kdc: Kdc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulated_windows.kerberos.MISSING", "krb5")
    with pytest.raises(EstateError, match="needs the Python package krb5: pip install"):
        Realm(KerberosSettings(kdc.realm, Path(kdc.folder, "keytab"), None), tmp_path / "seen")


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "kerberos.config: there is no file .*/krb5.conf"), ("[libdefaults", "krb5.conf cannot be used: Improper")],
)
def test_a_file_that_is_no_krb5_conf(realm: Realm, kdc: Kdc, tmp_path: Path, content: str | None, said: str) -> None:
    config = tmp_path / "krb5.conf"
    if content is not None:
        config.write_text(content)
    with pytest.raises(EstateError, match=said):
        Realm(KerberosSettings(kdc.realm, Path(kdc.folder, "keytab"), config), tmp_path / "seen")


@pytest.mark.parametrize("content", [None, b"no keytab"])
def test_a_file_that_is_no_keytab(realm: Realm, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "keys").write_bytes(content)
    with pytest.raises(EstateError, match="keytab|cannot be used"):
        Realm(KerberosSettings("CORP.EXAMPLE", tmp_path / "keys", None), tmp_path / "seen")


def test_an_estate_of_a_realm(command: Command, kdc: Kdc, realm: Realm) -> None:
    """Served from the command line, and reached by what the inventory says: over HTTP, and over TLS with its own CA."""
    log_in()
    estate = command.folder / "ESTATE.yml"
    estate.write_text(
        f"credentials: {{user: Administrator, password: {PASSWORD}}}\n"
        f"kerberos: {{realm: {kdc.realm}, keytab: {kdc.folder}/keytab, config: {kdc.krb5_conf}}}\n"
        "hosts:\n"
        f"  kms03: {{persona: server-2022, address: {fresh_address()}, transport: kerberos}}\n"
        f"  kms04: {{persona: server-2019, address: {fresh_address()}, transport: kerberos, scheme: https}}\n"
    )
    assert "no machine of" in command.run("ca", estate).stderr
    server = command.serve(estate)
    inventory = yaml.safe_load(command.run("inventory", estate).stdout)["all"]["children"]["kms_hosts"]["hosts"]
    for name, scheme in (("kms03", "http"), ("kms04", "https")):
        found = inventory[name]
        winrm = Transport(
            f"{scheme}://{found['ansible_host']}:{found['ansible_port']}/wsman",
            username=found["ansible_user"],
            auth_method=found["ansible_winrm_transport"],
            service="HTTP",
            kerberos_hostname_override=found["ansible_winrm_kerberos_hostname_override"],
            ca_trust_path=found.get("ansible_winrm_ca_trust_path"),
        )
        assert b"IdentifyResponse" in winrm.send_message(IDENTIFY)
    trusted = Path(command.run("ca", estate).stdout.strip())
    assert str(trusted) == inventory["kms04"]["ansible_winrm_ca_trust_path"]
    assert trusted.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
    assert command.stop(server) == (0, "")
    assert not trusted.parent.exists()


def test_a_host_without_a_key_stops_the_start(command: Command, kdc: Kdc, realm: Realm) -> None:
    estate = command.folder / "ESTATE.yml"
    estate.write_text(
        f"credentials: {{user: Administrator, password: {PASSWORD}}}\n"
        f"kerberos: {{realm: {kdc.realm}, keytab: {kdc.folder}/keytab, config: {kdc.krb5_conf}}}\n"
        f"hosts: {{kms77: {{persona: server-2022, address: {fresh_address()}, transport: kerberos}}}}\n"
    )
    done = command.run("serve", estate)
    assert done.returncode == 2
    assert "the keytab has no key for HTTP/kms77.corp.example@CORP.EXAMPLE" in done.stderr
