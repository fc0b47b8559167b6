-- Plan: claim waiting attempts, lock limits, look at contacts; then reserve and park. Times are parameters throughout.

-- name: claim
-- Most urgent first from each line, skipping what another turn holds. $1 campaigns, $2 lines, $3 how many of each
select w.*, a.request
from unnest($1::text[], $2::text[], $3::int[]) as ask (campaign, line, at_most)
cross join lateral (
    select *
    from waiting
    where waiting.campaign = ask.campaign and waiting.line = ask.line and waiting.line is not null
    order by urgency, due_at, attempt_id
    limit ask.at_most
    for update skip locked
) w
cross join lateral (
    select request
    from attempts
    where attempts.tenant = w.tenant and attempts.attempt_id = w.attempt_id
    limit 1  -- row by row: a kept plan overestimates how much is claimed and would read every attempt there ever was
) a

-- name: lines_left
-- Lines with more than was claimed of them; unlocked, so rows that another turn holds count. $1 campaigns, $2 lines, $3 how many were claimed
select k.campaign, k.line
from unnest($1::text[], $2::text[], $3::int[]) as k (campaign, line, claimed)
where exists (
    select
    from waiting
    where waiting.campaign = k.campaign and waiting.line = k.line and waiting.line is not null
    order by urgency, due_at, attempt_id
    offset k.claimed
    limit 1
)

-- name: claim_due
-- Sleepers to wake and attempts past their time. $1 now, $2 how many
select w.*, a.request
from (
    select *
    from waiting
    where look_at <= $1
    order by look_at
    limit $2
    for update skip locked
) w
cross join lateral (
    select request
    from attempts
    where attempts.tenant = w.tenant and attempts.attempt_id = w.attempt_id
    limit 1  -- row by row: a kept plan expects a tenth of all to be due and would read every attempt there ever was
) a

-- name: anything_due
-- Whether there is any of these. $1 now
select exists (select from waiting where look_at <= $1)

-- name: lock_limits
-- The given limits in lock order. $1 kinds, $2 ids
select l.*
from limits l
join unnest($1::text[], $2::text[]) as k (kind, id) on l.kind = k.kind and l.id = k.id
order by l.kind, l.id
for update of l

-- name: lock_with_claimed
-- The same, of what is claimed by the same statement; '' = in any case. $1 campaigns, $2 kinds, $3 ids
select l.*
from limits l
join (
    select distinct kind, id
    from unnest($1::text[], $2::text[], $3::text[]) as k (campaign, kind, id)
    where k.campaign = '' or k.campaign in (select campaign from claim_rows)
) k on l.kind = k.kind and l.id = k.id
order by l.kind, l.id
for update of l

-- name: contact_facts
-- What forbids or steers dialling these contacts, in one look. $1 tenants, $2 attempt ids, $3 campaigns, $4 contacts, $5 since when an earlier call counts
select c.n,
       -- offset 0: contact by contact; a plan kept from small tables would read all there is into a hash
       exists (select from calls o where o.tenant = c.tenant and o.contact = c.contact offset 0) as in_call,
       exists (select from suppressions s where s.tenant = c.tenant and s.contact = c.contact offset 0) as suppressed,
       exists (
           select from cancellations x where x.tenant = c.tenant and x.attempt_id = c.attempt_id offset 0
       ) as canceled,
       exists (
           select from outcomes p
           where p.campaign = c.campaign and p.contact = c.contact and p.placement is not null and p.ended_at >= $5
           offset 0
       ) as called_before,
       y.number, y.epoch, y.bound_at, y.expires_at, y.bound_by
from unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) with ordinality as c (tenant, attempt_id, campaign, contact, n)
left join sticky y on y.campaign = c.campaign and y.contact = c.contact

-- name: delete_waiting
-- The attempts that leave the waiting room. $1 tenants, $2 attempt ids
delete from waiting w
using unnest($1::text[], $2::uuid[]) as k (tenant, attempt_id)
where w.tenant = k.tenant and w.attempt_id = k.attempt_id
returning true

-- name: insert_calls
-- The intents; each row is the lease of its slots. All or an error: the contacts were looked at under their tenant's lock.
insert into calls (
    tenant, attempt_id, placement, campaign, contact, connection, number, state, intent_at, place_at, deadline,
    next_check_at, worker, epoch, counted, h, r, baseline_class, sticky_epoch, decision, carry
)
select k.tenant, k.attempt_id, k.placement, k.campaign, k.contact, k.connection, k.number, 'placing', k.intent_at,
       k.place_at, k.deadline, k.next_check_at, $12, $13, k.counted, k.h, k.r, k.baseline_class, k.sticky_epoch,
       k.decision, k.carry
