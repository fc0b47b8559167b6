-- Weights: what the rotation, the health and the volumes of numbers stand at; read anew every few seconds.

-- name: member_stats
-- All of it: a row per member that was ever called from
select campaign, number, attempts, answered, y, e, yf, ef, at from member_stats

-- name: baselines
-- The pools' own answer rates
select campaign, country, class, y, x, at from pool_baseline

-- name: volumes
-- Dials since $1, by number, over all campaigns
select number, sum(dials)::integer as dials from number_volume where hour > date_trunc('hour', $1::timestamptz) group by number

-- name: health
-- Numbers that carriers or contacts showed something of
select * from number_health

-- name: spam_scores
-- The highest score reported from outside
select number, max(score) as score from spam_reports group by number

-- name: member_stats_of
-- The same of these numbers, in whichever campaign: a number's weight in one rests on how it fares in the others. $1 numbers
select campaign, number, attempts, answered, y, e, yf, ef, at from member_stats where number = any ($1::text[])

-- name: baselines_of
-- $1 campaigns
select campaign, country, class, y, x, at from pool_baseline where campaign = any ($1::text[])

-- name: volumes_of
-- Dials since $1 of these numbers ($2)
select number, sum(dials)::integer as dials
from number_volume
where number = any ($2::text[]) and hour > date_trunc('hour', $1::timestamptz)
group by number

-- name: health_of
-- $1 numbers
select * from number_health where number = any ($1::text[])

-- name: health_against
-- Numbers that something speaks against just now; whoever is not among them is well
select * from number_health where own_score > 0 or carrier_rejected_at is not null or failing_since is not null

-- name: spam_scores_of
-- $1 numbers
select number, max(score) as score from spam_reports where number = any ($1::text[]) group by number

-- name: forget_volumes
-- Hours that no 24-hour count needs any more
delete from number_volume where hour < $1
