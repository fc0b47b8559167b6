"""Writes the dashboards: `python deploy/grafana/generate.py`. A test compares what is committed with what this makes.

Each panel is one line of a table: title, kind, queries with their legends, unit, and what it tells. Gauges that come
from the database are the same on all replicas, so their maximum is taken; counters are summed over the replicas.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
PER_ROW, WIDTH, HEIGHT = 3, 8, 8


@dataclass(frozen=True)
class Panel:
    """`queries`: legend -> expression. `kind`: Grafana's name of the panel type."""

    title: str
    kind: str
    queries: dict[str, str]
    unit: str
    tells: str
    stacked: bool = False


def of_pool(name: str, more: str = "") -> str:
    """A gauge of the chosen campaigns' pools."""
    return f'max by (campaign{more and ", " + more}) ({name}{{campaign=~"$campaign"}})'


def rate(name: str, by: str, of: str = "") -> str:
    """A counter's rate over all replicas."""
    return f"sum by ({by}) (rate({name}{of}[$__rate_interval]))"


def quantiles(name: str) -> dict[str, str]:
    """Median and 95 % of a histogram."""
    buckets = f"sum by (le) (rate({name}_bucket[$__rate_interval]))"
    return {f"{q}": f"histogram_quantile({q}, {buckets})" for q in (0.5, 0.95)}


DISPATCH = (
    Panel("Calls in use", "stat", {"": 'sum(max by (id) (outdial_slots_in_use{kind="connection"}))'}, "short",
          "Slots held over all connections: calls that are under way or may be."),
    Panel("Waiting attempts", "stat", {"": "sum(max by (blocker) (outdial_waiting_attempts))"}, "short", "All that wait, whatever for."),
    Panel("Ready replicas", "stat", {"": "sum(outdial_ready)"}, "short", "Replicas that pass all checks of readiness."),
    Panel("Attempts received", "timeseries", {"{{result}}": rate("outdial_attempts_received_total", "result")}, "ops",
          "Messages taken from the queues, by what became of them.", stacked=True),
    Panel("Calls started", "timeseries", {"{{campaign}}": rate("outdial_intents_total", "campaign")}, "ops",
          "Committed intents to dial.", stacked=True),
    Panel("Waiting by blocker", "timeseries", {"{{blocker}}": "max by (blocker) (outdial_waiting_attempts) > 0"}, "short",
          "The blocker kept with each; pauses and full limits show as in_line.", stacked=True),
    Panel("Outcomes", "timeseries", {"{{outcome}}": rate("outdial_attempts_ended_total", "outcome") + " > 0"}, "ops",
          "Attempts that ended with a call.", stacked=True),
    Panel("Ended without a call", "timeseries", {"{{outcome}}": rate("outdial_attempts_ended_without_call_total", "outcome")}, "ops",
          "Rejected, expired or canceled."),
    Panel("Intake to start", "timeseries", quantiles("outdial_intake_to_start_seconds"), "s",
          "From taking the job in to the create request; contains all waiting for room."),
    Panel("Turn time", "timeseries", quantiles("outdial_turn_seconds"), "s", "One planning and settling transaction."),
    Panel("Event loop lag", "timeseries", quantiles("outdial_event_loop_lag_seconds"), "s", "A starved replica is late here first."),
    Panel("Outbox", "timeseries", {"events": "max(outdial_outbox_pending)", "oldest, s": "max(outdial_outbox_oldest_seconds)"}, "short",
          "Events that the broker has not confirmed."),
    Panel("Unconfirmed, dead letters, drift", "timeseries", {
        "unconfirmed": "max(outdial_unconfirmed_attempts)", "dead letters": "max(outdial_dead_letters)",
        "drift": "max(outdial_slot_drift)"}, "short", "Each should be 0, or on its way there."),
    Panel("Queues not consumed", "timeseries", {"{{why}}": "max by (why) (outdial_queues_not_consumed)"}, "short",
          "Above the high-water mark, or refused by the broker."),
    Panel("Trouble", "timeseries", {
        "task {{task}}": rate("outdial_task_failures_total", "task") + " or vector(0)",
        "{{invariant}}": rate("outdial_invariant_violations_total", "invariant")}, "ops", "Failed background tasks, broken invariants."),
)  # fmt: skip

