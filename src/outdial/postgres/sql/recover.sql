-- Recover: what a dead worker left, and calls whose news is overdue.

-- name: due_checks
-- Calls to ask the carrier about; next_check_at moves on, so each is handed to one replica. The intent itself set
-- next_check_at past every moment at which its worker could still be placing it. $1 now, $2 next check if nothing is learnt, $3 how many
with due as (
    select tenant, attempt_id
    from calls
    where next_check_at <= $1
    order by next_check_at
    limit $3
    for update skip locked
)
update calls c
set next_check_at = $2
from due d
where c.tenant = d.tenant and c.attempt_id = d.attempt_id
returning
    c.*,
    (select n.e164 from numbers n where n.number = c.number) as from_number,
    -- What a search for an unconfirmed call may find and must not take: calls of the contact's other attempts.
    case when c.state = 'unconfirmed' then array(
        select o.carrier_call_id
        from outcomes o
        where o.campaign in (select c.campaign union select m.campaign from members m where m.number = c.number)
            and o.contact = c.contact
            and o.carrier_call_id is not null
            and o.ended_at >= c.intent_at - interval '1 h'
    ) end as calls_of_others

-- name: heartbeat
-- This replica is alive. $1 worker, $2 epoch, $3 now
insert into workers (worker, epoch, seen_at) values ($1, $2, $3)
on conflict (worker) do update set seen_at = excluded.seen_at

-- name: forget_workers
-- Replicas not seen since $1
delete from workers where seen_at < $1

-- name: end_stuck_sessions
-- Sessions of replicas that stopped between the parts of a statement and hold locks. PostgreSQL counts them as active,
-- so its timeout for idle transactions does not end them, and its timeout for statements does not look at them either.
-- Copying is left alone: who imports a long list may take its time.
select count(pg_terminate_backend(pid)) from pg_stat_activity
where datname = current_database() and usename = current_user and pid <> pg_backend_pid()
  and application_name = current_setting('application_name')
  and state = 'active' and wait_event = 'ClientRead' and xact_start is not null
  and state_change < clock_timestamp() - interval '10 s' and query !~* '^\s*copy'

-- name: next_epoch
-- A number that no earlier worker had
select nextval('worker_epoch')

-- name: recount
-- The slots in use by the calls themselves against the counters; any difference is drift.
select l.kind, l.id, l.in_use, coalesce(c.calls, 0) as calls
from limits l
left join (
    select 'campaign' as kind, campaign as id, count(*) as calls from calls group by campaign
    union all
    select 'connection', connection, count(*) from calls group by connection
    union all
    select 'tenant', tenant, count(*) from calls group by tenant
) c on c.kind = l.kind and c.id = l.id
where l.in_use <> coalesce(c.calls, 0)

-- name: database_time
-- The clock that all replicas share
select clock_timestamp() as now
