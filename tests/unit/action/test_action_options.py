# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options: what is refused says why and never what was offered; secrets are known before anything is validated."""

from __future__ import annotations

import importlib
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._ansible import wishes
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.options import (
    Specification,
    judge_spoken,
    lookalikes_of,
    secrets_of,
    validate,
)
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.catalogue import STANDARD
from ansible_collections.activation.kms.plugins.plugin_utils._secret import HostKey, Scrubber, Secret

KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"
SECRET = "S3cret!Value"
MODULES = (
    "endpoint_info",
    "host",
    "host_firewall",
    "host_info",
    "host_key",
    "host_key_quota",
    "host_reboot",
    "host_settings",
    "host_update",
    "srv_record",
    "srv_record_info",
    "srv_record_together",
)


def specification(module: str) -> Specification:
    found = importlib.import_module(f"ansible_collections.activation.kms.plugins.action.{module}").SPECIFICATION
    return t.cast(Specification, found)


HOST = specification("host")
ZONE = {"zone": "corp.example", "server": "dc1"}


def refusal(args: dict[str, t.Any], spec: Specification = HOST) -> str:
    with pytest.raises(Refusal) as caught:
        validate(spec, args, "activation.kms.host")
    assert caught.value.name == "bad_option"
    assert caught.value.message.startswith("activation.kms.host: ")
    assert caught.value.message.endswith("; see ansible-doc activation.kms.host")
    return caught.value.message


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"port": SECRET}, "option port must be of the type int"),
        ({"port": [SECRET]}, "option port must be of the type int"),
        ({"port": 1.5}, "option port must be of the type int"),
        ({"reboot": SECRET}, "option reboot must be of the type bool"),
        ({"activation": SECRET}, "value of activation must be one of: online, offline, phone, unmanaged"),
        ({"key_group": SECRET}, "value of key_group must be one of: windows_vista"),
        ({"serve": [SECRET]}, "value of serve must be one or more of: server_2008, "),
        ({"serve": ["windows_7", SECRET]}, "windows_7, windows_8"),
        ({"serve": {"a": SECRET}}, "option serve must be of the type list"),
        ({"package_files": SECRET}, "option package_files must be of the type dict"),
        ({"package_checksums": "{" + SECRET}, "option package_checksums must be of the type dict"),
        ({"publish": False}, "option publish must be a list of dictionaries with the keys zone, server"),
        ({"publish": SECRET}, "option publish must be a list of dictionaries"),
        ({"publish": [SECRET]}, "option publish must be a list of dictionaries"),
        ({"publish": [{**ZONE, "auth": SECRET}]}, "value of auth must be one of: none, tsig"),
        ({"publish": [{**ZONE, "server_port": SECRET}]}, "option server_port must be of the type int"),
        ({"publish": [{"zone": SECRET}]}, "missing required arguments: server"),
        (
            {"nonsense": SECRET},
            "unsupported options: nonsense. Supported parameters include: accepted_updates, activation, ",
        ),
        ({"publish": [{**ZONE, "secret": SECRET}]}, "unsupported options: publish.secret"),
        ({"operation_timeout": SECRET}, "option operation_timeout must be of the type int"),
    ],
)
def test_what_is_refused_is_said_without_what_was_offered(args: dict[str, t.Any], words: str) -> None:
    message = refusal(args)
    assert words in message
    assert SECRET not in message


def test_the_rules_between_options_are_said() -> None:
    spec = specification("srv_record")
    assert "one of the following is required: target, members" in refusal(dict(ZONE), spec)
    both = {**ZONE, "target": SECRET, "members": [{"target": SECRET}]}
    message = refusal(both, spec)
    assert "mutually exclusive: target|members" in message and SECRET not in message
    assert "remote_addresses" in refusal({}, specification("host_firewall"))


