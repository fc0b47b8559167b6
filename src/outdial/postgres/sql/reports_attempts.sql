-- Lists of attempts, newest first by (received_at, attempt_id). Every page costs what it shows: each block walks one index
-- from the cursor on and stops at the page's size. A page's keys come first, what is shown of them by `details`.
-- Campaigns differ in size by orders of magnitude, so no estimate of what a page costs is worth much: bitmap scans are
-- switched off (they read everything before the first row), and the tenant is compared so that no other index tempts.
-- In all pages: $1 tenant, $2 campaigns, $3 and $4 the cursor (received before), $5 received since, $6 how many.

-- name: in_order
-- For the rest of the transaction.
set local enable_bitmapscan = off

-- name: owner
-- Whose campaign it is. $1 campaign
select tenant from campaigns where campaign = $1

-- name: knows_tenant
-- Whether there is, or was, such a tenant. $1 tenant
select coalesce(
    (select true from tenants where tenant = $1),
    (select true from attempts where tenant = $1 order by attempt_id limit 1),
    false
)

-- name: campaigns
-- Every campaign that a tenant's attempts name, by jumping from one to the next in the index. $1 tenant
with recursive one (campaign) as (
    (select campaign from attempts where tenant = $1 order by campaign limit 1)
    union all
    select n.campaign
    from one
    cross join lateral (
        select a.campaign
        from attempts a
        where a.tenant = $1 and a.campaign > one.campaign
        order by a.campaign
        limit 1
    ) n
)
select campaign from one

-- name: number
-- A number by its name or its digits. $1
select number, e164, tenant from numbers where number = $1 or e164 = $1

-- name: page_all
-- Whatever their state.
select p.attempt_id, p.received_at
from unnest($2::text[]) as c (campaign)
cross join lateral (
    select a.attempt_id, a.received_at
    from attempts a
    where a.tenant = $1 and a.campaign = c.campaign and a.received_at >= $5
        and (a.received_at, a.attempt_id) < ($3::timestamptz, $4::uuid)
    order by a.received_at desc, a.attempt_id desc
    limit $6
) p
order by p.received_at desc, p.attempt_id desc
limit $6

-- name: page_waiting
-- Those that wait for one of these reasons, which may differ by campaign. $2 campaigns, $7 stored blockers, pair by pair
select p.attempt_id, p.received_at
from unnest($2::text[], $7::text[]) as k (campaign, blocker)
cross join lateral (
    select w.attempt_id, w.received_at
    from waiting w
    where w.campaign = k.campaign and w.blocker = k.blocker and w.tenant is not distinct from $1 and w.received_at >= $5
        and (w.received_at, w.attempt_id) < ($3::timestamptz, $4::uuid)
    order by w.received_at desc, w.attempt_id desc
    limit $6
) p
order by p.received_at desc, p.attempt_id desc
limit $6

-- name: page_calls
-- Those under way; as many as there are slots. $7 states
select c.attempt_id, a.received_at
from calls c
join attempts a on a.tenant = c.tenant and a.attempt_id = c.attempt_id
where c.tenant = $1 and c.campaign = any ($2::text[]) and c.state = any ($7::text[]) and a.received_at >= $5
    and (a.received_at, a.attempt_id) < ($3::timestamptz, $4::uuid)
order by a.received_at desc, a.attempt_id desc
limit $6

-- name: page_ended
-- Those that ended in one of these ways. $7 outcomes
select p.attempt_id, p.received_at
from unnest($2::text[]) as c (campaign)
cross join unnest($7::text[]) as k (outcome)
cross join lateral (
    select o.attempt_id, o.received_at
    from outcomes o
    where o.campaign = c.campaign and o.outcome = k.outcome and o.tenant is not distinct from $1 and o.received_at >= $5
        and (o.received_at, o.attempt_id) < ($3::timestamptz, $4::uuid)
    order by o.received_at desc, o.attempt_id desc
    limit $6
) p
order by p.received_at desc, p.attempt_id desc
limit $6

