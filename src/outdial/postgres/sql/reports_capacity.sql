-- What a campaign's capacity is told from, besides the limits and the pool.

-- name: waits
-- How many attempts wait, by campaign and stored blocker: from the counts, so a million waiting cost nothing. $1 campaigns
select campaign, blocker, sum(attempts)::bigint as attempts
from waiting_counts
where campaign = any ($1::text[])
group by campaign, blocker
having sum(attempts) > 0

-- name: soonest
-- When the first of them may go on: looked for among the oldest $3 of each. $1 campaigns, $2 stored blockers, pair by pair
select k.campaign, k.blocker, min(w.next_eligible_at) as next_eligible_at
from unnest($1::text[], $2::text[]) as k (campaign, blocker)
cross join lateral (
    select next_eligible_at
    from waiting
    where waiting.campaign = k.campaign and waiting.blocker = k.blocker
    order by received_at, attempt_id
    limit $3
) w
group by k.campaign, k.blocker

-- name: held
-- For how long the campaigns' latest calls held their slots, seconds on average. $1 campaigns, $2 since, $3 how many ended attempts of each are looked at
select k.campaign, extract(epoch from avg(o.ended_at - o.intent_at))::double precision as held_s
from unnest($1::text[]) as k (campaign)
cross join lateral (
    select ended_at, intent_at from outcomes where campaign = k.campaign and ended_at >= $2 order by ended_at desc limit $3
) o
where o.intent_at is not null
group by k.campaign
