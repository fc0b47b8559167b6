-- What operators ask and order about contacts' sticky assignments. Who changes them holds their tenant's limits row.

-- name: of_contact
-- A contact's assignments, whether they hold or not. $1 contact, $2 campaign or null = all
select y.campaign, c.tenant, y.number, y.epoch, y.bound_at, y.expires_at, y.bound_by
from campaigns c
join sticky y on y.campaign = c.campaign and y.contact = $1
where $2::text is null or c.campaign = $2
order by y.campaign

-- name: one
-- The row as it stands under the tenant's lock. $1 campaign, $2 contact
select number, epoch, bound_at, expires_at, bound_by from sticky where campaign = $1 and contact = $2 for update

-- name: clear
-- $1 campaign, $2 contact
delete from sticky where campaign = $1 and contact = $2

-- name: raise_epoch
-- All assignments of the campaign are void from now on. $1 campaign
update campaigns set sticky_epoch = sticky_epoch + 1 where campaign = $1

-- name: purge_void
-- Rows that count as absent: expired before $1, of an older epoch or of no campaign, older than their membership. Walks
-- the table by key, $4 rows at a time, on from ($2, $3); what a turn holds just now is skipped. Returns the last key.
with looked as materialized (
    select y.campaign, y.contact
    from sticky y
    where (y.campaign, y.contact) > ($2, $3)
    order by y.campaign, y.contact
    limit $4
), void as materialized (
    select y.campaign, y.contact
    from looked l
    join sticky y on y.campaign = l.campaign and y.contact = l.contact
    left join campaigns c on c.campaign = y.campaign
    left join members m on m.campaign = y.campaign and m.number = y.number and m.added_at <= y.bound_at
    where y.expires_at < $1 or c.campaign is null or y.epoch < c.sticky_epoch or m.campaign is null
    for update of y skip locked
), gone as (
    delete from sticky y using void v where y.campaign = v.campaign and y.contact = v.contact returning y.contact
)
select l.campaign, l.contact, (select count(*) from gone) as purged
from looked l
order by l.campaign desc, l.contact desc
limit 1
