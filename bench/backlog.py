"""SQL that makes a database look as after long use: finished attempts, and waiting ones that nobody may dial yet."""

from __future__ import annotations

from bench.world import World

_FINISHED_AT = "now() - interval '28 days' + n * interval '1 second' * (27.0 * 86400 / {count})"
"""Nothing so old that a replica would forget it while it is measured."""


def finished(world: World, count: int) -> list[str]:
    """So many attempts that ended with a call within the last 28 days, tenants in turn."""
    if not count:
        return []
    key = f"'t' || (n % {world.tenants}), gen_random_uuid() as attempt_id, 'c' || (n % {world.tenants}) as campaign"
    at = _FINISHED_AT.format(count=count)
    return [
        f"""create temp table made as
            select {key.replace(", gen", " as tenant, gen", 1)}, '+1415' || (2000000 + n % 5000000) as contact, {at} as at, n
            from generate_series(1, {count}) n""",
        """insert into attempts (tenant, attempt_id, campaign, contact, request, body_hash, received_at)
           select tenant, attempt_id, campaign, contact, '{"to": "+14155550100"}', '\\x00', at from made""",
        f"""insert into outcomes (tenant, attempt_id, campaign, contact, outcome, reason, ended_at, received_at, placement,
                connection, number, tier, intent_at, counted, h, r, baseline_class, sticky_epoch, decision)
            select tenant, attempt_id, campaign, contact, 'no_answer', '', at, at, gen_random_uuid(), 'line0',
                   'n' || substr(tenant, 2) || '-' || (n % {world.pool}), 'pool', at, true, 0.3, 1, 'first', 1, '{{}}'
            from made""",
        "drop table made",
        "vacuum analyze attempts",
        "vacuum analyze outcomes",
    ]


def waiting(world: World, count: int) -> list[str]:
    """So many attempts that sleep: calling hours open tomorrow."""
    if not count:
        return []
    tenant = f"'t' || (n % {world.tenants})"
    return [
        f"""create temp table made as
            select {tenant} as tenant, gen_random_uuid() as attempt_id, 'c' || (n % {world.tenants}) as campaign,
                   '+1628' || (2000000 + n % 5000000) as contact
            from generate_series(1, {count}) n""",
        """insert into attempts (tenant, attempt_id, campaign, contact, request, body_hash, received_at)
           select tenant, attempt_id, campaign, contact, '{"to": "+16285550100"}', '\\x00', now() from made""",
        """insert into waiting (tenant, attempt_id, campaign, contact, line, urgency, due_at, not_after, look_at, blocker,
                next_eligible_at, received_at)
           select tenant, attempt_id, campaign, contact, null, 4, now(), now() + interval '2 days',
                  now() + interval '1 day', 'outside_calling_hours', now() + interval '1 day', now()
           from made""",
        "drop table made",
        "vacuum analyze attempts",
        "vacuum analyze waiting",
    ]
