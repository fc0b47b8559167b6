"""Runs a command of `outdial` in this process, and keeps what it printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from outdial.cli.main import main


class Answer(NamedTuple):
    """What a command printed and returned."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What it printed with `--json`."""
        return json.loads(self.out)


Outdial = Callable[..., Answer]


def runner(database_url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Outdial:
    """Runs commands on that database."""
    monkeypatch.setenv("OUTDIAL_DATABASE__URL", database_url)

    def run(*words: str) -> Answer:
        capfd.readouterr()
        try:
            code = main(list(words))
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Answer(code, *capfd.readouterr())

    return run
