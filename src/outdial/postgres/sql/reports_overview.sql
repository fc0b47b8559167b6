-- What stands beside the campaigns when somebody asks how things are.

-- name: replicas
-- The newest heartbeat first
select worker, epoch, seen_at from workers order by seen_at desc, worker limit 100

-- name: counts
select (select count(*) from calls where state = 'unconfirmed') as unconfirmed,
       (select count(*) from dead_letters where replayed_at is null) as dead_letters,
       (select count(*) from outbox) as unpublished
