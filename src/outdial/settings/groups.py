"""The settings of the parts around the story: database, broker, ports, logs, retention."""

from __future__ import annotations

from typing import Literal

from pydantic import SecretStr

from outdial.settings.fields import Group, setting


class DatabaseSettings(Group):
    """PostgreSQL: the truth."""

    url: SecretStr = setting(
        SecretStr("postgresql://outdial@127.0.0.1:5432/outdial"),
        "Address of the PostgreSQL database (15 or later).",
        why="a database on this machine; production names its own, with sslmode=verify-full",
    )
    pool_min_size: int = setting(
        2, "Connections kept open.", unit="connections", ge=0, le=100, why="a turn and an intake begin without waiting"
    )
    pool_max_size: int = setting(
        10,
        "Connections of one replica at most.",
        unit="connections",
        ge=2,
        le=100,
        why="batches need few; replicas times this must stay below max_connections",
    )
    connect_timeout_s: float = setting(
        5.0, "Limit for opening a connection.", unit="seconds", gt=0, le=60, why="a dead host answers nothing at all"
    )
    acquire_timeout_s: float = setting(
        3.0, "Limit for getting a pooled connection.", unit="seconds", gt=0, le=60, why="longer means the pool is stuck"
    )
    command_timeout_s: float = setting(
        10.0,
        "Limit for one statement.",
        unit="seconds",
        gt=0,
        le=120,
        why="a frozen server ends no wait by itself; statements take milliseconds",
    )
    pgbouncer: bool = setting(
        False,
        "Whether pgbouncer stands between in transaction mode: no named prepared statements then.",
        why="they make planning cheaper wherever there is no pgbouncer",
    )


class RabbitmqSettings(Group):
    """RabbitMQ: jobs in, events out."""

    url: SecretStr = setting(
        SecretStr("amqp://guest:guest@127.0.0.1:5672/"),
        "Address of the broker.",
        why="a broker on this machine as it is installed; production uses amqps:// and a user of its own",
    )
    prefix: str = setting(
        "outdial",
        "What the names of exchanges and queues begin with.",
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$",
        why="two installations on one broker keep apart by it",
    )
    queues: int = setting(
        8,
        "Attempt queues; each tenant is bound to one of them.",
        unit="queues",
        ge=1,
        le=256,
        why="a flood stays in its queue; all replicas must agree on the number",
    )
    prefetch: int = setting(
        200,
        "Unacked deliveries of one queue at a replica.",
        unit="messages",
        ge=1,
        le=2000,
        why="one full intake batch; acks come within a second",
    )
    high_water_mark: int = setting(
        100_000,
        "Waiting attempts of one queue above which it is not consumed; it goes on below nine tenths of it.",
        unit="attempts",
        ge=100,
        le=10_000_000,
        why="the rest of a flood is kept better by the broker than by the database",
    )
    declare_topology: bool = setting(
        True,
        "Whether to declare exchanges and queues; otherwise they are only checked.",
        why="convenient; where operators own the topology the user needs no right to configure",
    )
    heartbeat_s: int = setting(
        10,
        "AMQP heartbeat.",
        unit="seconds",
        ge=2,
        le=120,
        why="a dead peer is noticed within 34 s (60 s would take 3 min)",
    )
    reconnect_s: float = setting(
        1.0,
        "Pause between two tries to connect.",
        unit="seconds",
        ge=0.1,
        le=60,
        why="a restarted node is back in seconds",
    )
    watchdog_s: float = setting(
        30.0,
        "How long a connection may be without ready channels before it is built anew.",
        unit="seconds",
        ge=5,
        le=600,
        why="longer than a reconnect takes",
    )
    publish_timeout_s: float = setting(
        10.0,
        "Limit for a publisher confirm; later it counts as not confirmed and is published again.",
        unit="seconds",
        gt=0,
        le=120,
        why="a majority's disk write takes milliseconds",
    )
    publish_concurrency: int = setting(
        100, "Publishes under way at once.", unit="messages", ge=1, le=1000, why="more gave no more speed when measured"
    )


class CallbacksSettings(Group):
    """The public port, where carriers call back."""

    public_url: str = setting(
        "http://127.0.0.1:8080",
        "Where carriers reach the port below, as they see it; signatures cover it.",
        pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$",
        why="works with the simulated carrier on this machine",
    )
    host: str = setting("127.0.0.1", "Address to listen on.", why="public only when somebody decides so")
    port: int = setting(8080, "Port to listen on; 0 = any free one.", ge=0, le=65535, why="needs no special right")
    body_limit_bytes: int = setting(
        65_536, "Largest body accepted.", unit="bytes", ge=1024, le=1_048_576, why="real callbacks have 1 to 4 KiB"
    )


