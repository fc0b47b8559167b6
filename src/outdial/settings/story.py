"""The settings of the story itself: how far ahead, how long, how many at once."""

from __future__ import annotations

from outdial.settings.fields import Group, setting


class DispatchSettings(Group):
    """Dispatching: the six steps of an attempt and the margins between them."""

    place_within_s: float = setting(
        5.0,
        "A create request begins this long after its intent was committed at the latest, or is given back.",
        unit="seconds",
        ge=1,
        le=60,
        why="long enough for a new TLS connection, short enough that nobody waits for a dead worker",
    )
    late_start_s: float = setting(
        0.04,
        "How much later than its paced time a start may be; beyond that it is given back and paced anew.",
        unit="seconds",
        gt=0,
        le=5,
        why="the carrier's rate is promised to 50 ms, and the network wants its part",
    )
    intent_ahead_ms: int = setting(
        250,
        "An intent is committed only if its start is due within this time.",
        unit="milliseconds",
        ge=10,
        le=2000,
        why="a slot must not be held for a start that lies far ahead",
    )
    carrier_connect_timeout_s: float = setting(
        5.0,
        "Limit for a connection to a carrier, name and TLS included.",
        unit="seconds",
        gt=0,
        le=30,
        why="not sent, so harmless",
    )
    request_timeout_s: float = setting(
        15.0,
        "Limit for a whole request to a carrier; a create request that takes longer is unconfirmed.",
        unit="seconds",
        ge=1,
        le=120,
        why="carriers answer within a second; the rare slow answer is worth waiting for",
    )
    requests_per_carrier: int = setting(
        256,
        "Sockets to one carrier at once.",
        unit="sockets",
        ge=1,
        le=10_000,
        why="a slow carrier exhausts its own only",
    )
    adoption_margin_s: float = setting(
        5.0,
        "Nobody adopts a placing attempt before place_within_s + request_timeout_s + this.",
        unit="seconds",
        ge=1,
        le=120,
        why="covers a stopped process and the clocks' uncertainty",
    )
    deadline_margin_s: float = setting(
        60.0,
        "Added to ring and call limit: then a call is hung up, looked up, and its slot freed.",
        unit="seconds",
        ge=5,
        le=3600,
        why="carriers end calls by themselves before; this is the net below",
    )
    intake_batch: int = setting(
        200, "Deliveries stored in one transaction at most.", unit="messages", ge=1, le=1000, why="larger gains nothing"
    )
    turn_batch: int = setting(
        200, "Attempts claimed in one turn at most.", unit="attempts", ge=1, le=1000, why="a turn stays below 50 ms"
    )
    reports_per_turn: int = setting(
        500,
        "Reports about calls settled in one turn at most.",
        unit="reports",
        ge=1,
        le=5000,
        why="they are cheaper than picks",
    )
    sweep_batch: int = setting(
        500,
        "Sleeping attempts looked at in one turn at most.",
        unit="attempts",
        ge=1,
        le=5000,
        why="most go on sleeping",
    )
    relay_batch: int = setting(
        100,
        "Events published in one batch at most.",
        unit="events",
        ge=1,
        le=1000,
        why="as many as are confirmed at once",
    )
    poll_interval_s: float = setting(
        0.5, "How often lines with work are looked for unasked.", unit="seconds", ge=0.05, le=60, why="a backstop only"
    )
    sweep_interval_s: float = setting(
        0.2,
        "How often sleepers whose time has come are looked for.",
        unit="seconds",
        ge=0.05,
        le=60,
        why="so late is a retry at most",
    )
    recovery_interval_s: float = setting(
        1.0, "How often overdue calls are looked for.", unit="seconds", ge=0.1, le=60, why="deadlines are minutes long"
    )
    leftovers_interval_s: float = setting(
        2.0,
        "How often unpublished events of others are looked for.",
        unit="seconds",
        ge=0.1,
        le=60,
        why="rare by nature",
    )
    catalogue_poll_s: float = setting(
        1.0,
        "How often the catalogue's version is looked at.",
        unit="seconds",
        ge=0.1,
        le=60,
        why="one row; a pause acts in a second",
    )
    weights_refresh_s: float = setting(
        5.0,
        "How often the weights of the pools are computed anew.",
        unit="seconds",
        ge=0.5,
        le=300,
        why="outcomes come slower",
    )
    clock_interval_s: float = setting(
        5.0,
        "How often the database's clock is measured.",
        unit="seconds",
        ge=1,
        le=300,
        why="clocks drift 0.5 ms in that time",
    )
    drain_s: float = setting(
        25.0,
        "How long a stopping replica may finish what it has begun.",
        unit="seconds",
        ge=1,
        le=600,
        why="place_within_s + request_timeout_s fit in; must stay below the grace period that kills",
    )


class PlatformSettings(Group):
    """What holds for all tenants alike."""

    spam_threshold: float = setting(
        0.75,
        "A number with this spam score or more never enters a pick.",
        unit="score 0 to 1",
        gt=0,
        le=1,
        why="three contacts that blocked it within a day make 0.75",
    )
