"""What most commands begin with: the settings of this installation, and logging set up by them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outdial.settings import LoggingSettings, Settings


def settings_of(args: argparse.Namespace) -> Settings:
    """Read the settings (`--config`), set up logging (`--log-level` wins). Raises `BadSettings`."""
    from outdial.settings.load import load_settings

    settings = load_settings(args.config)
    configure_logging(args, settings.logging)
    return settings


def configure_logging(args: argparse.Namespace, logging: LoggingSettings) -> None:
    """Logs go to standard error; data goes to standard output."""
    from outdial.telemetry import logs

    logs.configure(level=args.log_level or logging.level, style=logging.format, show_numbers=logging.show_numbers)