class InternalSettings(Group):
    """The internal port: health and metrics."""

    host: str = setting("127.0.0.1", "Address to listen on.", why="metrics are nobody else's business")
    port: int = setting(9090, "Port to listen on; 0 = any free one.", ge=0, le=65535, why="apart from the public one")
    loop_stall_s: float = setting(
        10.0,
        "How old the event loop's last heartbeat may be before this replica counts as dead.",
        unit="seconds",
        ge=1,
        le=600,
        why="a healthy loop beats each second; shorter would kill replicas on a busy machine",
    )
    check_timeout_s: float = setting(
        2.0, "Limit for one check of readiness.", unit="seconds", gt=0, le=30, why="probes wait a few seconds at most"
    )


class AdminSettings(Group):
    """The admin port: the API for operators, and the console."""

    enabled: bool = setting(False, "Whether this replica serves it.", why="nothing listens that nobody asked for")
    host: str = setting("127.0.0.1", "Address to listen on.", why="behind a proxy that speaks TLS")
    port: int = setting(8081, "Port to listen on; 0 = any free one.", ge=0, le=65535, why="apart from the public one")
    tokens: str = setting(
        "secret:admin_tokens",
        "Reference to the secret with one token per line: NAME ROLE TOKEN. ROLE is viewer or operator; +contacts behind it "
        "shows contacts' full numbers.",
        why="read again every five seconds, so that a token can be taken away",
    )
    requests_per_second: float = setting(
        20.0,
        "Requests of one token on average; four times as many at once.",
        unit="requests/s",
        gt=0,
        le=1000,
        why="a console with several pages asks for a handful",
    )


class LoggingSettings(Group):
    """Logs, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "The lowest level that is written.", why="debug prints several lines per attempt"
    )
    format: Literal["auto", "json", "console"] = setting(
        "auto",
        "json: an object a line; console: for people; auto: console on a terminal, else json.",
        why="right in both places",
    )
    show_numbers: bool = setting(
        False,
        "Whether phone numbers are written in full, at level debug only.",
        why="logs are copied to places where contacts' numbers must not be",
    )


class MetricsSettings(Group):
    """Metrics, on the internal port."""

    most_tenants: int = setting(
        100,
        "Tenants with slot series of their own, the busiest first; the rest is summed up.",
        unit="tenants",
        ge=0,
        le=2000,
        why="keeps a replica below 3,000 series",
    )
    most_campaigns: int = setting(
        50,
        "Campaigns with series of their own, the busiest first; the rest is summed up.",
        unit="campaigns",
        ge=0,
        le=2000,
        why="each has about 20 series",
    )


class TracesSettings(Group):
    """OpenTelemetry traces. Where they go is said by its own environment variables, OTEL_EXPORTER_OTLP_ENDPOINT first."""

    enabled: bool = setting(False, "Whether spans are made and sent.", why="needs the extra outdial[otel]")


class RetentionSettings(Group):
    """How long what has ended is kept."""

    attempts_days: int = setting(
        30,
        "How long an ended attempt's id is remembered, so that a repeated message changes nothing.",
        unit="days",
        ge=1,
        le=3650,
        why="longer than any queue or producer repeats itself",
    )
    outcomes_days: int = setting(
        400,
        "How long outcomes with their decision records are kept at least; they go by whole months.",
        unit="days",
        ge=1,
        le=3650,
        why="a year, and a month",
    )
    pictures_days: int = setting(
        90,
        "How long pools are kept as picks saw them. Without its picture a pick is explained, but cannot be replayed.",
        unit="days",
        ge=2,
        le=3650,
        why="weights change every 5 s while a campaign dials: a pool of 20 makes 2 kB each time, some 10 MB a day",
    )
    dead_letters_days: int = setting(
        30,
        "How long replayed dead letters are kept; open ones stay.",
        unit="days",
        ge=1,
        le=3650,
        why="time to look back",
    )
    audit_log_days: int = setting(
        1_100, "How long the audit log is kept.", unit="days", ge=30, le=3650, why="three years, as auditors ask for"
    )
