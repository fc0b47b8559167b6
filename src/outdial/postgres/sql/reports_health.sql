-- What the health of pools and numbers is told from, besides the weights that picks go by.

-- name: campaign_day
-- How the calls of one campaign ended, by number and span of time. $1 campaign, $2 ended since, $3 seconds of a span
select campaign, number, outcome, counted, count(*) as calls, max(intent_at) as begun,
    floor(extract(epoch from ended_at - $2) / $3::double precision)::integer as span
from outcomes
where campaign = $1 and ended_at >= $2 and number is not null
group by campaign, number, outcome, counted, span

-- name: number_day
-- How the calls from one number ended, by campaign and span of time (after `in_order`). $1 number, $2 ended since, $3 seconds of a span
select campaign, number, outcome, counted, count(*) as calls, max(intent_at) as begun,
    floor(extract(epoch from ended_at - $2) / $3::double precision)::integer as span
from outcomes
where number = $1 and ended_at >= $2
group by campaign, number, outcome, counted, span

-- name: campaign_sticky
-- How many contacts stick to each number: assignments that hold. The pool comes first, so that the assignments are walked
-- once instead of once for each number. $1 campaign, $2 now
with pool as materialized (
    select m.number, m.added_at, c.sticky_epoch
    from members m
    join campaigns c on c.campaign = m.campaign
    where m.campaign = $1
)
select y.number, count(*) as contacts
from sticky y
join pool p on p.number = y.number and p.sticky_epoch = y.epoch and p.added_at <= y.bound_at
where y.campaign = $1 and (y.expires_at is null or y.expires_at > $2)
group by y.number

-- name: number_sticky
-- The same of one number, by campaign. $1 number, $2 now
select y.campaign, count(*) as contacts
from sticky y
join campaigns c on c.campaign = y.campaign and c.sticky_epoch = y.epoch
join members m on m.campaign = y.campaign and m.number = y.number and m.added_at <= y.bound_at
where y.number = $1 and (y.expires_at is null or y.expires_at > $2)
group by y.campaign

-- name: last_used
-- When these numbers last began a call for these campaigns, of calls under way, and when one was last settled. $1 campaigns, $2 numbers
select k.campaign, k.number, c.begun, s.last_used as settled
from unnest($1::text[], $2::text[]) as k (campaign, number)
left join (
    select campaign, number, max(intent_at) as begun from calls where campaign = any ($1::text[]) group by campaign, number
) c on c.campaign = k.campaign and c.number = k.number
left join member_stats s on s.campaign = k.campaign and s.number = k.number

-- name: reports
-- What was reported of these numbers, the worst first. $1 numbers
select number, source, score, why, reported_at
from spam_reports
where number = any ($1::text[])
order by number, score desc, source

-- name: hours
-- When one number was dialled, over all campaigns. $1 number, $2 since
select hour, dials from number_volume where number = $1 and hour > date_trunc('hour', $2::timestamptz) order by hour
