-- What reputation services report of numbers, and what operators order about them.

-- name: hold_reported
-- The numbers that reports speak of, by their name or E.164, of that tenant only; held so that two reports of one number
-- come one after the other. $1 tenants, $2 numbers
select n.number, n.tenant, n.e164
from numbers n
where exists (
    select from unnest($1::text[], $2::text[]) as k (tenant, number)
    where n.tenant = k.tenant and (n.number = k.number or n.e164 = k.number)
)
order by n.number
for no key update

-- name: standing
-- The highest score from outside, and what calls showed. $1 numbers
select n.number, n.tenant, n.e164,
       (select max(r.score) from spam_reports r where r.number = n.number) as reported,
       h.own_score, h.own_score_at, h.carrier_rejected_at, h.failing_since
from numbers n
left join number_health h on h.number = n.number
where n.number = any ($1::text[])

-- name: write_reports
-- Each source has one score per number. $1 numbers, $2 sources, $3 scores, $4 reasons, $5 now
insert into spam_reports (number, source, score, why, reported_at)
select number, source, score, why, $5
from unnest($1::text[], $2::text[], $3::double precision[], $4::text[]) as k (number, source, score, why)
order by number, source
on conflict (number, source) do update
set score = excluded.score, why = excluded.why, reported_at = excluded.reported_at

-- name: drop_reports
-- $1 number, $2 source or null = all; returns whose they were
delete from spam_reports where number = $1 and ($2::text is null or source = $2) returning source

-- name: drop_own_score
-- The number's own score and the blocked calls behind it. $1 number
with signals as (delete from spam_signals where number = $1)
update number_health set own_score = 0, own_score_at = null where number = $1

-- name: clear_health
-- What its carrier refused and failed is forgotten. $1 number
update number_health
set carrier_rejected_at = null, failures = 0, failed_contacts = '{}', failed_since = null, failing_since = null,
    probe_after = null
where number = $1
