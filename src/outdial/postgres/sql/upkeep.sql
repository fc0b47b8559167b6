-- Upkeep: figures for the gauges, audits, and the end of what nobody needs any more.

-- name: catalogue_version
select version from catalogue_version

-- name: figures
-- Small tables are counted; of the waiting room the planner's estimate is taken once it is large.
select case when (select reltuples from pg_class where oid = 'waiting'::regclass) > 50000
            then (select reltuples::double precision from pg_class where oid = 'waiting'::regclass)
            else (select count(*) from waiting) end as waiting,
       (select count(*) from calls where state = 'unconfirmed') as unconfirmed,
       (select count(*) from outbox) as outbox,
       (select count(*) from dead_letters where replayed_at is null) as dead_letters

-- name: slots
-- kind, id, in use, limit
select kind, id, in_use, max_calls from limits order by kind, id

-- name: lock_all_limits
-- For an exact recount
select kind from limits order by kind, id for update

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

-- name: forget
-- Cancels that came for nothing since $1, volumes older than $2
with gone as (delete from cancellations where at < $1)
delete from number_volume where hour < $2
