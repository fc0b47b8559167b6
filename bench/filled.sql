-- What ten days of dialling leave behind, written as turns write it. Found before: `picks` (real decision records by
-- campaign). $1: how many attempts, $2: how many picks of each campaign. Run in this order.

-- name: jobs
create unlogged table jobs as
select j.*, p.tenant, p.number, p.connection, p.tier, p.decision,
       '+1' || (array['312', '212', '415', '202', '305', '416'])[1 + j.n % 6] || (2000000 + j.contact_no)::text as contact,
       now() - interval '10 days' * (1 - j.n::float8 / $1) as received_at
from (
    select n, gen_random_uuid() as attempt_id, 'c' || lpad(floor(100 * power(random(), 2))::text, 3, '0') as campaign,
           floor(random() * 400000)::integer as contact_no, random() as luck, floor(random() * $2)::integer as pick_no,
           random() as state_luck
    from generate_series(1, $1::integer) as n
) j
join picks p on p.campaign = j.campaign and p.pick_no = j.pick_no

-- name: attempts
insert into attempts (tenant, attempt_id, campaign, contact, request, body_hash, received_at)
select tenant, attempt_id, campaign, contact,
       jsonb_build_object(
           'to', contact, 'attempt_id', attempt_id, 'tenant_id', tenant, 'campaign_id', campaign, 'contact_id', 'lead-' || n,
           'attempt_no', 1 + n % 3, 'answer', jsonb_build_object('twilio', jsonb_build_object('url', 'http://answers.example/x')),
           'metadata', jsonb_build_object('list', 'autumn', 'row', n)
       ),
       sha256(attempt_id::text::bytea), received_at
from jobs

-- name: states
-- Of the last day half still waits; two thousand are in a call.
create unlogged table states as
select attempt_id, case when n > 0.9 * $1::integer and state_luck < 0.5 then 'waiting' else 'ended' end as state from jobs

-- name: calls
with chosen as (
    select distinct on (j.tenant, j.contact) j.* from jobs j where n > 0.995 * $1::integer order by j.tenant, j.contact limit 2000
), made as (
    update states s set state = 'placed' from chosen c where s.attempt_id = c.attempt_id returning c.*
)
insert into calls (
    tenant, attempt_id, placement, campaign, contact, connection, number, state, progress, intent_at, place_at, deadline,
    next_check_at, worker, epoch, carrier_call_id, accepted_at, counted, h, r, baseline_class, sticky_epoch, decision, carry
)
select tenant, attempt_id, gen_random_uuid(), campaign, contact, connection, number,
       case when n % 50 = 0 then 'unconfirmed' else 'placed' end, 1, now() - interval '20 s', now() - interval '20 s',
       now() + interval '1 hour', now() + interval '1 hour', gen_random_uuid(), 1, 'CA' || md5(n::text),
       now() - interval '19 s', tier <> 'sticky', 0.2, 1, 'first', 1, decision, '{"picks": 1, "urgency": 4}'
from made

-- name: waiting
insert into waiting (
    tenant, attempt_id, campaign, contact, line, urgency, due_at, not_after, look_at, blocker, next_eligible_at, attempt_no,
    received_at
)
select tenant, attempt_id, campaign, contact, case when luck < 0.6 then '' end, 4, received_at, now() + interval '1 day',
       case when luck < 0.6 then now() + interval '1 day' else now() + interval '2 hours' * luck end,
       case when luck < 0.6 then 'in_line' when luck < 0.8 then 'not_due' when luck < 0.97 then 'outside_calling_hours' else 'no_eligible_number' end,
       case when luck >= 0.6 then now() + interval '2 hours' * luck end, 1, received_at
from jobs join states using (attempt_id)
where state = 'waiting'

