# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a task: validated by Ansible's own validator, without its habit of repeating what was offered.

Internal to the collection activation.kms; not a public interface.

Ansible's messages quote the offered value ("value of auth must be one of: ..., got: S3CRET"), which leaks a secret put
into the wrong option, and its validator crashes on a scalar where a dict with suboptions is wanted.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import re
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from .._errors import Refusal
from .._secret import HIDDEN, HostKey, Scrubber, Secret

ArgumentSpec = t.Mapping[str, t.Mapping[str, t.Any]]

_GOT = re.compile(
    r"(, got:|\. Got no match for:|: unable to convert|: could not convert|cannot be converted).*", re.DOTALL
)
_CONVERSION = re.compile(
    r"^(?:argument|Elements value for option) '?([^' ]+)'? is of type .* and we were unable to convert to (\w+)",
    re.DOTALL,
)
_CHOICES = re.compile(r"must be one(?: or more)? of: ")
_PLACE = re.compile(r" found in ([a-z_]+(?: -> [a-z_]+)*)$")
_KEY = r"[A-Za-z0-9]{5}(-[A-Za-z0-9]{5}){4}"
_LOOKS_LIKE_A_KEY = re.compile(rf"\s*{_KEY}\s*")
_KEY_INSIDE = re.compile(rf"(?<![\w-]){_KEY}(?![\w-])")
_LOOKS_LIKE_BASE64 = re.compile(r"\s*[A-Za-z0-9+/]{16,}={1,2}\s*")

_SPOKEN = ("packages", "package_files", "install_args", "reboot_reason", "self_publishing_domains", "audit_log")
_NAMED_IN_DNS = ("zone", "zones", "target", "server")
"""Asked for in the clear, or published."""

AUDIT_OPTIONS: ArgumentSpec = {"audit_log": {"type": "path"}}
"""Options of every module that changes something, and of those that share its module_defaults."""

WINDOWS_OPTIONS: ArgumentSpec = {
    "operation_timeout": {"type": "int", "default": 60},
    "allow_unencrypted_key": {"type": "bool", "default": False},
    **AUDIT_OPTIONS,
}
"""Options of every module that works through the host's WinRM connection (the module_defaults group `kms`)."""


@dataclasses.dataclass(frozen=True)
class Specification:
    """What a module accepts, in the words of Ansible's argument specification."""

    argument_spec: ArgumentSpec
    mutually_exclusive: tuple[tuple[str, ...], ...] = ()
    required_together: tuple[tuple[str, ...], ...] = ()
    required_one_of: tuple[tuple[str, ...], ...] = ()
    required_if: tuple[tuple[t.Any, ...], ...] = ()
    required_by: t.Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    windows: bool | t.Callable[[t.Mapping[str, t.Any]], bool] = True
    """Whether it works through the host's WinRM connection; of some the options decide, which they bring themselves."""

    def __post_init__(self) -> None:
        _ready = self.validator  # Ansible loads an action once and forks for every task: made here, it is made once

    @functools.cached_property
    def validator(self) -> t.Any:
        """Ansible's own; it copies the whole specification when it is made, and leaves it as it is when it is used."""
        return t.cast(t.Any, ArgumentSpecValidator)(
            self.spec(),
            mutually_exclusive=[list(group) for group in self.mutually_exclusive],
            required_together=[list(group) for group in self.required_together],
            required_one_of=[list(group) for group in self.required_one_of],
            required_if=[list(rule) for rule in self.required_if],
            required_by={name: list(others) for name, others in self.required_by.items()},
        )

    def spec(self) -> dict[str, t.Any]:
        """The argument specification as Ansible takes it, the common options included."""
        return {**self.argument_spec, **(WINDOWS_OPTIONS if self.windows is True else {})}

    def speaks_windows(self, options: t.Mapping[str, t.Any]) -> bool:
        """Whether a task with these options, which are valid, needs the host's WinRM connection."""
        return self.windows if isinstance(self.windows, bool) else self.windows(options)


def validate(specification: Specification, args: t.Mapping[str, t.Any], module: str) -> dict[str, t.Any]:
    """The options with defaults and types.

    Raises:
        Refusal: one sentence, with no offered value in it.
    """
    _check_shapes(specification.spec(), args, module, "")
    try:
        result = specification.validator.validate(dict(args))
    except Exception as error:  # it meets values it was not made for, a number beyond all measure for instance
        raise Refusal(
            f"{module}: an option has a value Ansible cannot use ({type(error).__name__}); see ansible-doc {module}",
            name="bad_option",
        ) from None
    if result.error_messages:
        raise _refusal(result, args, module)
    return dict(result.validated_parameters)


