-- Intake: what came over the broker becomes ours.

-- name: take_in
-- Attempts, their waiting rows (or outcomes, when refused at the door). Known ids change nothing. One whose cancel came
-- first is seated as runnable, so that whichever turn looks first ends it.
-- One array per column; the answer names those that were new and whether their cancel had come first.
with incoming as (
    select * from unnest(
        $1::text[], $2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::bytea[], $7::timestamptz[], $8::smallint[],
        $9::integer[], $10::timestamptz[], $11::timestamptz[], $12::text[], $13::timestamptz[], $14::text[], $15::text[]
    ) as k (
        tenant, attempt_id, campaign, contact, request, body_hash, received_at, urgency, attempt_no, due_at, not_after,
        blocker, look_at, outcome, reason
    )
), stored as (
    insert into attempts (tenant, attempt_id, campaign, contact, request, body_hash, received_at)
    select tenant, attempt_id, campaign, contact, request, body_hash, received_at from incoming
    order by tenant, attempt_id
    on conflict (tenant, attempt_id) do nothing
    returning tenant, attempt_id
), fresh as (
    select i.*, exists (
        select from cancellations c where c.tenant = i.tenant and c.attempt_id = i.attempt_id
    ) as canceled
    from stored s join incoming i using (tenant, attempt_id)
), seated as (
    insert into waiting (
        tenant, attempt_id, campaign, contact, line, urgency, due_at, not_after, look_at, blocker, next_eligible_at,
        attempt_no, received_at
    )
    select tenant, attempt_id, campaign, contact, case when blocker = 'in_line' or canceled then '' end, urgency, due_at,
           not_after, case when canceled then not_after else least(look_at, not_after) end,
           case when canceled then 'in_line' else blocker end,
           case when blocker <> 'in_line' and not canceled then look_at end, attempt_no, received_at
    from fresh
    where outcome is null
), refused as (
    insert into outcomes (tenant, attempt_id, campaign, contact, outcome, reason, ended_at, received_at)
    select tenant, attempt_id, campaign, contact, outcome, reason, received_at, received_at
    from fresh
    where outcome is not null
)
select tenant, attempt_id, canceled and outcome is null as canceled from fresh

-- name: known_hashes
-- The bodies that stand under ids that were known already. $1 tenants, $2 attempt ids
select a.tenant, a.attempt_id, a.body_hash
from attempts a
join unnest($1::text[], $2::uuid[]) as k (tenant, attempt_id) on a.tenant = k.tenant and a.attempt_id = k.attempt_id

-- name: insert_dead_letters
-- One array per column
insert into dead_letters (queue, routing_key, message_id, message_type, body, headers, reason, field, received_at)
select * from unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::jsonb[], $7::text[], $8::text[], $9::timestamptz[]
)

-- name: doors
-- Which tenants and campaigns exist, and who of these contacts must not be called. $1 tenants, $2 campaigns, $3 contacts
select k.n, t.tenant is not null as tenant_known, c.campaign is not null as campaign_known,
       -- offset 0: contact by contact; a plan kept from the time of few suppressions would read all of them
       exists (select from suppressions s where s.tenant = k.tenant and s.contact = k.contact offset 0) as suppressed
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as k (tenant, campaign, contact, n)
left join tenants t on t.tenant = k.tenant
left join campaigns c on c.campaign = k.campaign and c.tenant = k.tenant

-- name: claim_canceled
-- Claims waiting attempts that are to be canceled. $1 tenants, $2 attempt ids
select w.*, a.request
from waiting w
join unnest($1::text[], $2::uuid[]) as k (tenant, attempt_id) on w.tenant = k.tenant and w.attempt_id = k.attempt_id
join attempts a on a.tenant = w.tenant and a.attempt_id = w.attempt_id
order by w.tenant, w.attempt_id
for update of w
