-- Dead letters: messages that could not be understood, listed, published again, given up.

-- name: list_dead
-- Oldest first. $1 how many, $2 after this one, $3 the replayed ones too
select letter, queue, routing_key, message_id, message_type, reason, field, received_at, replayed_at, length(body) as size
from dead_letters
where letter > $2 and ($3 or replayed_at is null)
order by letter
limit $1

-- name: read_dead
-- $1 letter
select letter, queue, routing_key, message_id, message_type, reason, field, received_at, replayed_at, length(body) as size,
       body, headers
from dead_letters
where letter = $1

-- name: dead_by_id
-- $1 letters, null = all that were not replayed
select letter, routing_key, message_id, message_type, body, headers
from dead_letters
where ($1::bigint[] is null and replayed_at is null) or letter = any ($1::bigint[])
order by letter

-- name: mark_replayed
-- $1 letters
update dead_letters set replayed_at = now() where letter = any ($1::bigint[])

-- name: discard_dead
-- $1 letters
delete from dead_letters where letter = any ($1::bigint[]) returning letter, routing_key, reason
