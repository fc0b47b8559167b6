-- Relay: events leave the outbox once the broker has confirmed them.

-- name: remove_events
-- $1 event ids
delete from outbox where event_id = any ($1::uuid[])

-- name: leftover_events
-- What nobody confirmed for a while, handed to one replica at a time. $1 now, $2 when they are due again, $3 how many
with due as (
    select event_id from outbox where retry_at <= $1 order by retry_at limit $3 for update skip locked
)
update outbox o set retry_at = $2 where o.event_id = any (array(select event_id from due))  -- an array: by index, always
returning o.event_id, o.routing_key, o.body

-- name: outbox_lag
-- How many events wait, and since when the oldest does
select count(*) as pending, min(created_at) as oldest from outbox
