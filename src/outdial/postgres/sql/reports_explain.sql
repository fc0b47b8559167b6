-- What explaining one attempt, and trying the next pick, needs to see. Nothing here locks or writes.

-- name: clock
-- The database's time.
select clock_timestamp()

-- name: tenants_of
-- Whose attempt it is: ids are unique within a tenant only. Jumps from tenant to tenant in the key. $1 attempt id
with recursive one (tenant) as (
    (select tenant from attempts order by tenant limit 1)
    union all
    select n.tenant
    from one
    cross join lateral (select a.tenant from attempts a where a.tenant > one.tenant order by a.tenant limit 1) n
)
select one.tenant
from one
cross join lateral (
    select a.tenant from attempts a where a.tenant = one.tenant and a.attempt_id = $1 order by a.attempt_id limit 1
) found

-- name: request
-- As it was accepted. $1 tenant, $2 attempt id
select request from attempts where tenant = $1 and attempt_id = $2

-- name: wait
-- Where it waits, and what it must not use. $1 tenant, $2 attempt id
select * from waiting where tenant = $1 and attempt_id = $2

-- name: call
-- Its call, under way or over. $1 tenant, $2 attempt id
select placement, connection, number, decision, counted, h, r, baseline_class, state, place_at, deadline, carrier_call_id,
       answered_by, provider_status, provider_code, cancel_requested
from calls
where tenant = $1 and attempt_id = $2
union all
select placement, connection, number, decision, counted, h, r, baseline_class, 'ended', null, null, carrier_call_id,
       answered_by, provider_status, provider_code, false
from outcomes
where tenant = $1 and attempt_id = $2 and placement is not null

-- name: picture
-- The pool as a pick saw it. $1 hash
select body from pool_pictures where hash = $1

-- name: contact
-- What stands about a contact just now. $1 tenant, $2 campaign, $3 contact
select y.number, y.epoch, y.bound_at, y.expires_at, y.bound_by,
       (select c.attempt_id from calls c where c.tenant = $1 and c.contact = $3) as in_call,
       exists (select from suppressions s where s.tenant = $1 and s.contact = $3) as suppressed
from (select) as always
left join sticky y on y.campaign = $2 and y.contact = $3

-- name: limits
-- Limits rows as they stand. $1 kinds, $2 ids
select l.*
from limits l
join unnest($1::text[], $2::text[]) as k (kind, id) on l.kind = k.kind and l.id = k.id
