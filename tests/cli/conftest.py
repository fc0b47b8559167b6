"""The command line reads the process's surroundings: each test gets empty ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.logging_state import restored_logging


@pytest.fixture(autouse=True)
def empty_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No OUTDIAL_ names, a working directory without config.toml; logging is put back at the end."""
    for name in os.environ:
        if name.upper().startswith("OUTDIAL_") and not name.startswith("OUTDIAL_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    with restored_logging():
        yield
