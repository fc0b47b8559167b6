"""docs/reference/settings.md, from the settings model."""

from __future__ import annotations

from collections.abc import Iterator

from outdial.settings.document import allowed_values, default_text
from outdial.settings.known import ENVIRONMENT_ONLY, SETTINGS, Known
from outdial.settings.model import Settings
from tests.support.pages import REFERENCE, table

PAGE = REFERENCE / "settings.md"

INTRODUCTION = """# Settings

Every setting of the daemon and the command line. This page is written from the code, like the `config.toml` that ships
(`outdial config template` prints it). What calls, from which number, and how often is no setting: that is the
[catalogue](catalogue.md).

Sources, the later wins: defaults < `config.toml` (in the working directory, or `--config PATH`, or `OUTDIAL_CONFIG`) <
secrets directory < environment. `url` of the group `database` is `url` below `[database]` in the file, the file
`database__url` in the secrets directory, and the environment variable `OUTDIAL_DATABASE__URL`. Unknown names are refused
in all three, with the nearest known one. `outdial config check` prints what holds and where each value came from; its exit
code is 78 when something is wrong.

Carriers' credentials are named in the catalogue by reference: `env:NAME`, `file:/path`, or `secret:name`, which is a file
of the secrets directory.
"""


def render() -> str:
    """The whole page."""
    groups = dict.fromkeys(known.group for known in SETTINGS.values())
    rows = ((f"`{name}`", meaning) for name, meaning in ENVIRONMENT_ONLY.items())
    return "\n".join(
        [
            INTRODUCTION,
            *(part for group in groups for part in _group(group)),
            "## Only in the environment\n",
            table(("name", "meaning"), rows),
            "What begins with `OUTDIAL_TEST_` belongs to the tests and to rehearsals, and is never refused.\n",
        ]
    )


def _group(group: str) -> Iterator[str]:
    about = (Settings.model_fields[group].annotation or Settings).__doc__ or "" if group else "At the top of the file."
    yield f"## {group or 'General'}\n"
    yield f"{about.strip()}\n"
    rows = (_row(known) for known in SETTINGS.values() if known.group == group)
    yield table(("setting", "default", "allowed", "meaning", "why this default"), rows)


def _row(known: Known) -> tuple[str, ...]:
    allowed = " ".join(filter(None, (allowed_values(known).replace(" | ", ", "), known.unit)))
    default = f"`{default_text(known)}`"
    return f"`{known.path}`", default, allowed, str(known.info.description), known.why