from unnest(
    $1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
    $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $14::boolean[], $15::double precision[],
    $16::double precision[], $17::text[], $18::integer[], $19::jsonb[], $20::jsonb[]
) as k (
    tenant, attempt_id, placement, campaign, contact, connection, number, intent_at, place_at, deadline, next_check_at,
    counted, h, r, baseline_class, sticky_epoch, decision, carry
)

-- name: count_volume
-- Dials by hour, less those that never were; of an hour that is forgotten nothing is taken. $1 numbers, $2 hours, $3 dials
insert into number_volume (number, hour, dials)
select k.number, k.hour, k.dials
from unnest($1::text[], $2::timestamptz[], $3::integer[]) as k (number, hour, dials)
where k.dials > 0 or exists (select from number_volume v where v.number = k.number and v.hour = k.hour offset 0)
on conflict (number, hour) do update set dials = number_volume.dials + excluded.dials

-- name: park
-- Where these attempts wait now. $1 tenants, $2 attempt ids, $3 lines, $4 blockers, $5 look_at, $6 next_eligible_at, $7 blocked_since, $8 spilled, $9 sticky_waited, $10 sticky_wait_s, $11 tier_wait_s
update waiting w
set line = k.line, blocker = k.blocker, look_at = least(k.look_at, w.not_after), next_eligible_at = k.next_eligible_at,
    blocked_since = k.blocked_since, spilled = k.spilled, sticky_waited = k.sticky_waited,
    sticky_wait_s = k.sticky_wait_s, tier_wait_s = k.tier_wait_s
from unnest(
    $1::text[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[],
    $8::smallint[], $9::boolean[], $10::double precision[], $11::double precision[]
) as k (
    tenant, attempt_id, line, blocker, look_at, next_eligible_at, blocked_since, spilled, sticky_waited, sticky_wait_s,
    tier_wait_s
)
where w.tenant = k.tenant and w.attempt_id = k.attempt_id

-- name: keep_pictures
-- The pools as these picks saw them; one that is seen again keeps its time, give or take a day. $1 hashes (sorted), $2 campaigns, $3 bodies, $4 now
insert into pool_pictures (hash, campaign, body, seen_at)
select k.hash, k.campaign, k.body, $4 from unnest($1::text[], $2::text[], $3::jsonb[]) as k (hash, campaign, body)
on conflict (hash) do update set seen_at = excluded.seen_at
where pool_pictures.seen_at < excluded.seen_at - interval '6 hours'

-- name: write_limits
-- The counters as the turn leaves them; the rows are locked. One array per column, in lock order
update limits l
set in_use = k.in_use, next_start_at = k.next_start_at, backoff_until = k.backoff_until, failures = k.failures,
    recent = k.recent, open_until = k.open_until, probe = k.probe
from unnest(
    $1::text[], $2::text[], $3::integer[], $4::timestamptz[], $5::timestamptz[], $6::integer[], $7::text[],
    $8::timestamptz[], $9::text[]
) as k (kind, id, in_use, next_start_at, backoff_until, failures, recent, open_until, probe)
where l.kind = k.kind and l.id = k.id

-- name: lines
-- Every line with runnable attempts, by jumping from one to the next in the index: the cost is that of the lines, not of the backlog.
with recursive line (campaign, line) as (
    (select campaign, line from waiting where line is not null order by campaign, line limit 1)
    union all
    select n.campaign, n.line
    from line l
    cross join lateral (
        select w.campaign, w.line
        from waiting w
        where w.line is not null and (w.campaign, w.line) > (l.campaign, l.line)
        order by w.campaign, w.line
        limit 1
    ) n
)
select campaign, line from line

-- name: catalogue_version
-- Read under the lock: a pick from an older snapshot must not be made.
select version from catalogue_version

-- name: volumes
-- Dials since $2 of numbers with a daily cap. $1 numbers
select number, sum(dials)::integer as dials
from number_volume
where number = any ($1::text[]) and hour > date_trunc('hour', $2::timestamptz)
group by number

-- name: all_limits
-- Hints for claiming
select * from limits

-- name: relook
-- Attempts in connections' lines, when other connections can serve their campaigns than before. What they wait for, and
-- since when, stays. $1 campaigns, $2 how many
update waiting w
set line = ''
from (
    select tenant, attempt_id
    from waiting
    where campaign = any ($1::text[]) and line > ''
    limit $2
    for update skip locked
) s
where w.tenant = s.tenant and w.attempt_id = s.attempt_id