@pytest.mark.parametrize(
    ("written", "meant"), [(True, "yes"), ("yes", "yes"), (False, "no"), ("no", "no"), (None, "unknown")]
)
def test_yaml_makes_a_truth_of_yes_and_no_and_they_are_taken_as_words(written: bool | str | None, meant: str) -> None:
    given = {} if written is None else {"aging": written}
    whole = validate(specification("srv_record"), {**ZONE, "target": "kms1.corp.example", **given}, "x")
    assert whole["aging"] == meant
    (inner,) = validate(HOST, {"publish": [{**ZONE, **given}]}, "x")["publish"]
    assert inner["aging"] == meant


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.just(SECRET), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@pytest.mark.parametrize("module", MODULES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_anything_at_all_is_either_taken_or_refused_without_the_secret(module: str, data: st.DataObject) -> None:
    spec = specification(module)
    names = st.sampled_from(sorted(spec.spec()))
    args = data.draw(st.dictionaries(names, VALUES, max_size=4))
    try:
        options = validate(spec, args, "activation.kms.x")
    except Refusal as refused:
        assert SECRET not in refused.message
    else:
        assert set(options) == set(spec.spec())


@pytest.mark.parametrize("module", MODULES)
def test_every_module_accepts_the_options_of_its_group(module: str) -> None:
    spec = specification(module)
    always = spec.windows is True
    assert ("allow_unencrypted_key" in spec.spec()) == always
    assert ("operation_timeout" in spec.spec()) == (always or callable(spec.windows))


@pytest.mark.parametrize("module", MODULES)
def test_every_option_with_a_secret_name_says_whether_it_is_one(module: str) -> None:
    def walk(spec: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, t.Any]]:
        for name, rule in spec.items():
            yield name, rule
            yield from walk(rule.get("options", {}))

    for name, rule in walk(specification(module).spec()):
        if any(word in name for word in ("key", "secret", "password", "token")) and rule["type"] == "str":
            assert "no_log" in rule, name
        if name in ("product_key", "key_secret"):
            assert rule["no_log"] is True


# -- secrets


def revealed(args: t.Any, spec: Specification = HOST) -> set[str]:
    return {secret.reveal() for secret in secrets_of(spec.spec(), args)}


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ({}, set()),
        ({"product_key": KEY}, {KEY}),
        ({"product_key": 12345678}, {"12345678"}),
        ({"product_key": [SECRET, {"a": KEY}]}, {SECRET, KEY}),
        ({"publish": [{"key_secret": SECRET}, {"key_secret": KEY}]}, {SECRET, KEY}),
        ({"publish": {"key_secret": SECRET}}, {SECRET}),
        ({"publish": "nonsense"}, set()),
        ({"publish": [None, 5]}, set()),
        ({"product_key": None, "key_group": SECRET}, set()),
        ("nonsense", set()),
        (None, set()),
    ],
)
def test_secrets_are_found_before_anything_is_validated(args: t.Any, found: set[str]) -> None:
    assert revealed(args) == found


def test_a_host_key_is_one() -> None:
    (secret,) = secrets_of(HOST.spec(), {"product_key": KEY})
    assert str(secret) == "*****-67892"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (KEY, "*****-67892"),
        (KEY.lower(), "*****-67892"),
        ("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ=", "********"),
        ("dc1.corp.example", None),
        ("10.0.0.0/8", None),
        ("WindowsServer2003-KB968915-x86-ENU.exe", None),
        ("sha256:" + "0" * 64, None),
        (1688, None),
    ],
)
def test_what_looks_like_a_secret_is_taken_for_one_wherever_it_stands(value: t.Any, shown: str | None) -> None:
    for args in ({"target": value}, {"publish": [{"key_name": value}]}, {"serve": [value]}):
        assert [secret.shown for secret in lookalikes_of(args)] == ([shown] if shown else [])


