"""Defaults < config.toml < secrets directory < environment, field by field, and the source of each value is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from outdial.settings import Settings
from outdial.settings.load import load, load_settings
from outdial.settings.problems import BadSettings


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def secrets(tmp_path: Path, **files: str) -> Path:
    directory = tmp_path / "secrets"
    directory.mkdir()
    for name, text in files.items():
        (directory / name).write_text(text)
    return directory


def test_without_any_source_the_defaults_hold() -> None:
    loaded = load()
    assert loaded.settings == Settings()
    assert loaded.sources == {}


def test_a_later_source_wins_field_by_field(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    directory = secrets(tmp_path, database__url="postgresql://u:from-secret@h/d\n", internal__port="9200")
    config = write(
        tmp_path / "c.toml",
        f"""
        secrets_dir = "{directory}"
        [database]
        url = "postgresql://from-file@h/d"
        pool_max_size = 20
        [internal]
        port = 9100
        host = "10.0.0.1"
        """,
    )
    monkeypatch.setenv("OUTDIAL_INTERNAL__PORT", "9300")
    monkeypatch.setenv("outdial_logging__level", "debug")
    loaded = load(config)
    assert loaded.settings.database.url.get_secret_value() == "postgresql://u:from-secret@h/d"
    assert loaded.settings.database.pool_max_size == 20
    assert (loaded.settings.internal.host, loaded.settings.internal.port) == ("10.0.0.1", 9300)
    assert loaded.settings.logging.level == "debug"
    assert loaded.sources == {
        "secrets_dir": str(config),
        "database.url": f"secrets directory {directory} file database__url",
        "database.pool_max_size": str(config),
        "internal.host": str(config),
        "internal.port": "environment OUTDIAL_INTERNAL__PORT",
        "logging.level": "environment OUTDIAL_LOGGING__LEVEL",
    }


def test_config_toml_in_the_working_directory_is_read_if_it_is_there(empty_surroundings: Path) -> None:
    write(empty_surroundings / "config.toml", "[internal]\nport = 9100\n")
    assert load_settings().internal.port == 9100


def test_the_environment_can_name_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OUTDIAL_CONFIG", str(write(tmp_path / "c.toml", "[internal]\nport = 9100\n")))
    assert load_settings().internal.port == 9100


def test_a_kubernetes_mount_with_its_links_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    version = directory / "..2026_11_21"
    version.mkdir(parents=True)
    write(version / "rabbitmq__url", "amqp://u:p@h/")
    (directory / "..data").symlink_to(version.name)
    (directory / "rabbitmq__url").symlink_to("..data/rabbitmq__url")
    monkeypatch.setenv("OUTDIAL_SECRETS_DIR", str(directory))
    assert load_settings().rabbitmq.url.get_secret_value() == "amqp://u:p@h/"


def test_carriers_credentials_in_the_secrets_directory_are_no_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OUTDIAL_SECRETS_DIR", str(secrets(tmp_path, **{"acme-token": "t"})))
    assert load().sources == {"secrets_dir": "environment OUTDIAL_SECRETS_DIR"}


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_named_file_that_is_missing_is_an_error(how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.toml"
    if how == "environment":
        monkeypatch.setenv("OUTDIAL_CONFIG", str(missing))
    with pytest.raises(BadSettings, match="there is no such file"):
        load(missing if how == "argument" else None)


def test_a_named_secrets_directory_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OUTDIAL_SECRETS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(BadSettings, match="there is no such directory"):
        load()


def test_values_of_the_tests_and_of_rehearsals_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTDIAL_TEST_DATABASE_URL", "x")
    monkeypatch.setenv("OUTDIAL_CRASH_AT", "after_intent")
    assert load().sources == {}
