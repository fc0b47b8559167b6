"""Settings: grouped, strict, explained. `Settings()` holds the defaults; `load_settings` reads an installation's own."""

from outdial.settings.groups import (
    CallbacksSettings,
    DatabaseSettings,
    InternalSettings,
    LoggingSettings,
    MetricsSettings,
    RabbitmqSettings,
    RetentionSettings,
    TracesSettings,
)
from outdial.settings.model import Settings
from outdial.settings.story import DispatchSettings, PlatformSettings

__all__ = [
    "CallbacksSettings",
    "DatabaseSettings",
    "DispatchSettings",
    "InternalSettings",
    "LoggingSettings",
    "MetricsSettings",
    "PlatformSettings",
    "RabbitmqSettings",
    "RetentionSettings",
    "Settings",
    "TracesSettings",
]
