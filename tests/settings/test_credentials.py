"""Credentials by reference: resolved each time, never repeated in an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from outdial.credentials import Credentials, check_reference
from outdial.errors import BadInput


def test_the_three_kinds_of_reference(tmp_path: Path) -> None:
    (tmp_path / "acme-token").write_text("from-secret\n")
    (tmp_path / "other").write_text("from-file\r\n")
    credentials = Credentials(tmp_path, {"ACME_TOKEN": "from-env"})
    assert credentials("env:ACME_TOKEN").get_secret_value() == "from-env"
    assert credentials(f"file:{tmp_path / 'other'}").get_secret_value() == "from-file"
    assert credentials("secret:acme-token").get_secret_value() == "from-secret"
    assert "from" not in repr(credentials("secret:acme-token"))


def test_a_rotated_secret_is_read_anew(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path, {})
    (tmp_path / "token").write_text("old")
    assert credentials("secret:token").get_secret_value() == "old"
    (tmp_path / "token").write_text("new")
    assert credentials("secret:token").get_secret_value() == "new"


@pytest.mark.parametrize(
    "reference",
    ["hunter2", "", "vault:x", "env:", "env:A-B", "file:relative", "secret:", "secret:../x", "secret:a/b", "secret:.x"],
)
def test_what_is_no_reference_is_refused(reference: str) -> None:
    with pytest.raises(BadInput, match="env:NAME, file:/path or secret:name"):
        check_reference(reference, "connections.acme-us.credentials.auth_token")


def test_a_literal_secret_is_not_repeated() -> None:
    with pytest.raises(BadInput) as caught:
        check_reference("hunter2", "token")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "reference", ["env:NOT_THERE", "secret:not-there", "secret:empty", "file:/not/there", "secret:large"]
)
def test_a_secret_that_is_not_there_is_named_by_its_reference(reference: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "large").write_text("x" * 100_000)
    with pytest.raises(BadInput, match=reference):
        Credentials(tmp_path, {}).resolve(reference, "token")