CAPACITY = (
    Panel("Ceiling in use", "gauge", {"{{campaign}}":
          f'({of_pool("outdial_pool_ceiling")} - {of_pool("outdial_pool_free_slots")}) / ({of_pool("outdial_pool_ceiling")} > 0)'},
          "percentunit", "The speedometer: the share of the ceiling that no call can take now."),
    Panel("Ceiling", "stat", {"{{campaign}}": of_pool("outdial_pool_ceiling")}, "short", "Calls that the pool could have at once."),
    Panel("Free slots", "stat", {"{{campaign}}": of_pool("outdial_pool_free_slots")}, "short", "Slots that a call could take now, the pace aside."),
    Panel("What binds", "bargauge", {"{{campaign}}: {{by}}": of_pool("outdial_pool_binds", "by")}, "bool_on_off",
          "What sets the ceiling: the connections, the tenant's or the campaign's own limit."),
    Panel("Connections: in use", "bargauge", {"{{id}}": "connection:outdial_slots:utilisation"}, "percentunit", "Slots in use of each connection's limit."),
    Panel("Connections: slots", "timeseries", {
        "{{id}} in use": 'max by (id) (outdial_slots_in_use{kind="connection"})',
        "{{id}} limit": 'max by (id) (outdial_slots_limit{kind="connection"})'}, "short", "In use against the limit."),
    Panel("Campaigns: in use", "timeseries", {"{{id}}": 'max by (id) (outdial_slots_in_use{kind="campaign"})'}, "short", "Slots by campaign.", stacked=True),
    Panel("Tenants: in use", "timeseries", {"{{id}}": 'max by (id) (outdial_slots_in_use{kind="tenant"})'}, "short", "Slots by tenant.", stacked=True),
    Panel("In line for room", "timeseries", {"{{campaign}}": of_pool("outdial_pool_in_line_attempts")}, "short", "Waiting attempts that need nothing but room."),
    Panel("Put aside while planning", "timeseries", {"{{blocker}}": rate("outdial_parked_total", "blocker")}, "ops", "Attempts that could not be dialled when they were looked at."),
    Panel("Open circuits", "timeseries", {"{{connection}}": "max by (connection) (outdial_circuits_open)"}, "bool_on_off", "1 = one probe at a time."),
    Panel("Backlog", "timeseries", {"{{campaign}}": of_pool("outdial_pool_waiting_attempts")}, "short", "All waiting attempts of the campaign.", stacked=True),
)  # fmt: skip

NUMBERS = (
    Panel("Usable numbers", "stat", {"{{campaign}}": 'campaign:outdial_pool_numbers:usable{campaign=~"$campaign"}'}, "short", "Members that may call."),
    Panel("Members by state", "bargauge", {"{{campaign}}: {{state}}": of_pool("outdial_pool_numbers", "state")}, "short",
          "usable, resting (far behind the pool), or the first reason why it may call nobody."),
    Panel("Sticky share", "stat", {"": "outdial:picks:sticky_ratio5m"}, "percentunit", "Calls from the contact's own number."),
    Panel("Picks by tier", "timeseries", {"{{tier}}": rate("outdial_picks_total", "tier")}, "ops", "How the number was found.", stacked=True),
    Panel("Skips by reason", "timeseries", {"{{reason}}": rate("outdial_pick_skips_total", "reason")}, "ops", "Numbers that did not enter the draw of a pick."),
    Panel("Sticky assignments", "timeseries", {"{{event}}": rate("outdial_sticky_total", "event")}, "ops", "Bound, moved to another number, used again."),
    Panel("Answer rate by pool", "timeseries", {"{{campaign}}": 'campaign:outdial_answered:ratio1h{campaign=~"$campaign"}'}, "percentunit", "Over one hour, of the attempts that count."),
    Panel("Answer rate by provider", "timeseries", {"{{provider}}": "provider:outdial_answered:ratio1h"}, "percentunit", "Over one hour; machines do not count as answered."),
    Panel("Attempts that count", "timeseries", {"{{campaign}}": 'campaign:outdial_answerable:increase1h{campaign=~"$campaign"}'}, "short", "How many the rate of the last hour rests on."),
    Panel("No number may call", "timeseries", {"{{blocker}}": rate("outdial_parked_total", "blocker", '{blocker=~"no_eligible_number|numbers_at_daily_cap"}')}, "ops",
          "Attempts put aside because no member may call the contact."),
    Panel("Corrected outcomes", "timeseries", {"corrections": "sum(rate(outdial_corrections_total[$__rate_interval]))"}, "ops", "Later evidence changed an outcome."),
)  # fmt: skip

