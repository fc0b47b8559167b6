-- Upkeep: figures for the gauges, audits, and the end of what nobody needs any more.

-- name: catalogue_version
select version from catalogue_version

-- name: figures
-- Small tables are counted; the waiting room has its own counts. $1 now
select (select count(*) from calls where state = 'unconfirmed') as unconfirmed,
       (select count(*) from outbox) as outbox,
       (
           select coalesce(extract(epoch from $1::timestamptz - min(created_at)), 0)::float8 from outbox
       ) as outbox_oldest_s,
       (select count(*) from dead_letters where replayed_at is null) as dead_letters

-- name: slots
-- kind, id, in use, limit
select kind, id, in_use, max_calls from limits order by kind, id

-- name: circuits
-- Connections, and whether their circuit lets no call through but a probe
select id, open_until is not null as is_open from limits where kind = 'connection' order by id

-- name: repair_slots
-- Sets counters right; their rows are locked. $1 kinds, $2 ids
with counted as (
    select l.kind, l.id, l.in_use, (
        select count(*)
        from calls c
        where case l.kind when 'campaign' then c.campaign when 'connection' then c.connection else c.tenant end = l.id
    ) as calls
    from limits l
    join unnest($1::text[], $2::text[]) as k (kind, id) on l.kind = k.kind and l.id = k.id
)
update limits l
set in_use = c.calls
from counted c
where l.kind = c.kind and l.id = c.id and c.in_use <> c.calls
returning l.kind, l.id, c.in_use, c.calls

-- name: wake_ineligible
-- Attempts that no number could serve, once the catalogue or a number's health changed. $1 how many
update waiting w
set line = '', blocker = 'in_line', look_at = w.not_after, next_eligible_at = null, blocked_since = null
from (
    select tenant, attempt_id from waiting
    where blocker in ('no_eligible_number', 'numbers_at_daily_cap')
    limit $1
    for update skip locked
) s
where w.tenant = s.tenant and w.attempt_id = s.attempt_id

-- name: wake_closed
-- Attempts outside calling hours whose campaigns have others now. $1 how many, $2 campaigns
update waiting w
set line = '', blocker = 'in_line', look_at = w.not_after, next_eligible_at = null, blocked_since = null
from (
    select tenant, attempt_id from waiting
    where campaign = any ($2::text[]) and blocker = 'outside_calling_hours'
    limit $1
    for update skip locked
) s
where w.tenant = s.tenant and w.attempt_id = s.attempt_id

-- name: add_up_waiting
-- One row of counts instead of many, when there are more than $1. What another replica adds up just now is left to it.
with gone as (
    delete from waiting_counts
    where ctid = any (array(select ctid from waiting_counts for update skip locked))
      and (select count(*) from waiting_counts) > $1
    returning tenant, campaign, blocker, attempts
)
insert into waiting_counts
select tenant, campaign, blocker, sum(attempts) from gone group by 1, 2, 3 having sum(attempts) <> 0

-- name: waiting_by_blocker
-- How many attempts wait for what, by the blocker kept with them
select blocker, sum(attempts)::bigint as attempts from waiting_counts group by blocker

-- name: waiting_by_tenant
-- How many attempts of each tenant wait
select tenant, sum(attempts)::bigint as attempts from waiting_counts group by tenant having sum(attempts) > 0

-- name: waiting_by_campaign
-- How many attempts of each campaign wait, by the blocker kept with them
select campaign, blocker, sum(attempts)::bigint as attempts
from waiting_counts
group by campaign, blocker
having sum(attempts) > 0

-- name: make_month
-- The month's partition of the outcomes. $1 any time in it
select make_outcomes_month(($1::timestamptz at time zone 'UTC')::date)

-- name: forget
-- Cancels that came for nothing since $1, volumes older than $2, signals of spam older than $2
with gone as (delete from cancellations where at < $1), silent as (delete from spam_signals where at < $2)
delete from number_volume where hour < $2

-- name: campaigns_of_attempts
-- Every tenant and campaign with attempts, by jumping from one to the next in the index
with recursive line (tenant, campaign) as (
    (select tenant, campaign from attempts order by tenant, campaign limit 1)
    union all
    select n.tenant, n.campaign
    from line l
    cross join lateral (
        select a.tenant, a.campaign
        from attempts a
        where (a.tenant, a.campaign) > (l.tenant, l.campaign)
        order by a.tenant, a.campaign
        limit 1
    ) n
)
select tenant, campaign from line

-- name: forget_attempts
-- Of one campaign's oldest those that ended before $2; what they ended with stays. $1 how many are looked at, $3 tenant,
-- $4 campaign, $5 and $6 after which one; the answer names the last one looked at
with old as materialized (
    select a.ctid, a.tenant, a.attempt_id, a.received_at
    from attempts a
    where a.tenant = $3 and a.campaign = $4 and a.received_at < $2 and (a.received_at, a.attempt_id) > ($5, $6::uuid)
    order by a.received_at, a.attempt_id
    limit $1
), gone as (
    delete from attempts where ctid = any (array(
        select o.ctid
        from old o
        where not exists (select from waiting w where w.tenant = o.tenant and w.attempt_id = o.attempt_id)
            and not exists (select from calls c where c.tenant = o.tenant and c.attempt_id = o.attempt_id)
            and not exists (
                select from outcomes e where e.tenant = o.tenant and e.attempt_id = o.attempt_id and e.ended_at >= $2
            )
    ))
)
select received_at, attempt_id, (select count(*) from old) as looked_at
from old
order by received_at desc, attempt_id desc
limit 1

-- name: forget_pictures
-- Pools as no pick has seen them since $2, at most $1
delete from pool_pictures where hash in (select hash from pool_pictures where seen_at < $2 order by seen_at limit $1)

-- name: forget_dead_letters
-- Those that were published again before $2, at most $1
delete from dead_letters where letter in (select letter from dead_letters where replayed_at < $2 limit $1)

-- name: forget_audit_log
-- Entries before $2, at most $1
select forget_audit_log($2, $1)

-- name: drop_months
-- Whole months of outcomes before $1
select drop_outcomes_months(($1::timestamptz at time zone 'UTC')::date)
