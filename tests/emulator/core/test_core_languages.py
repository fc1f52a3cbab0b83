# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs print in the language of the machine and in the code page of the console; exit codes know no language."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from corewire import KEY, Wire, collect, content

from emulated_windows.packaged import read

MakeWire = Callable[..., Wire]
OLD, R2 = "server-2003-sp2-x86", "server-2008-r2-sp1"
LANGUAGES = ("ENU", "DEU", "JPN")
SAYS_SOMETHING = (
    (OLD, "nothing.exe"),
    (OLD, "start /w nothing.exe"),
    (OLD, "type C:\\nothing.txt"),
    (OLD, "md C:\\WINDOWS"),
    (OLD, "rd /s /q C:\\WINDOWS"),
    (OLD, "del C:\\nothing.txt"),
    (OLD, "echo"),
    (OLD, "findstr x"),
    (OLD, "certutil -decode C:\\nothing.txt C:\\x"),
    (OLD, "shutdown /a"),
    (OLD, "shutdown /q"),
    (OLD, "net start nothing"),
    (OLD, "net stop Spooler"),
    (OLD, "reg add HKLM\\SOFTWARE\\X /v n /d 1 /f"),
    (OLD, "reg query HKLM\\SOFTWARE\\Nothing"),
    (OLD, "netsh firewall show state"),
    (OLD, "netsh firewall show portopening"),
    (OLD, "netsh firewall show config"),
    (R2, "netsh advfirewall show allprofiles"),
    (R2, "netsh advfirewall firewall show rule name=all"),
    (R2, "netsh firewall show state"),
    (R2, "expand C:\\nothing.cab C:\\x"),
    (R2, "dism /online"),
    (R2, "dism /online /add-package /packagepath:C:\\nothing.cab /norestart"),
    (R2, "cscript //nologo C:\\Windows\\system32\\slmgr.vbs /dli"),
    (R2, "cscript //nologo C:\\Windows\\system32\\slmgr.vbs /dlv"),
)


@pytest.mark.parametrize(("persona", "line"), SAYS_SOMETHING, ids=[line for _, line in SAYS_SOMETHING])
def test_texts_differ_and_exit_codes_do_not(wire: MakeWire, persona: str, line: str) -> None:
    ran = [wire(persona=persona, language=language).run(line) for language in LANGUAGES]
    assert len({one.out + one.err for one in ran}) == len(LANGUAGES)
    assert len({one.code for one in ran}) == 1


def test_every_text_is_there_in_every_language() -> None:
    for key, texts in read("data/program_texts.yml").items():
        assert set(texts) == set(LANGUAGES), key


@pytest.mark.parametrize(
    ("language", "code_page", "codec"),
    [("DEU", None, "cp850"), ("DEU", "1252", "cp1252"), ("DEU", "65001", "utf-8"), ("JPN", None, "cp932")],
)
def test_the_console_has_a_code_page(wire: MakeWire, language: str, code_page: str | None, codec: str) -> None:
    """The OEM code page of the language, unless the client asks for another one (WINRS_CODEPAGE)."""
    host = wire(language=language)
    shell = host.open_shell(code_page)
    command = content(host.command(shell, "reg query HKLM\\SOFTWARE\\Nothing"))[0].text or ""
    streams = {"stdout": b"", "stderr": b""}
    collect(host.receive(shell, command), streams)
    text = {"DEU": "FEHLER: Der angegebene Registrierungsschlüssel", "JPN": "エラー"}[language]
    assert streams["stderr"].startswith(text.encode(codec))


def test_consent_is_a_letter_of_the_language(wire: MakeWire) -> None:
    line = "reg delete HKLM\\SOFTWARE\\X"
    for language, letter, code in (("DEU", b"j", 0), ("DEU", b"y", 1), ("ENU", b"y", 0)):
        host = wire(language=language)
        assert host.run("reg add HKLM\\SOFTWARE\\X /f").code == 0
        assert host.run(line, [letter]).code == code


def test_slmgr_knows_only_english_on_server_2003(wire: MakeWire) -> None:
    """Its texts are inside the script; those in other languages came with Vista."""
    shown = []
    for language in ("ENU", "DEU"):
        host = wire(language=language, start="kms_1_2")
        host.licensing("InstallProductKey", ProductKey=KEY)
        shown.append(host.run("cscript //nologo C:\\WINDOWS\\system32\\slmgr.vbs /dli").out)
    assert shown[0] == shown[1]
    assert "Current count" in shown[0]
