"""Every file of the documentation that is written from the code: `python -m tests.docs.generated` (`make docs`) writes
all of them, and tests compare them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from outdial.rabbitmq.schemas import DOCUMENTS
from outdial.settings.document import config_toml
from tests.docs import catalogue_page, cli_page, database_page, messages_page, settings_page
from tests.providers import outcomes_page
from tests.rules import blockers_page, phone_page, selection_page
from tests.support.pages import REFERENCE
from tests.telemetry import metrics_page

_PAGES = (
    blockers_page, catalogue_page, cli_page, database_page, messages_page, metrics_page, outcomes_page, phone_page,
    selection_page, settings_page,
)  # fmt: skip


def _document(name: str) -> Callable[[], str]:
    return lambda: json.dumps(DOCUMENTS[name][1](), indent=2, ensure_ascii=False) + "\n"


FILES: Mapping[Path, Callable[[], str]] = {
    REFERENCE.parents[1] / "config.toml": config_toml,
    **{page.PAGE: page.render for page in _PAGES},
    **{REFERENCE / "schemas" / file: _document(name) for name, (file, _) in DOCUMENTS.items()},
}

if __name__ == "__main__":
    for file, render in FILES.items():
        file.write_text(render())