CARRIERS = (
    Panel("Create requests by result", "timeseries", {"{{result}}": rate("outdial_create_requests_total", "result")}, "ops",
          "accepted, refused for good, deferred (throttled), not sent, ambiguous.", stacked=True),
    Panel("Errors by connection", "timeseries", {"{{connection}}": "connection:outdial_create_requests:error_ratio5m"}, "percentunit", "Deferred and ambiguous, over 5 minutes."),
    Panel("Time of create requests", "timeseries", quantiles("outdial_create_request_seconds"), "s", "Until the carrier's answer."),
    Panel("Requests by connection", "timeseries", {"{{connection}}": rate("outdial_create_requests_total", "connection")}, "ops", "Create requests.", stacked=True),
    Panel("Callbacks by result", "timeseries", {"{{result}}": rate("outdial_callbacks_total", "result")}, "ops", "Applied, of a call nobody knows, forged, unreadable, not stored."),
    Panel("Callbacks by connection", "timeseries", {"{{connection}}": rate("outdial_callbacks_total", "connection")}, "ops", "Silence while calls are under way is an alert."),
    Panel("Forged callbacks", "stat", {"{{connection}}": 'sum by (connection) (increase(outdial_callbacks_total{result="forged"}[1h]))'}, "short", "In one hour."),
    Panel("Under way now", "timeseries", {"create requests": "sum(outdial_calls_in_flight)"}, "short", "Create requests without an answer yet."),
    Panel("Unknown carrier codes", "timeseries", {"codes": "sum(rate(outdial_unknown_carrier_codes_total[$__rate_interval]))"}, "ops", "Recorded as they came; a table lacks them."),
    Panel("Time to answer", "timeseries", quantiles("outdial_ring_seconds"), "s", "From ringing to answer, or to the end."),
    Panel("Talk time", "timeseries", quantiles("outdial_call_seconds"), "s", "Of answered calls."),
    Panel("Handed on", "timeseries", {"{{result}}": rate("outdial_callbacks_handed_on_total", "result")}, "ops", "Callbacks passed to customers' own applications."),
)  # fmt: skip

DASHBOARDS = {
    "dispatch": ("Dispatch overview", DISPATCH),
    "capacity": ("Pool capacity", CAPACITY),
    "numbers": ("Number pool health", NUMBERS),
    "carriers": ("Carriers and callbacks", CARRIERS),
}


def panel_json(number: int, panel: Panel) -> dict[str, Any]:
    """One panel at its place in the grid."""
    targets = [
        {"datasource": SOURCE, "expr": expression, "legendFormat": legend or "__auto", "refId": chr(ord("A") + n)}
        for n, (legend, expression) in enumerate(panel.queries.items())
    ]
    custom = {"fillOpacity": 20, "stacking": {"mode": "normal"}} if panel.stacked else {}
    limits: dict[str, Any] = (
        {"min": 0, "max": 1} if panel.kind in ("gauge", "bargauge") and panel.unit == "percentunit" else {"min": 0}
    )
    return {
        "id": number + 1, "title": panel.title, "description": panel.tells, "type": panel.kind, "datasource": SOURCE,
        "gridPos": {"x": number % PER_ROW * WIDTH, "y": number // PER_ROW * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "custom": custom, **limits}, "overrides": []},
        "targets": targets,
    }  # fmt: skip


def dashboard(name: str) -> dict[str, Any]:
    """One dashboard, with a stable uid so that links stay true."""
    title, panels = DASHBOARDS[name]
    query = {"query": "label_values(outdial_pool_waiting_attempts, campaign)", "refId": "campaign"}
    variables = [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
        {"name": "campaign", "type": "query", "label": "Campaign", "datasource": SOURCE, "query": query, "refresh": 2,
         "multi": True, "includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}},
    ]  # fmt: skip
    return {
        "uid": f"outdial-{name}", "title": f"outdial: {title}", "tags": ["outdial"], "schemaVersion": 39, "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"}, "timezone": "browser", "graphTooltip": 1, "editable": False,
        "links": [{"type": "dashboards", "tags": ["outdial"], "title": "outdial", "asDropdown": True, "keepTime": True}],
        "templating": {"list": variables}, "panels": [panel_json(n, panel) for n, panel in enumerate(panels)],
    }  # fmt: skip


def render(name: str) -> str:
    """The file's text."""
    return json.dumps(dashboard(name), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for one in DASHBOARDS:
        (FOLDER / f"{one}.json").write_text(render(one))
