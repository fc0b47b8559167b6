"""What most commands begin with: the settings of this installation, and logging set up by them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outdial.settings import Settings


def settings_of(args: argparse.Namespace) -> Settings:
    """Read the settings (`--config`), set up logging (`--log-level` wins). Raises `BadSettings`.

    Only the daemon logs by the settings: a command says in its last line what went wrong, and logs nothing unasked.
    """
    from outdial.settings.load import load_settings
    from outdial.telemetry import logs

    settings = load_settings(args.config)
    level = args.log_level or (settings.logging.level if args.command == "run" else "critical")
    logs.configure(level=level, style=settings.logging.format, show_numbers=settings.logging.show_numbers)
    return settings
