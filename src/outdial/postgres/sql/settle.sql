-- Settle: read the calls under their lock, fold, and write what became of them.

-- name: open_calls
-- Those of the given calls that are still open, locked by key. $1 tenants, $2 attempt ids, $3 placements
select c.*, a.request, n.e164 as from_number
from calls c
join unnest($1::text[], $2::uuid[], $3::uuid[]) as k (tenant, attempt_id, placement)
    on c.tenant = k.tenant and c.attempt_id = k.attempt_id and c.placement = k.placement
join attempts a on a.tenant = c.tenant and a.attempt_id = c.attempt_id
left join numbers n on n.number = c.number
order by c.tenant, c.attempt_id
for update of c

-- name: identify_calls
-- What never changes about calls, open or past. $1 placements
select tenant, attempt_id, placement, campaign, contact, connection, number from calls where placement = any ($1::uuid[])
union all
select tenant, attempt_id, placement, campaign, contact, connection, number from outcomes where placement = any ($1::uuid[])

-- name: past_calls
-- Settled calls that late news may concern. $1 placements
select o.*, a.request, n.e164 as from_number
from outcomes o
join attempts a on a.tenant = o.tenant and a.attempt_id = o.attempt_id
left join numbers n on n.number = o.number
where o.placement = any ($1::uuid[])

-- name: member_stats
-- Statistics and membership; what is missing is null. $1 campaigns, $2 numbers
select k.campaign, k.number, m.added_at, s.attempts, s.answered, s.y, s.e, s.yf, s.ef, s.at
from unnest($1::text[], $2::text[]) as k (campaign, number)
left join members m on m.campaign = k.campaign and m.number = k.number
left join member_stats s on s.campaign = k.campaign and s.number = k.number

-- name: baselines
-- $1 campaigns, $2 countries, $3 classes
select b.*
from pool_baseline b
join unnest($1::text[], $2::text[], $3::text[]) as k (campaign, country, class)
    on b.campaign = k.campaign and b.country = k.country and b.class = k.class

-- name: number_health
-- $1 numbers
select * from number_health where number = any ($1::text[])

-- name: others_worked
-- When a carrier last connected a call from another number of the same connection. $1 numbers
select n.number, max(h.last_worked_at) as last_worked_at
from numbers n
join numbers o on o.connection = n.connection and o.number <> n.number
join number_health h on h.number = o.number
where n.number = any ($1::text[])
group by n.number

-- name: spam_contacts
-- Who blocked these numbers as spam since $2. $1 numbers
select number, contact from spam_signals where number = any ($1::text[]) and at >= $2

-- name: assignments
-- With the membership of their numbers: an assignment to a number that left the pool does not hold. $1 campaigns, $2 contacts
select y.*, m.added_at
from sticky y
join unnest($1::text[], $2::text[]) as k (campaign, contact) on y.campaign = k.campaign and y.contact = k.contact
left join members m on m.campaign = y.campaign and m.number = y.number

-- name: update_calls
-- The calls as the carrier's word leaves them; the rows are locked. One array per column
update calls c
set state = k.state, progress = k.progress, next_check_at = k.next_check_at, checks = k.checks,
    carrier_call_id = k.carrier_call_id, accepted_at = k.accepted_at, ringing_at = k.ringing_at,
    answered_at = k.answered_at, ended_at = k.ended_at, answered_by = k.answered_by,
    provider_status = k.provider_status, provider_code = k.provider_code, outcome = k.outcome
from unnest(
    $1::text[], $2::uuid[], $3::text[], $4::smallint[], $5::timestamptz[], $6::smallint[], $7::text[],
    $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::text[], $13::text[],
    $14::text[], $15::text[]
) as k (
    tenant, attempt_id, state, progress, next_check_at, checks, carrier_call_id, accepted_at, ringing_at, answered_at,
    ended_at, answered_by, provider_status, provider_code, outcome
)
where c.tenant = k.tenant and c.attempt_id = k.attempt_id

