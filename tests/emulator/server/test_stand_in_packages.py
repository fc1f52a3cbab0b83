# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for installers: valid programs, recognisable, the same every time."""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pefile
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from served import Command

from emulated_windows.packages import MARKER, UPDATES, Package, build, catalogue, write_packages
from emulated_windows.packages.cabinet import MARKER_FILE, CabinetError, read_cabinet

PROGRAMS = {
    "Kmsw2k3.exe",
    "x64/Kmsw2k3.exe",
    "WindowsServer2003-KB948003-x86-ENU.exe",
    "WindowsServer2003.WindowsXP-KB948003-x64-ENU.exe",
    "WindowsServer2003-KB968915-x86-ENU.exe",
    "WindowsServer2003.WindowsXP-KB968915-x64-ENU.exe",
}
CABINETS = {
    *(f"Windows6.0-{kb}-{cpu}.msu" for kb in ("KB968912", "KB2885698") for cpu in ("x86", "x64")),
    *(f"Windows6.1-{kb}-{cpu}.msu" for kb in ("KB2757817", "KB2885698", "KB3079821") for cpu in ("x86", "x64")),
    *(f"Windows8-RT-{kb}-{cpu}.msu" for kb in ("KB2885698", "KB3058168") for cpu in ("x86", "x64")),
    *(f"Windows8.1-{kb}-{cpu}.msu" for kb in ("KB3058168", "KB3172614") for cpu in ("x86", "x64")),
    "Windows8-RT-KB3172615-x64.msu",
    "Windows8.1-KB4467695-x64.msu",
}
NAMES = PROGRAMS | CABINETS
FOR_SERVER_2003 = ("kms_1_0", "kms_1_1", "kms_1_2")


def marker(content: bytes) -> dict[str, object]:
    """What a stand-in says about itself."""
    assert content.count(MARKER) == 1
    line = content.partition(MARKER)[2].partition(b"\n")[0]
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


def strings(program: pefile.PE) -> dict[str, str]:
    """The texts of the version resource."""
    (table,) = [table for info in program.FileInfo[0] if info.Key == b"StringFileInfo" for table in info.StringTable]
    return {key.decode(): value.decode() for key, value in table.entries.items()}


@pytest.mark.parametrize("package", list(catalogue(updates=FOR_SERVER_2003)), ids=lambda package: str(package.path))
def test_pefile_reads_every_stand_in(package: Package) -> None:
    content = build(package)
    program = pefile.PE(data=content)
    assert program.FILE_HEADER.Machine == {"x86": 0x14C, "x64": 0x8664}[package.architecture]
    assert program.is_exe() and not program.is_dll()
    assert [section.Name.rstrip(b"\0") for section in program.sections] == [b".text", b".rsrc"]
    assert program.get_data(program.OPTIONAL_HEADER.AddressOfEntryPoint, 3) == b"\x31\xc0\xc3"
    fixed = program.VS_FIXEDFILEINFO[0]
    assert (fixed.FileVersionMS, fixed.FileVersionLS) == (6 << 16 | 3, 13 << 16)
    texts = strings(program)
    assert texts["FileDescription"] == "Self-Extracting Cabinet"
    assert texts["InternalName"] == texts["OriginalFilename"] == "SFXCAB.EXE"
    assert texts["FileVersion"] == "6.3.13.0"
    assert "Microsoft" not in texts["CompanyName"]
    assert content[program.get_overlay_data_start_offset() :].startswith(MARKER)


def test_markers_say_what_installing_would_do() -> None:
    found = {package.path.as_posix(): marker(build(package)) for package in catalogue()}
    assert set(found) == NAMES
    assert found["x64/Kmsw2k3.exe"] == {
        "update": "kms_1_0", "kb": None, "architecture": "x64", "language": "ENU", "engine": "update.exe",
        "min_service_pack": 1, "windows": "5.2", "needs": [],
    }  # fmt: skip
    assert found["WindowsServer2003-KB968915-x86-ENU.exe"] == {
        "update": "kms_1_2", "kb": "KB968915", "architecture": "x86", "language": "ENU", "engine": "update.exe",
        "min_service_pack": 2, "windows": "5.2", "needs": ["kms_1_0"],
    }  # fmt: skip
    assert found["Windows8.1-KB3172614-x64.msu"] == {
        "update": "kb3172614", "kb": "KB3172614", "architecture": "x64", "language": "neutral", "engine": "cbs",
        "min_service_pack": 0, "windows": "6.3", "needs": ["KB2919355"],
    }  # fmt: skip


@pytest.mark.parametrize("package", [package for package in catalogue() if package.engine == "cbs"], ids=str)
def test_an_msu_holds_what_an_msu_holds(package: Package) -> None:
    name = package.path.stem
    files = read_cabinet(build(package))
    assert list(files) == ["WSUSSCAN.cab", f"{name}.cab", f"{name}-pkgProperties.txt", f"{name}.xml"]
    payload = read_cabinet(files[f"{name}.cab"])
    assert json.loads(payload[MARKER_FILE].removeprefix(MARKER))["kb"] == package.kb
    assert f'name="Package_for_{package.kb}"'.encode() in payload["update.mum"]
    said = files[f"{name}-pkgProperties.txt"].decode()
    assert f'KB Article Number="{(package.kb or "")[2:]}"' in said
    assert 'Company="activation.kms contributors"' in said