@pytest.mark.parametrize(
    "told",
    [
        {"packages": f"files/{KEY.lower()}/kms"},
        {"packages": KEY.replace("-", "")},
        {"packages": SECRET},
        {"package_files": {"kms_1_2": f" {SECRET} "}},
        {"package_files": {"kms_1_2": "packages/69JQK-XFJYX-JXRDF-JVMQK-RFWJV.exe"}},
        {"install_args": {"kms_1_2": f"/quiet /key:{KEY}"}},
        {"reboot_reason": f"the key {KEY} goes in"},
        {"self_publishing_domains": ["corp.example", KEY]},
        {"audit_log": f"/var/log/{KEY}"},
        {"target": f"{KEY.lower()}.corp.example"},
        {"zone": KEY},
        {"zones": ["corp.example", KEY]},
        {"server": SECRET},
        {"members": [{"target": "kms1.corp.example"}, {"target": f"{KEY}.corp.example", "port": None}]},
        {"publish": [{"zone": f"{KEY}.example", "key_secret": SECRET}]},
    ],
)
def test_a_secret_is_refused_where_others_would_write_it_down(told: dict[str, t.Any]) -> None:
    with pytest.raises(Refusal) as caught:
        judge_spoken(told, Scrubber([HostKey(KEY), Secret(SECRET)]))
    (name,) = told
    assert caught.value.name == "bad_option" and " holds " in caught.value.message
    assert caught.value.message.startswith(name)
    assert not any(part in caught.value.message for part in (KEY, KEY[:11], KEY.lower(), SECRET, "69JQK"))


def test_a_password_that_is_a_word_may_stand_in_a_path() -> None:
    told: dict[str, t.Any] = {
        "packages": "/srv/vagrant/kms-packages",
        "audit_log": "/var/log/vagrant-kms.jsonl",
        "port": 1688,
    }
    told.update(members=[{"target": "vagrant.corp.example"}], publish=[{"zone": "corp.example", "key_secret": SECRET}])
    known = Scrubber([HostKey(KEY), Secret("vagrant"), Secret(SECRET)])
    judge_spoken({**told, "reboot_reason": None, "product_key": KEY}, known)


# -- what options mean


def options(spec: Specification = HOST, **args: t.Any) -> dict[str, t.Any]:
    return validate(spec, args, "activation.kms.host")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"package_files": {"kms_9": "x"}}, "package_files has the unknown keys kms_9; known are kms_1_0"),
        ({"install_args": {"kms_9": "x"}}, "install_args has the unknown keys kms_9"),
        ({"package_checksums": {"kms_1_0": "md5:abc"}}, "package_checksums of kms_1_0 is no SHA-256"),
        ({"package_checksums": {"kms_1_0": "sha256:" + "g" * 64}}, "no SHA-256"),
        ({"package_checksums": {"kms_1_0": "a" * 63}}, "no SHA-256"),
        ({"install_timeout": 0}, "install_timeout must be between 1 and 86400 seconds"),
        ({"install_timeout": 86401}, "install_timeout must be between"),
    ],
)
def test_wishes_about_updates_that_are_refused(args: dict[str, t.Any], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        wishes.update_wish(options(**args), None, STANDARD)


def test_host_update_installs_what_the_key_needs() -> None:
    given = options(specification("host_update"), serve=["windows_7"], key_group="server_2012_r2")
    assert wishes.update_wish(given, None, STANDARD).wanted == {"windows_7", "server_2012_r2"}


def test_a_wish_about_updates() -> None:
    given_options = options(serve=["windows_7"], package_files={"kms_1_0": "/x"}, reboot_timeout=5)
    wish = wishes.update_wish(given_options, "/packages", STANDARD)
    assert (set(wish.serve), wish.packages, dict(wish.package_files)) == (
        {"windows_7"},
        "/packages",
        {"kms_1_0": "/x"},
    )
    assert (wish.install_timeout, wish.reboot_timeout) == (1800.0, 5.0)


@pytest.mark.parametrize("args", [{"reboot_delay": -1}, {"reboot_delay": 3601}, {"reboot_timeout": 0}])
def test_wishes_about_the_restart_that_are_refused(args: dict[str, t.Any]) -> None:
    with pytest.raises(Refusal, match="must be between"):
        wishes.restart_options(options(**args))


@pytest.mark.parametrize("number", [-1, 2, 10])
def test_more_than_one_activation_a_run_is_refused(number: int) -> None:
    given_options = options(product_key=KEY, max_activations=number)
    with pytest.raises(Refusal, match="max_activations must be 0 or 1"):
        wishes.key_wish(given_options, serve=(), encrypted=True, known=STANDARD)


def test_a_setup_key_is_not_what_absent_removes() -> None:
    spec = specification("host_key")
    given_options = options(spec, state="absent", product_key="489J6-VHDMP-X63PK-3K798-CPX3Y")
    with pytest.raises(Refusal, match="removes KMS host keys only") as caught:
        wishes.removal_wish(given_options)
    assert caught.value.name == "key_is_setup_key"
    with pytest.raises(Refusal, match="five groups of five"):
        wishes.removal_wish({**given_options, "product_key": "489J6"})
    assert wishes.removal_wish({**given_options, "product_key": KEY.lower()}).last_five == "67892"


@pytest.mark.parametrize(
    ("encrypted", "allowed", "travels"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_how_the_key_may_travel(encrypted: bool, allowed: bool, travels: bool) -> None:
    given_options = options(product_key=KEY, allow_unencrypted_key=allowed)
    assert wishes.key_wish(given_options, serve=(), encrypted=encrypted, known=STANDARD).encrypted is travels


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"port": 0}, "port must be between"),
        ({"activation_interval": 14}, "activation_interval must be between 15 and 43200"),
        ({"renewal_interval": 43201}, "renewal_interval must be between 15 and 43200"),
        ({"self_publishing_domains": [SECRET]}, "entry 1 of self_publishing_domains"),
        ({"self_publishing": False, "self_publishing_domains": ["a.b"]}, "drop one of them"),
    ],
)
@pytest.mark.parametrize("module", ["host", "host_settings"])
def test_wishes_about_settings_that_are_refused(module: str, args: dict[str, t.Any], words: str) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        wishes.settings_wish(options(specification(module), **args))
    assert SECRET not in caught.value.message


