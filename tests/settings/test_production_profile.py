"""A production profile refuses to start with anything that is unsafe outside a developer's machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from outdial.settings.load import load
from outdial.settings.problems import BadSettings

GOOD = {
    "OUTDIAL_PROFILE": "production",
    "OUTDIAL_DATABASE__URL": "postgresql://outdial:pw@db.example.com/outdial?sslmode=verify-full",
    "OUTDIAL_RABBITMQ__URL": "amqps://outdial:pw@mq.example.com/prod",
    "OUTDIAL_CALLBACKS__PUBLIC_URL": "https://calls.example.com",
}


def test_a_safe_configuration_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert load().settings.profile == "production"


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("OUTDIAL_DATABASE__URL", None, "database.url: is not set"),
        ("OUTDIAL_RABBITMQ__URL", None, "rabbitmq.url: is not set"),
        ("OUTDIAL_CALLBACKS__PUBLIC_URL", None, "callbacks.public_url: is not set"),
        ("OUTDIAL_DATABASE__URL", "postgresql://u:pw@h/d", "sslmode=prefer does not verify"),
        ("OUTDIAL_DATABASE__URL", "postgresql://u:pw@h/d?sslmode=require", "sslmode=require does not verify"),
        ("OUTDIAL_DATABASE__URL", "postgresql://u:pw@h/d?sslmode=verify-ca", "sslmode=verify-ca does not verify"),
        ("OUTDIAL_DATABASE__URL", "postgresql://u@h/d?sslmode=verify-full", "no password and no client certificate"),
        ("OUTDIAL_RABBITMQ__URL", "amqp://u:pw@h/", "is not encrypted"),
        ("OUTDIAL_RABBITMQ__URL", "amqps://u:pw@h/?no_verify_ssl=false", "no_verify_ssl"),
        ("OUTDIAL_RABBITMQ__URL", "amqps://u:pw@h/?no_verify_ssl", "no_verify_ssl"),
        ("OUTDIAL_RABBITMQ__URL", "amqps://u@h/", "everybody knows the password guest"),
        ("OUTDIAL_RABBITMQ__URL", "amqps://u:pw@h/?no_verify_ssl=1", "no_verify_ssl"),
        ("OUTDIAL_RABBITMQ__URL", "amqps://guest:pw@h/", "everybody knows the user guest"),
        ("OUTDIAL_RABBITMQ__URL", "amqps://h/", "everybody knows the user guest"),
        ("OUTDIAL_CALLBACKS__PUBLIC_URL", "http://calls.example.com", "carriers cannot reach it safely"),
        ("OUTDIAL_CALLBACKS__PUBLIC_URL", "https://localhost:8443", "carriers cannot reach it safely"),
        ("OUTDIAL_CALLBACKS__PUBLIC_URL", "https://10.0.0.1", "carriers cannot reach it safely"),
        ("OUTDIAL_CALLBACKS__VERIFY_SIGNATURES", "false", "CALLBACKS__VERIFY_SIGNATURES"),
        ("OUTDIAL_INTERNAL__PORT", "8080", "internal.port = 8080: is the public port, too"),
        ("OUTDIAL_ADMIN__ENABLED", "true", "admin.tokens: secret:admin_tokens cannot be read"),
        ("OUTDIAL_LOGGING__SHOW_NUMBERS", "true", "contacts' numbers into logs"),
        ("OUTDIAL_CRASH_AT", "after_intent", "makes this process kill itself"),
    ],
)
def test_what_is_unsafe_is_refused(name: str, value: str | None, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other, good in GOOD.items():
        monkeypatch.setenv(other, good)
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as caught:
        load()
    (problem,) = caught.value.problems
    assert what in str(problem)
    assert "pw" not in str(problem)


@pytest.mark.parametrize("port", ["8080", "9090"])
def test_three_ports_are_three(port: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "admin_tokens").write_text("anna operator " + "a" * 32)
    good = {"OUTDIAL_SECRETS_DIR": str(tmp_path), "OUTDIAL_ADMIN__ENABLED": "true", **GOOD}
    for name, value in good.items():
        monkeypatch.setenv(name, value)
    assert load().settings.admin.enabled
    monkeypatch.setenv("OUTDIAL_ADMIN__PORT", port)
    with pytest.raises(BadSettings, match=f"admin.port = {port}: is another port of outdial, too"):
        load()


def test_a_client_certificate_stands_for_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    url = "postgresql://u@db.example.com/d?sslmode=verify-full&sslcert=/run/tls/tls.crt&sslkey=/run/tls/tls.key"
    monkeypatch.setenv("OUTDIAL_DATABASE__URL", url)
    assert load().settings.profile == "production"


def test_a_password_in_the_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in GOOD.items():
        if "DATABASE" not in name:
            monkeypatch.setenv(name, value)
    config = tmp_path / "config.toml"
    config.write_text(f"[database]\nurl = '{GOOD['OUTDIAL_DATABASE__URL']}'\n")
    with pytest.raises(BadSettings, match=r"holds a password \(move it to OUTDIAL_DATABASE__URL"):
        load(config)
