# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks how Kerberos stands on the controller, for the connection that a task has.

Internal to the collection activation.kms; not a public interface.

Takes what it must know from the documented options of the connection plugins winrm and psrp, reads krb5.conf as MIT's
library does (files named by KRB5_CONFIG, `include`, `includedir`), and has a ticket for the host made and thrown away.
The host is not spoken to, the KDC and DNS are. No variable of the environment is changed.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import socket
import typing as t

from .._secret import Secret
from .._windows.kerberos import DEFAULT_CONFIG, Kerberos, Login, libdefaults
from .._world import KerberosTrouble
from . import gss

_INCLUDED = re.compile(r"[A-Za-z0-9_-]+|[^.].*\.conf")  # names of files that includedir takes, krb5.conf(5)


def login_of(connection: t.Any) -> Login | None:
    """How the connection logs in by Kerberos; None when it does not."""
    kind = str(getattr(connection, "transport", ""))
    if kind == "psrp" and connection.get_option("auth") == "kerberos":
        option = connection.get_option
        return _login("psrp", option, option("negotiate_hostname_override"), option("negotiate_service"))
    return _login_of_winrm(connection.get_option) if kind == "winrm" else None


def _login_of_winrm(option: t.Callable[[str], t.Any]) -> Login | None:
    """ansible.builtin.winrm: a name with an @ means Kerberos; with a password it runs kinit, in a bare environment."""
    user = str(option("remote_user") or "")
    transports = [name for name in option("transport") or () if name] or ["kerberos" if "@" in user else ""]
    if "kerberos" not in transports:
        return None
    extras = option("_extras") or {}
    override, service = (extras.get(f"ansible_winrm_{name}") for name in ("kerberos_hostname_override", "service"))
    mode = option("kerberos_mode")
    managed = mode == "managed" or (mode is None and bool(option("remote_password")))
    program = str(option("kerberos_command") or "kinit") if managed else ""
    passed = tuple(str(name) for name in option("kinit_env_vars") or ()) if managed else ()
    return _login("winrm", option, override, service, program=program, passed=passed)


def _login(plugin: str, option: t.Callable[[str], t.Any], override: t.Any, service: t.Any, **more: t.Any) -> Login:
    password = option("remote_password")
    return Login(
        plugin,
        str(override or option("remote_addr")),
        str(service or "HTTP"),
        str(option("remote_user") or ""),
        Secret(str(password)) if password and (plugin == "psrp" or more["program"]) else None,
        **more,
    )


def look(login: Login | None) -> Kerberos:
    """What there is for this login."""
    if login is None:
        return Kerberos()
    configs = [path for path in os.environ.get("KRB5_CONFIG", "").split(os.pathsep) if path]
    settings = libdefaults(line for path in configs or [DEFAULT_CONFIG] for line in _lines(path))
    tried, said = _try(login)
    canonical, reverse = _names(login.host) if tried == "service_unknown" else ("", "")
    return Kerberos(
        login=login,
        library=_has_library(login.plugin),
        program=not login.program or shutil.which(login.program) is not None,
        config=os.pathsep.join(configs) or DEFAULT_CONFIG,
        chosen=bool(configs),
        config_found=any(os.path.isfile(path) for path in configs or [DEFAULT_CONFIG]),
        settings=settings,
        cache=os.environ.get("KRB5CCNAME") or settings.get("default_ccache_name", ""),
        tried=tried,
        said=said,
        canonical=canonical,
        reverse=reverse,
    )


def _try(login: Login) -> tuple[str, str]:
    """How getting a ticket ends. kinit may use a keytab, by arguments of its own: nobody else can try that."""
    if (login.program and login.password is None) or (login.password is not None and not login.principal):
        return "missing", ""
    try:
        gss.try_login(login.service, login.host, login.principal, login.password)
    except KerberosTrouble as trouble:
        return trouble.reason, trouble.detail
    return "", ""


def _has_library(plugin: str) -> bool:
    """pywinrm takes pykerberos, whose module is named kerberos; pypsrp takes gssapi and krb5, by way of pyspnego."""
    try:
        importlib.import_module("kerberos" if plugin == "winrm" else "krb5")
    except (ImportError, OSError):  # OSError: the package is there, the Kerberos library of the system is not
        return False
    return plugin == "winrm" or gss.HAVE_GSSAPI


def _names(host: str) -> tuple[str, str]:
    """The canonical name of a host, and the name of its address; "" for what there is not."""
    try:
        entry = socket.getaddrinfo(host, None, flags=socket.AI_CANONNAME)[0]
    except (OSError, UnicodeError):
        return "", ""
    try:
        return entry[3], socket.getnameinfo(entry[4], socket.NI_NAMEREQD)[0]
    except OSError:
        return entry[3], ""


def _lines(path: str, depth: int = 0) -> t.Iterator[str]:
    """The lines of a krb5.conf and of what it includes; none of a file that cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines:
        word, _space, rest = line.strip().partition(" ")
        if word in ("include", "includedir") and depth < 5:
            for name in [rest.strip()] if word == "include" else _folder(rest.strip()):
                yield from _lines(name, depth + 1)
        else:
            yield line


def _folder(path: str) -> list[str]:
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return []
    return [os.path.join(path, name) for name in names if _INCLUDED.fullmatch(name)]