-- name: page_number
-- Those called from one number. $7 number, $8 states, $9 outcomes
select p.attempt_id, p.received_at
from (
    (
        select o.attempt_id, o.received_at
        from outcomes o
        where o.number = $7 and o.tenant is not distinct from $1 and o.campaign = any ($2::text[]) and o.received_at >= $5
            and (o.received_at, o.attempt_id) < ($3::timestamptz, $4::uuid)
            and 'ended' = any ($8::text[]) and o.outcome = any ($9::text[])
        order by o.received_at desc, o.attempt_id desc
        limit $6
    )
    union all
    select c.attempt_id, a.received_at
    from calls c
    join attempts a on a.tenant = c.tenant and a.attempt_id = c.attempt_id
    where c.tenant = $1 and c.number = $7 and c.campaign = any ($2::text[]) and c.state = any ($8::text[])
        and a.received_at >= $5 and (a.received_at, a.attempt_id) < ($3::timestamptz, $4::uuid)
) p
order by p.received_at desc, p.attempt_id desc
limit $6

-- name: page_contact
-- Those to one contact. $7 contact, $8 states, $9 outcomes, $10 numbers (empty = whatever number, or none),
-- $11 campaigns and $12 stored blockers, pair by pair
select a.attempt_id, a.received_at
from attempts a
left join waiting w on w.tenant = a.tenant and w.attempt_id = a.attempt_id
left join calls c on c.tenant = a.tenant and c.attempt_id = a.attempt_id
left join outcomes o on o.tenant = a.tenant and o.attempt_id = a.attempt_id
where a.tenant = $1 and a.contact = $7 and a.campaign = any ($2::text[]) and a.received_at >= $5
    and (a.received_at, a.attempt_id) < ($3::timestamptz, $4::uuid)
    and (
        (
            'waiting' = any ($8::text[])
            and (w.campaign, w.blocker) in (select * from unnest($11::text[], $12::text[]))
        )
        or c.state = any ($8::text[])
        or ('ended' = any ($8::text[]) and o.outcome = any ($9::text[]))
    )
    and ($10::text[] = '{}' or coalesce(c.number, o.number) = any ($10::text[]))
order by a.received_at desc, a.attempt_id desc
limit $6

-- name: connections
-- Through which connections these campaigns may call, by numbers that nobody took out. $1 campaigns
select distinct m.campaign, n.connection
from members m
join numbers n on n.number = m.number
where m.campaign = any ($1::text[]) and not m.paused and not n.paused and n.state = 'active'

-- name: details
-- What is shown of these attempts, in the order given. $1 tenant, $2 attempt ids
select a.tenant, a.attempt_id, a.campaign, a.contact, a.received_at, a.request ->> 'contact_id' as contact_id,
       (a.request ->> 'attempt_no')::integer as attempt_no,
       case when o.outcome is not null then 'ended' else coalesce(c.state, 'waiting') end as state,
       coalesce(c.number, o.number) as number, n.e164, coalesce(c.connection, o.connection) as connection,
       coalesce(o.tier, c.decision ->> 'tier') as tier, o.outcome, coalesce(o.reason, '') as reason,
       coalesce(o.corrections, 0) as corrections,
       w.blocker, w.line, w.blocked_since, w.next_eligible_at, w.due_at, w.not_after,
       coalesce(c.intent_at, o.intent_at) as intent_at, coalesce(c.accepted_at, o.accepted_at) as accepted_at,
       coalesce(c.ringing_at, o.ringing_at) as ringing_at, coalesce(c.answered_at, o.answered_at) as answered_at,
       coalesce(o.ended_at, c.ended_at) as ended_at
from unnest($2::uuid[]) with ordinality as k (attempt_id, n)
join attempts a on a.tenant = $1 and a.attempt_id = k.attempt_id
left join waiting w on w.tenant = a.tenant and w.attempt_id = a.attempt_id
left join calls c on c.tenant = a.tenant and c.attempt_id = a.attempt_id
left join outcomes o on o.tenant = a.tenant and o.attempt_id = a.attempt_id
left join numbers n on n.number = coalesce(c.number, o.number)
order by k.n
