-- Cancel: by message within a turn, or by an operator. Always under the lock of the tenant's limits row, so that no attempt
-- moves between waiting room and calls meanwhile.

-- name: lock_tenant
-- The mutex of the tenant's calls; no row = there is no such tenant. $1 tenant
select id from limits where kind = 'tenant' and id = $1 for update

-- name: cancel
-- Attempts of one tenant and what becomes of each: `waiting` (marked; the sweep ends it), `calling` (hung up unless
-- answered first), `answered`, `ended`, `held` (a turn that waits for our lock has it in hand) or `unknown`. Those two
-- are remembered. A call that is being placed is hung up once the carrier has it, one that may exist once it is found:
-- a search moved forward would not count. $1 tenant, $2 attempt ids, $3 now
with asked as (
    select unnest($2::uuid[]) as attempt_id
), free as (
    select w.attempt_id
    from waiting w
    join asked using (attempt_id)
    where w.tenant = $1
    order by w.attempt_id
    for update of w skip locked
), marked as (
    update waiting w set canceled = true, look_at = least(w.look_at, $3::timestamptz)
    from free
    where w.tenant = $1 and w.attempt_id = free.attempt_id
    returning w.attempt_id
), hung_up as (
    update calls c
    set cancel_requested = true,
        next_check_at = case when c.state = 'placed' then least(c.next_check_at, $3) else c.next_check_at end
    from asked
    where c.tenant = $1 and c.attempt_id = asked.attempt_id and c.answered_at is null
    returning c.attempt_id
), said as (
    select a.attempt_id,
           case when exists (select from marked m where m.attempt_id = a.attempt_id) then 'waiting'
                when exists (select from hung_up h where h.attempt_id = a.attempt_id) then 'calling'
                when exists (select from calls c where c.tenant = $1 and c.attempt_id = a.attempt_id) then 'answered'
                when exists (select from outcomes o where o.tenant = $1 and o.attempt_id = a.attempt_id) then 'ended'
                when exists (select from attempts t where t.tenant = $1 and t.attempt_id = a.attempt_id) then 'held'
                else 'unknown' end as became
    from asked a
), remembered as (
    insert into cancellations (tenant, attempt_id, at)
    select $1, attempt_id, $3 from said where became in ('held', 'unknown') order by attempt_id
    on conflict (tenant, attempt_id) do update set at = excluded.at
)
select attempt_id, became from said

-- name: waiting_page
-- Attempts of a campaign that wait and were not canceled yet, in the order of their ids. $1 tenant, $2 campaign, $3 after, $4 how many
select attempt_id
from waiting
where tenant = $1 and campaign = $2 and attempt_id > $3 and not canceled
order by attempt_id
limit $4

-- name: calls_of
-- The campaign's calls that nobody canceled yet. $1 tenant, $2 campaign
select attempt_id from calls where tenant = $1 and campaign = $2 and not cancel_requested order by attempt_id

-- name: tenants_of
-- Who has attempts of these ids. $1 attempt ids
select t.tenant, a.attempt_id
from tenants t
cross join unnest($1::uuid[]) as a (attempt_id)
where exists (select from attempts k where k.tenant = t.tenant and k.attempt_id = a.attempt_id offset 0)

-- name: note
-- One audit entry. $1 now, $2 who, $3 why, $4 subject, $5 detail
insert into audit_log (at, who, action, subject, why, detail) values ($1, $2, 'cancel', $4, $3, $5)