-- name: outcomes
insert into outcomes (
    tenant, attempt_id, campaign, contact, outcome, reason, ended_at, received_at, placement, connection, number, tier,
    carrier_call_id, intent_at, accepted_at, ringing_at, answered_at, counted, h, r, baseline_class, sticky_epoch, decision
)
select tenant, attempt_id, campaign, contact,
       case when luck < 0.12 then 'answered_human' when luck < 0.18 then 'answered_unknown' when luck < 0.4 then 'answered_machine'
            when luck < 0.82 then 'no_answer' when luck < 0.88 then 'busy' when luck < 0.9 then 'rejected'
            when luck < 0.901 then 'spam_blocked' when luck < 0.95 then 'unreachable' else 'carrier_failed' end,
       '', received_at + interval '70 s', received_at, gen_random_uuid(), connection, number, tier, 'CA' || md5(n::text),
       received_at + interval '2 s', received_at + interval '2.2 s', received_at + interval '4 s',
       case when luck < 0.4 then received_at + interval '15 s' end, tier <> 'sticky', 0.2, 1, 'first', 1, decision
from jobs join states using (attempt_id)
where state = 'ended' and state_luck < 0.96

-- name: endings
insert into outcomes (tenant, attempt_id, campaign, contact, outcome, reason, ended_at, received_at)
select tenant, attempt_id, campaign, contact, 'expired', 'not_after', received_at + interval '1 hour', received_at
from jobs join states using (attempt_id)
where state = 'ended' and state_luck >= 0.96

-- name: sticky
insert into sticky (campaign, contact, number, epoch, bound_at, expires_at, bound_by)
select distinct on (campaign, contact) campaign, contact, number, 1, greatest(received_at, m.added_at), now() + interval '8 days', 'attempt ' || attempt_id
from jobs join members m using (campaign, number)
where luck < 0.18
order by campaign, contact, received_at desc

-- name: member_stats
insert into member_stats (campaign, number, attempts, answered, y, e, yf, ef, at, last_used)
select campaign, number, count(*), count(*) filter (where luck < 0.18), 18, 20, 1.8, 2, now(), max(received_at)
from jobs group by campaign, number

-- name: baselines
insert into pool_baseline (campaign, country, class, y, x, at)
select campaign, country, class, 40, 200, now()
from campaigns, unnest(array['US', 'CA', '']) as country, unnest(array['first', 'retry']) as class

-- name: volumes
insert into number_volume (number, hour, dials)
select number, date_trunc('hour', received_at), count(*) from jobs where received_at > now() - interval '2 days' group by 1, 2

-- name: health
insert into number_health (number, own_score, own_score_at, failures, last_worked_at)
select number, case when row_number() over (order by number) % 40 = 0 then 0.75 else 0 end, now(), 0, now() from numbers

-- name: spam_reports
insert into spam_reports (number, source, score, why, reported_at)
select number, 'lab', 0.9 * random(), 'seen', now() from numbers where right(number, 1) = '7'

-- name: limits
update limits l
set in_use = c.n
from (
    select 'tenant' as kind, tenant as id, count(*) as n from calls group by 2
    union all select 'campaign', campaign, count(*) from calls group by 2
    union all select 'connection', connection, count(*) from calls group by 2
) c
where l.kind = c.kind and l.id = c.id

-- name: more_pictures
-- Every refresh of the weights in use leaves one.
insert into pool_pictures (hash, campaign, body, seen_at)
select md5(hash || n), campaign, body, now() - interval '1 hour' * n from pool_pictures, generate_series(1, 40) as n

-- name: audit_log
insert into audit_log (at, who, action, subject, why, detail)
select now() - interval '1 minute' * n, 'olga', 'suppress.add', 'tenant/t' || n % 20, 'asked for it', jsonb_build_object('contact', '+1312' || (2000000 + n))
from generate_series(1, 100000) as n

-- name: suppressions
insert into suppressions (tenant, contact, why, who)
select 't' || n % 20, '+1312' || (2000000 + n), 'asked for it', 'olga' from generate_series(1, 200000) as n

-- name: dead_letters
insert into dead_letters (queue, routing_key, message_id, body, reason, field, received_at, replayed_at)
select 'outdial.attempts.1', 't' || n % 20, gen_random_uuid(), repeat('{"to": 5} ', 80)::bytea, 'is no phone number', 'to',
       now() - interval '1 minute' * n, case when n % 3 = 0 then now() end
from generate_series(1, 5000) as n

-- name: workers
insert into workers (worker, epoch, seen_at)
select gen_random_uuid(), n, now() - interval '1 s' * n from generate_series(1, 3) as n
