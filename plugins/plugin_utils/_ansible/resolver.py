# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks DNS as a client does: through the system's resolver, or through servers the user names.

Internal to the collection activation.kms; not a public interface.

dnspython does the asking. What it can tell apart is told apart: a name or record that does not exist is an answer, a
server that refuses, fails, is silent or knows only who else to ask is trouble, in one sentence.
"""

from __future__ import annotations

import typing as t

from .._errors import Failure, Refusal
from .._srv import names
from .._srv.library import need_dnspython
from .addresses import addresses_of

try:
    import dns.exception
    import dns.name
    import dns.rcode
    import dns.rdatatype
    import dns.resolver
    import dns.rrset
except ImportError:
    pass  # library.need_dnspython says so before anything of this is used

DNS_PORT = 53
_LONGEST_TIMEOUT = 300.0
_ONE_ATTEMPT = 2.0  # seconds, as dnspython itself waits before it tries again or elsewhere
_Trouble = tuple[str, bool, int, t.Any, t.Any]  # server, over TCP, port, what happened, its answer


class Resolver:
    """Something that can be asked. Raises Refusal when made from what cannot work.

    Attributes:
        peer: whom it asks, as messages name it.
    """

    def __init__(self, servers: t.Sequence[str], port: int = DNS_PORT, timeout: float = 5.0) -> None:
        need_dnspython()
        check(servers, port, timeout)
        self._resolver = _from_servers(servers, port) if servers else _from_system()
        self._resolver.lifetime = timeout
        # One server that is silent must not use up the time of the others, nor one lost datagram all of it.
        self._resolver.timeout = min(_ONE_ATTEMPT, timeout / (len(self._resolver.nameservers) + 1))
        self._resolver.cache = dns.resolver.Cache()  # lives as long as this object: a host of two domains is asked once
        asked = ", ".join(servers) or ", ".join(str(one) for one in self._resolver.nameservers)
        whose = "DNS server" if servers else "the controller's DNS server"
        self.peer = f"{whose} {asked}" + (f" (port {port})" if port != DNS_PORT else "")

    def ask(self, name: str, rdtype: str) -> dns.rrset.RRset | None:
        """The records, or None when there are none. Aliases are followed. Raises Failure."""
        question = f"the {rdtype} records of {name}"
        try:
            answer = self._resolver.resolve(dns.name.from_text(name), rdtype, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return None
        except dns.resolver.LifetimeTimeout as error:
            raise self._silent(question, error) from None
        except dns.resolver.NoNameservers as error:
            raise self._unwilling(question, _what_they_said(error.kwargs.get("errors", []))) from None
        except (dns.exception.DNSException, OSError, EOFError, ValueError) as error:
            raise self._unwilling(question, type(error).__name__) from None
        if answer.rrset is None and _is_referral(answer):
            raise self._unwilling(question, "it only names other servers to ask")
        return answer.rrset

    def _silent(self, question: str, error: dns.resolver.LifetimeTimeout) -> Failure:
        errors = error.kwargs.get("errors", [])
        said = _what_they_said([one for one in errors if not isinstance(one[3], dns.exception.Timeout)])
        advice = "Check that UDP and TCP reach a DNS server there from the controller, or name another server."
        return Failure(
            f"{self.peer} did not answer the question for {question} within {self._resolver.lifetime:g} seconds"
            f"{f' ({said})' if said else ''}. {advice}",
            name="dns_no_answer",
            advice=advice,
        )

    def _unwilling(self, question: str, why: str) -> Failure:
        advice = "Name a server that serves this domain, or one that resolves names for the controller."
        return Failure(
            f"{self.peer} could not tell {question} ({why}). {advice}",
            name="dns_not_told",
            advice=advice,
        )


def check(servers: t.Sequence[str], port: int, timeout: float) -> None:
    """Refuse what cannot work, without asking anybody. Raises Refusal."""
    if not 0 < timeout <= _LONGEST_TIMEOUT:
        raise _bad(f"timeout is {timeout}; it must be more than 0 and at most {_LONGEST_TIMEOUT:.0f} seconds")
    names.number(port, "server_port", 1, 65535)
    if not servers and port != DNS_PORT:
        raise _bad("server_port is given and server is not; the system's resolver has ports of its own")
    for server in servers:
        names.host_name(server)


def _from_servers(servers: t.Sequence[str], port: int) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    addresses: list[str] = []
    for server in servers:
        name = names.host_name(server)
        found = [name] if names.is_address(name) else addresses_of(name)
        if not found:
            raise _bad(f"server {name} has no address that the controller's resolver knows; write its address")
        addresses += found
    resolver.nameservers = list(dict.fromkeys(addresses))
    resolver.port = port
    return resolver


def _from_system() -> dns.resolver.Resolver:
    try:
        resolver = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        raise _bad("the controller has no resolver configured (/etc/resolv.conf); name one in server") from None
    if not resolver.nameservers:
        raise _bad("the controller's resolver names no DNS server (/etc/resolv.conf); name one in server")
    return resolver


def _what_they_said(troubles: t.Sequence[_Trouble]) -> str:
    """`192.0.2.1: REFUSED, ...`, each once."""
    told = [f"{_address(server)}: {_said(what)}" for server, _tcp, _port, what, _answer in troubles]
    return ", ".join(dict.fromkeys(told))


def _address(server: str) -> str:
    """dnspython writes `Do53:192.0.2.1@53`."""
    return server.removeprefix("Do53:").partition("@")[0]


def _said(what: t.Any) -> str:
    """The result code, or the kind of trouble."""
    return what if isinstance(what, str) else type(what).__name__


def _is_referral(answer: dns.resolver.Answer) -> bool:
    """Whether the server only knows who else could be asked, or where an alias leads.

    A denial carries the SOA of its zone, a referral name servers without one (RFC 2308 sections 2.1 and 2.2).
    """
    kinds = {rrset.rdtype for rrset in answer.response.authority}
    return dns.rdatatype.SOA not in kinds and (dns.rdatatype.NS in kinds or bool(answer.response.answer))


def _bad(message: str) -> Refusal:
    return Refusal(message, name="bad_option", advice="Correct the option and run again; nothing was asked.")