-- name: delete_calls
-- The calls that are over. $1 tenants, $2 attempt ids, $3 placements
delete from calls c
using unnest($1::text[], $2::uuid[], $3::uuid[]) as k (tenant, attempt_id, placement)
where c.tenant = k.tenant and c.attempt_id = k.attempt_id and c.placement = k.placement
returning true

-- name: insert_outcomes
-- One array per column
insert into outcomes (
    tenant, attempt_id, campaign, contact, outcome, reason, ended_at, received_at, placement, connection, number, tier,
    carrier_call_id, intent_at, accepted_at, ringing_at, answered_at, answered_by, provider_status, provider_code,
    counted, h, r, baseline_class, sticky_epoch, decision
)
select * from unnest(
    $1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[],
    $9::uuid[], $10::text[], $11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[],
    $16::timestamptz[], $17::timestamptz[], $18::text[], $19::text[], $20::text[], $21::boolean[],
    $22::double precision[], $23::double precision[], $24::text[], $25::integer[], $26::jsonb[]
)

-- name: insert_waiting
-- Attempts whose call is proven not to be: they wait again. One array per column
insert into waiting (
    tenant, attempt_id, campaign, contact, line, urgency, due_at, not_after, look_at, blocker, next_eligible_at,
    blocked_since, spilled, sticky_waited, excluded, picks, attempt_no, received_at, sticky_wait_s, tier_wait_s
)
select k.tenant, k.attempt_id, k.campaign, k.contact, k.line, k.urgency, k.due_at, k.not_after,
       least(k.look_at, k.not_after), k.blocker, k.next_eligible_at, k.blocked_since, k.spilled, k.sticky_waited,
       string_to_array(k.excluded, ' '), k.picks, k.attempt_no, k.received_at, k.sticky_wait_s, k.tier_wait_s
from unnest(
    $1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::timestamptz[], $8::timestamptz[],
    $9::timestamptz[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::smallint[], $14::boolean[],
    $15::text[], $16::smallint[], $17::integer[], $18::timestamptz[], $19::double precision[], $20::double precision[]
) as k (
    tenant, attempt_id, campaign, contact, line, urgency, due_at, not_after, look_at, blocker, next_eligible_at,
    blocked_since, spilled, sticky_waited, excluded, picks, attempt_no, received_at, sticky_wait_s, tier_wait_s
)

-- name: wake_contacts
-- Attempts that waited for their contact's other call. What another turn holds just now wakes by itself. $1 tenants, $2 contacts
update waiting w
set line = '', blocker = 'in_line', look_at = w.not_after, next_eligible_at = null, blocked_since = null
from (
    select s.tenant, s.attempt_id
    from unnest($1::text[], $2::text[]) as k (tenant, contact)
    cross join lateral (
        select a.tenant, a.attempt_id
        from waiting a
        where a.tenant = k.tenant and a.contact = k.contact and a.blocker = 'contact_in_call'
        for update skip locked
    ) s
) s
where w.tenant = s.tenant and w.attempt_id = s.attempt_id
returning w.campaign

-- name: write_member_stats
-- One array per column, by key
insert into member_stats (campaign, number, attempts, answered, y, e, yf, ef, at, last_used)
select k.*, k.at
from unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::double precision[], $6::double precision[],
    $7::double precision[], $8::double precision[], $9::timestamptz[]
) as k (campaign, number, attempts, answered, y, e, yf, ef, at)
on conflict (campaign, number) do update
set attempts = excluded.attempts, answered = excluded.answered, y = excluded.y, e = excluded.e, yf = excluded.yf,
    ef = excluded.ef, at = excluded.at, last_used = excluded.last_used

-- name: write_baselines
-- One array per column, by key
insert into pool_baseline (campaign, country, class, y, x, at)
select * from unnest($1::text[], $2::text[], $3::text[], $4::double precision[], $5::double precision[], $6::timestamptz[])
on conflict (campaign, country, class) do update set y = excluded.y, x = excluded.x, at = excluded.at