def test_a_damaged_cabinet_is_told() -> None:
    (package,) = catalogue(updates=["kb3172615"])
    content = build(package)
    for damaged in (b"", b"MZ" + content, content[:100], content[:-40], content[:400] + b"XX" + content[402:]):
        with pytest.raises(CabinetError):
            read_cabinet(damaged)


def certificate_and_key(folder: Path) -> tuple[Path, Path]:
    """A certificate that signs code, by itself, as PEM files."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Signer of stand-ins")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def test_signing_a_stand_in_changes_nothing_about_it(tmp_path: Path) -> None:
    tool = shutil.which("osslsigncode")
    assert tool, "osslsigncode is needed (tests/tools/system_packages.sh)"
    certificate, key = certificate_and_key(tmp_path)
    for package in catalogue(updates=["kms_1_2", "kb3079821"], architectures=["x64"]):
        plain, signed = tmp_path / package.path.name, tmp_path / f"signed-{package.path.name}"
        plain.write_bytes(build(package))
        sign = ["-certs", str(certificate), "-key", str(key), "-in", str(plain), "-out", str(signed)]
        subprocess.run([tool, "sign", "-h", "sha256", *sign], check=True, capture_output=True)
        verify = ["-CAfile", str(certificate), "-in", str(signed)]
        done = subprocess.run([tool, "verify", *verify], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        content = signed.read_bytes()
        assert marker(content)["update"] == package.update
        if package.engine == "cbs":
            assert read_cabinet(content) == read_cabinet(plain.read_bytes())


def test_unknown_engines_and_other_languages() -> None:
    (package, _) = catalogue("DEU", "unknown", ["kms_1_2"])
    assert str(package.path) == "WindowsServer2003-KB968915-x86-DEU.exe"
    program = pefile.PE(data=build(package))
    assert strings(program)["InternalName"] != "SFXCAB.EXE"
    assert program.FileInfo[0][0].StringTable[0].LangID == b"040704B0"
    assert marker(build(package))["engine"] == "unknown"


def test_padding_changes_nothing_but_the_size(tmp_path: Path) -> None:
    (package, _) = catalogue(updates=["kms_1_1"])
    ((path, digest),) = write_packages(tmp_path, iter([package]), 3 << 19)
    content = (tmp_path / path).read_bytes()
    assert content == build(package) + bytes(3 << 19)
    assert hashlib.sha256(content).hexdigest() == digest


def test_padding_lies_in_the_payload_of_an_msu() -> None:
    (package,) = catalogue(updates=["kb3172615"])
    content = build(package, 100_000)
    payload = read_cabinet(read_cabinet(content)[f"{package.path.stem}.cab"])
    assert payload["padding.bin"] == bytes(100_000)
    assert marker(content)["update"] == "kb3172615"


def test_a_language_has_its_own_names() -> None:
    names = {package.path.as_posix() for package in catalogue("JPN", architectures=["x86"], updates=FOR_SERVER_2003)}
    assert names == {"Kmsw2k3.exe", "WindowsServer2003-KB948003-x86-JPN.exe", "WindowsServer2003-KB968915-x86-JPN.exe"}
    neutral = {package.language for package in catalogue("JPN", updates=set(UPDATES) - set(FOR_SERVER_2003))}
    assert neutral == {"neutral"}


def test_the_command_writes_what_it_was_asked_for(command: Command, tmp_path: Path) -> None:
    asked = ["--language", "deu", "--architecture", "x86", "--update", "kms_1_2", "--update", "kb2885698"]
    done = command.run("packages", tmp_path, *asked)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {
        "WindowsServer2003-KB968915-x86-DEU.exe",
        *(f"{system}-KB2885698-x86.msu" for system in ("Windows6.0", "Windows6.1", "Windows8-RT")),
    }


def test_the_command_prints_names_and_digests(command: Command, tmp_path: Path) -> None:
    first = command.run("packages", tmp_path / "one")
    second = command.run("packages", tmp_path / "two")
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    notice, *lines = first.stdout.splitlines()
    assert "stand-in" in notice and "Not a Microsoft package" in notice
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    assert set(listed) == NAMES
    for name, digest in listed.items():
        assert hashlib.sha256((tmp_path / "one" / name).read_bytes()).hexdigest() == digest


def test_mistakes_on_the_command_line(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    for arguments in (["--language", "XXX"], ["--pad", "many"], ["--only", "kms_9"]):
        assert command.run("packages", tmp_path / "out", *arguments).returncode == 2
    done = command.run("packages", tmp_path / "file")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