def test_a_wish_about_settings() -> None:
    given_options = options(port=1689, self_publishing_domains=["Lab.Example, 1, 2"], low_priority=True)
    assert wishes.settings_wish(given_options).given() == {
        "port": 1689,
        "self_publishing_domains": ("lab.example, 1, 2",),
        "low_priority": True,
    }
    assert wishes.settings_wish(options(self_publishing=False, self_publishing_domains=[])).given() == {
        "self_publishing": False,
        "self_publishing_domains": (),
    }


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_ports_that_are_none(port: int) -> None:
    with pytest.raises(Refusal, match="port must be between 1 and 65535"):
        wishes.check_port(port)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"key_secret": SECRET}, "key_secret is given, but auth is none; set auth: tsig"),
        ({"key_name": "k", "key_secret": SECRET}, "key_name and key_secret are given"),
        ({"auth": "tsig"}, "needs key_name and key_secret"),
        ({"auth": "tsig", "key_name": "k"}, "needs key_name and key_secret"),
        ({"password": SECRET}, "password is given, but auth is none; set auth: gss_tsig"),
        ({"auth": "tsig", "principal": "kms@A"}, "principal is given, but auth is tsig; set auth: gss_tsig"),
        ({"auth": "gss_tsig", "key_secret": SECRET}, "key_secret is given, but auth is gss_tsig; set auth: tsig"),
        ({"auth": "gss_tsig", "password": SECRET}, "name it in the option principal"),
        ({"auth": "gss_tsig", "keytab": "a"}, "name it in the option principal"),
        ({"auth": "gss_tsig", "principal": "kms@A", "keytab": "a", "password": SECRET}, "one of them is enough"),
        ({"auth": "gss_tsig", "principal": f"kms {SECRET}"}, "is no Kerberos principal"),
    ],
)
def test_an_authentication_that_contradicts_itself(args: dict[str, t.Any], words: str) -> None:
    spec = specification("srv_record")
    with pytest.raises(Refusal, match=words) as caught:
        wishes.signing_key(options(spec, **ZONE, target="a.b", **args), str)
    assert SECRET not in caught.value.message


def test_whose_ticket_it_is() -> None:
    def key(**args: t.Any) -> t.Any:
        given = options(specification("srv_record"), **ZONE, target="a.b", auth="gss_tsig", **args)
        return wishes.signing_key(given, lambda path: f"/play/{path}")

    assert (key().principal, key().password, key().keytab) == ("", None, "")
    assert key(principal="kms@A", password=SECRET).password == Secret(SECRET)
    assert key(principal="kms@A", keytab="kms.keytab").keytab == "/play/kms.keytab"
    assert SECRET not in repr(key(principal="kms@A", password=SECRET))
