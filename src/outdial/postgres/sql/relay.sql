-- Relay: events leave the outbox once the broker has confirmed them.

-- name: remove_events
-- $1 event ids
delete from outbox where event_id = any ($1::uuid[])

-- name: leftover_events
-- What nobody confirmed for a while. $1 created before, $2 how many
select event_id, routing_key, body from outbox where created_at < $1 order by created_at limit $2

-- name: outbox_lag
-- How many events wait, and since when the oldest does
select count(*) as pending, min(created_at) as oldest from outbox