-- name: write_health
-- One array per column, by key
insert into number_health (
    number, own_score, own_score_at, carrier_rejected_at, failures, failed_contacts, failed_since, failing_since,
    probe_after, last_worked_at
)
select k.number, k.own_score, k.own_score_at, k.carrier_rejected_at, k.failures,
       string_to_array(k.failed_contacts, ' '), k.failed_since, k.failing_since,
       k.probe_after, k.last_worked_at
from unnest(
    $1::text[], $2::double precision[], $3::timestamptz[], $4::timestamptz[], $5::integer[], $6::text[],
    $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[]
) as k (
    number, own_score, own_score_at, carrier_rejected_at, failures, failed_contacts, failed_since, failing_since,
    probe_after, last_worked_at
)
on conflict (number) do update
set own_score = excluded.own_score, own_score_at = excluded.own_score_at,
    carrier_rejected_at = excluded.carrier_rejected_at, failures = excluded.failures,
    failed_contacts = excluded.failed_contacts, failed_since = excluded.failed_since,
    failing_since = excluded.failing_since, probe_after = excluded.probe_after, last_worked_at = excluded.last_worked_at

-- name: write_spam_signals
-- $1 numbers, $2 contacts, $3 now
insert into spam_signals (number, contact, at)
select distinct k.number, k.contact, $3::timestamptz from unnest($1::text[], $2::text[]) as k (number, contact)
on conflict (number, contact) do update set at = excluded.at

-- name: write_assignments
-- One array per column, by key
insert into sticky (campaign, contact, number, epoch, bound_at, expires_at, bound_by)
select * from unnest(
    $1::text[], $2::text[], $3::text[], $4::integer[], $5::timestamptz[], $6::timestamptz[], $7::text[]
)
on conflict (campaign, contact) do update
set number = excluded.number, epoch = excluded.epoch, bound_at = excluded.bound_at, expires_at = excluded.expires_at,
    bound_by = excluded.bound_by

-- name: correct_outcomes
-- Late evidence. $1 placements, $2 ended_at of the row, $3 outcomes, $4 answered_by, $5 answered_at, $6 provider statuses, $7 provider codes, $8 carrier call ids, $9 accepted_at, $10 ringing_at
update outcomes o
set outcome = k.outcome, answered_by = k.answered_by, answered_at = coalesce(o.answered_at, k.answered_at),
    provider_status = coalesce(k.provider_status, o.provider_status),
    provider_code = coalesce(k.provider_code, o.provider_code),
    carrier_call_id = coalesce(o.carrier_call_id, k.carrier_call_id),
    accepted_at = coalesce(o.accepted_at, k.accepted_at), ringing_at = coalesce(o.ringing_at, k.ringing_at),
    corrections = o.corrections + (o.outcome <> k.outcome)::int
from unnest(
    $1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[],
    $9::timestamptz[], $10::timestamptz[]
) as k (
    placement, ended_at, outcome, answered_by, answered_at, provider_status, provider_code, carrier_call_id, accepted_at,
    ringing_at
)
where o.placement = k.placement and o.ended_at = k.ended_at

-- name: insert_events
-- Event ids are made from what they tell, so a replay adds nothing; a routing key begins with the tenant. $1 ids, $2 routing keys, $3 bodies, $4 now, $5 when another replica may take it up
insert into outbox (event_id, tenant, routing_key, body, created_at, retry_at)
select k.event_id, split_part(k.routing_key, '.', 1), k.routing_key, k.body, $4, $5
from unnest($1::uuid[], $2::text[], $3::text[]) as k (event_id, routing_key, body)
on conflict (event_id) do nothing

-- name: bump_catalogue
-- A number's eligibility changed: replicas reload before they pick again.
update catalogue_version set version = version + 1
