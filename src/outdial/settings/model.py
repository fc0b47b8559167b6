"""All settings of one installation, grouped. Parts are given the group they need, not the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from outdial.settings.fields import Group, setting
from outdial.settings.groups import (
    AdminSettings,
    CallbacksSettings,
    DatabaseSettings,
    InternalSettings,
    LoggingSettings,
    MetricsSettings,
    RabbitmqSettings,
    RetentionSettings,
    TracesSettings,
)
from outdial.settings.story import DispatchSettings, PlatformSettings


class Settings(Group):
    """`Settings()` holds the defaults; `load.py` reads the installation's own."""

    profile: Literal["development", "production"] = setting(
        "development",
        "production refuses to start with anything that is unsafe outside a developer's machine.",
        why="so that trying it out needs no certificates",
    )
    secrets_dir: Path = setting(
        Path("/run/secrets"),
        "Directory with one file per secret: settings (`database__url`) and carriers' credentials (`secret:name`).",
        why="where containers mount them",
    )
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    rabbitmq: RabbitmqSettings = Field(default_factory=RabbitmqSettings)
    callbacks: CallbacksSettings = Field(default_factory=CallbacksSettings)
    internal: InternalSettings = Field(default_factory=InternalSettings)
    admin: AdminSettings = Field(default_factory=AdminSettings)
    dispatch: DispatchSettings = Field(default_factory=DispatchSettings)
    platform: PlatformSettings = Field(default_factory=PlatformSettings)
    logging: LoggingSettings = Field(default_factory=LoggingSettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)
    traces: TracesSettings = Field(default_factory=TracesSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