def secrets_of(spec: t.Mapping[str, t.Any], args: t.Any) -> t.Iterator[Secret]:
    """Every offered value of an option marked `no_log`, suboptions included, before anything is validated."""
    if not isinstance(args, collections.abc.Mapping):
        return
    for name, rule in spec.items():
        value = args.get(name)
        if rule.get("no_log"):
            yield from (HostKey(text) if name == "product_key" else Secret(text) for text in _leaves(value))
        for item in value if isinstance(value, (list, tuple)) else [value]:
            yield from secrets_of(rule.get("options", {}), item)


def lookalikes_of(args: t.Any) -> t.Iterator[Secret]:
    """Offered values that look like a secret, in whatever option: product keys, and base64 with its padding.

    A TSIG secret in `key_name` or a host key in `target` would stand in the message that refuses it.
    """
    for text in _leaves(args):
        if _LOOKS_LIKE_A_KEY.fullmatch(text):
            yield HostKey(text)
        elif _LOOKS_LIKE_BASE64.fullmatch(text):
            yield Secret(text)


def judge_spoken(options: t.Mapping[str, t.Any], scrubber: Scrubber) -> None:
    """Refuse a secret where others than this collection would write it down.

    Ansible tells at -vvvvv where it looks for files, and the name of a file is seen by all; what becomes a command line
    or a setting of the host is logged and read there; names of DNS are asked for in the clear.
    """
    for name, value in _spoken(options):
        if any(scrubber.holds(text) or _KEY_INSIDE.search(text) for text in _leaves(value)):
            raise Refusal(
                f"{name} holds a product key, a password or another secret, and would show it to others; put that into "
                "the option it is for, and correct this one",
                name="bad_option",
                advice=f"Correct {name}.",
            )


def _spoken(options: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, t.Any]]:
    """Options that others get to see, with their values; those of `members` and `publish` too."""
    for name in (*_SPOKEN, *_NAMED_IN_DNS):
        yield name, options.get(name)
    for whole in ("members", "publish"):
        for item in options.get(whole) or ():
            for name in _NAMED_IN_DNS:
                yield f"{whole}: {name}", item.get(name)


def _check_shapes(spec: t.Mapping[str, t.Any], args: t.Mapping[str, t.Any], module: str, where: str) -> None:
    """Refuse a scalar where suboptions are wanted: the validator itself would crash on it."""
    for name, rule in spec.items():
        value = args.get(name)
        if value is None or "options" not in rule:
            continue
        items = value if isinstance(value, (list, tuple)) else [value]
        for item in items:
            if not isinstance(item, collections.abc.Mapping):
                raise Refusal(
                    f"{module}: option {where}{name} must be {_wanted(rule)}; see ansible-doc {module}",
                    name="bad_option",
                )
            _check_shapes(rule["options"], item, module, f"{where}{name}.")


def _wanted(rule: t.Mapping[str, t.Any]) -> str:
    names = ", ".join(rule["options"])
    return (
        f"a list of dictionaries with the keys {names}"
        if rule["type"] == "list"
        else f"a dictionary with the keys {names}"
    )


def _refusal(result: t.Any, args: t.Mapping[str, t.Any], module: str) -> Refusal:
    """The validator's first complaint without the offered values."""
    error = result.errors[0]
    conversion = _CONVERSION.match(str(error))
    text = "option {} must be of the type {}".format(*conversion.groups()) if conversion else _GOT.sub("", str(error))
    if isinstance(error, UnsupportedError):
        text = f"unsupported options: {text}"
    else:
        choices = _CHOICES.search(text)
        ours = choices.end() if choices else len(text)  # what follows are the choices: our words, not the user's
        text = _without_offers(text[:ours], args) + text[ours:]
        place = _PLACE.search(str(error))
        if place is not None and place.group() not in text and set(place.group(1).split(" -> ")) <= set(args):
            text += place.group()
    return Refusal(f"{module}: {text.strip().rstrip('.')}; see ansible-doc {module}", name="bad_option")


def _without_offers(text: str, args: t.Mapping[str, t.Any]) -> str:
    """The text without any offered value; names of options stay."""
    for value in sorted(_leaves(args), key=len, reverse=True):
        if len(value) > 3 and value not in args:
            text = text.replace(value, HIDDEN)
    return text


def _leaves(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, collections.abc.Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield str(value)
