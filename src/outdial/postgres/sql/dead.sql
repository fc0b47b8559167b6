-- Dead letters: messages that could not be understood, listed and published again.

-- name: list_dead
-- Oldest first. $1 how many, $2 the replayed ones too
select letter, queue, routing_key, message_id, message_type, reason, field, received_at, replayed_at, length(body) as size
from dead_letters
where $2 or replayed_at is null
order by letter
limit $1

-- name: dead_by_id
-- $1 letters, null = all that were not replayed
select letter, routing_key, message_id, message_type, body, headers
from dead_letters
where ($1::bigint[] is null and replayed_at is null) or letter = any ($1::bigint[])
order by letter

-- name: mark_replayed
-- $1 letters, $2 now
update dead_letters set replayed_at = $2 where letter = any ($1::bigint[])
