-- Reading and changing the catalogue. Every writer first takes lock_catalogue, then lock_limits, then writes.

-- name: read_version
-- Cheap enough to be asked each second.
select version from catalogue_version;

-- name: read_settled_version
-- With whether the transaction has written nothing yet.
select version, pg_current_xact_id_if_assigned() is null as settled from catalogue_version;

-- name: read_tenants
-- Every tenant with its limits.
select t.tenant, l.max_calls, coalesce(l.paused, false) as paused, t.settings
from tenants t left join limits l on l.kind = 'tenant' and l.id = t.tenant
order by t.tenant;

-- name: read_connections
-- Every connection with its limits; one without limits (never written by outdial) gets no slot.
select c.connection, c.provider, coalesce(l.max_calls, 0) as max_calls, l.calls_per_second,
       coalesce(l.paused, false) as paused, c.settings
from connections c left join limits l on l.kind = 'connection' and l.id = c.connection
order by c.connection;

-- name: read_numbers
-- Every number.
select number, e164, tenant, connection, state, paused, settings
from numbers
order by number;

-- name: read_campaigns
-- Every campaign with its limits.
select c.campaign, c.tenant, c.primary_number, l.max_calls, coalesce(l.paused, false) as paused, c.sticky_epoch, c.settings
from campaigns c left join limits l on l.kind = 'campaign' and l.id = c.campaign
order by c.campaign;

-- name: read_members
-- Every pool member, in the order in which it joined.
select campaign, number, base_weight, paused, extract(epoch from added_at)::float8 as added_at
from members
order by campaign, added_at, number;

-- name: lock_catalogue
-- One change of the catalogue at a time; ends with the transaction.
select pg_advisory_xact_lock(7305402332);

-- name: lock_limits
-- The limits rows of all that is changed, in the one order everybody locks them in. $1 kinds, $2 ids.
select kind, id
from limits
where (kind, id) in (select * from unnest($1::text[], $2::text[]))
order by kind, id
for update;

-- name: read_time
-- The moment of the change, asked after the locks are ours.
select extract(epoch from clock_timestamp())::float8;

-- name: save_tenants
-- $1 names, $2 settings.
insert into tenants (tenant, settings)
select * from unnest($1::text[], $2::jsonb[])
on conflict (tenant) do update set settings = excluded.settings;

-- name: save_connections
-- $1 names, $2 providers, $3 settings.
insert into connections (connection, provider, settings)
select * from unnest($1::text[], $2::text[], $3::jsonb[])
on conflict (connection) do update set provider = excluded.provider, settings = excluded.settings;

-- name: save_numbers
-- $1 names, $2 E.164, $3 tenants, $4 connections, $5 states, $6 paused, $7 settings.
insert into numbers (number, e164, tenant, connection, state, paused, settings)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::jsonb[])
on conflict (number) do update
set e164 = excluded.e164, tenant = excluded.tenant, connection = excluded.connection,
    state = excluded.state, paused = excluded.paused, settings = excluded.settings;

-- name: save_campaigns
-- $1 names, $2 tenants, $3 primary numbers, $4 sticky epochs, $5 settings.
insert into campaigns (campaign, tenant, primary_number, sticky_epoch, settings)
select * from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::jsonb[])
on conflict (campaign) do update
set tenant = excluded.tenant, primary_number = excluded.primary_number,
    sticky_epoch = greatest(campaigns.sticky_epoch, excluded.sticky_epoch), settings = excluded.settings;

-- name: save_members
-- A member that is there keeps its added_at. $1 campaigns, $2 numbers, $3 base weights, $4 paused, $5 now.
insert into members (campaign, number, base_weight, paused, added_at)
select campaign, number, base_weight, paused, to_timestamp($5::float8)
from unnest($1::text[], $2::text[], $3::float8[], $4::boolean[]) as wanted (campaign, number, base_weight, paused)
on conflict (campaign, number) do update set base_weight = excluded.base_weight, paused = excluded.paused;

-- name: rejoin_members
-- Assignments bound before now are void. $1 campaigns, $2 numbers, $3 now.
update members m
set added_at = to_timestamp($3::float8)
from unnest($1::text[], $2::text[]) as gone (campaign, number)
where m.campaign = gone.campaign and m.number = gone.number;

-- name: save_limits
-- What is in use and the circuit stay as they are. $1 kinds, $2 ids, $3 max_calls, $4 calls per second, $5 paused.
insert into limits (kind, id, max_calls, calls_per_second, paused)
select * from unnest($1::text[], $2::text[], $3::integer[], $4::float8[], $5::boolean[])
on conflict (kind, id) do update
set max_calls = excluded.max_calls, calls_per_second = excluded.calls_per_second, paused = excluded.paused;

-- name: drop_members
-- $1 campaigns, $2 numbers.
delete from members m
using unnest($1::text[], $2::text[]) as gone (campaign, number)
where m.campaign = gone.campaign and m.number = gone.number;

-- name: drop_campaigns
-- Members go with it. $1 names.
delete from campaigns where campaign = any ($1::text[]);

-- name: drop_numbers
-- $1 names.
delete from numbers where number = any ($1::text[]);

-- name: drop_connections
-- $1 names.
delete from connections where connection = any ($1::text[]);

-- name: drop_tenants
-- Its suppressions go with it. $1 names.
delete from tenants where tenant = any ($1::text[]);

-- name: drop_limits
-- $1 kinds, $2 ids.
delete from limits
where (kind, id) in (select * from unnest($1::text[], $2::text[]));

-- name: drop_campaign_statistics
-- A campaign of the same name starts afresh. $1 campaigns.
with members_gone as (delete from member_stats where campaign = any ($1::text[]))
delete from pool_baseline where campaign = any ($1::text[]);

-- name: drop_number_history
-- A number of the same name starts afresh. $1 numbers.
with stats as (delete from member_stats where number = any ($1::text[])),
     volume as (delete from number_volume where number = any ($1::text[])),
     health as (delete from number_health where number = any ($1::text[])),
     reports as (delete from spam_reports where number = any ($1::text[]))
delete from spam_signals where number = any ($1::text[]);

-- name: still_in_use
-- What forbids a removal: calls under way, attempts that wait. $1 tenants, $2 connections, $3 numbers, $4 campaigns.
select 'tenants' as kind, tenant as id, 'calls' as what, count(*) as how_many
from calls where tenant = any ($1::text[]) group by tenant
union all
select 'connections', connection, 'calls', count(*)
from calls where connection = any ($2::text[]) group by connection
union all
select 'numbers', number, 'calls', count(*)
from calls where number = any ($3::text[]) group by number
union all
select 'campaigns', campaign, 'calls', count(*)
from calls where campaign = any ($4::text[]) group by campaign
union all
select 'campaigns', campaign, 'waiting attempts', count(*)
from waiting where campaign = any ($4::text[]) group by campaign
order by 1, 2, 3;

-- name: count_voided
-- Assignments that hold today and would not after the change. $1 campaigns whose assignments all go;
-- $2, $3 campaigns and numbers of members that go; $4 now.
with gone as (
    select s.campaign, s.number, s.epoch, s.bound_at, s.expires_at
    from sticky s
    where s.campaign = any ($1::text[])
    union all
    select s.campaign, s.number, s.epoch, s.bound_at, s.expires_at
    from unnest($2::text[], $3::text[]) as leaving (campaign, number)
    join sticky s on s.campaign = leaving.campaign and s.number = leaving.number
    where leaving.campaign <> all ($1::text[])
)
select g.campaign, count(*) as how_many
from gone g
join campaigns c on c.campaign = g.campaign and c.sticky_epoch = g.epoch
join members m on m.campaign = g.campaign and m.number = g.number and m.added_at <= g.bound_at
where g.expires_at is null or g.expires_at > to_timestamp($4::float8)
group by g.campaign
order by g.campaign;

-- name: count_suppressions
-- Do-not-call entries that would go with their tenants. $1 tenants.
select tenant, count(*) as how_many
from suppressions where tenant = any ($1::text[]) group by tenant order by tenant;

-- name: purge_campaign_sticky
-- Rows that are void already (older epoch, or no such campaign), so many at a time. $1 campaigns, $2 how many.
with void as materialized (
    select s.campaign, s.contact
    from sticky s left join campaigns c on c.campaign = s.campaign
    where s.campaign = any ($1::text[]) and (c.campaign is null or s.epoch < c.sticky_epoch)
    limit $2
    for update of s skip locked
)
delete from sticky s using void v where s.campaign = v.campaign and s.contact = v.contact;

-- name: purge_member_sticky
-- Rows that are void already (the member left, or joined again later), so many at a time. $1 campaigns, $2 numbers, $3 how many.
with void as materialized (
    select s.campaign, s.contact
    from unnest($1::text[], $2::text[]) as leaving (campaign, number)
    join sticky s on s.campaign = leaving.campaign and s.number = leaving.number
    left join members m on m.campaign = s.campaign and m.number = s.number and m.added_at <= s.bound_at
    where m.campaign is null
    limit $3
    for update of s skip locked
)
delete from sticky s using void v where s.campaign = v.campaign and s.contact = v.contact;

-- name: bump_version
-- Replicas poll the version each second; the notification is only a hint.
with bumped as (update catalogue_version set version = version + 1 returning version)
select version, pg_notify('outdial_catalogue', version::text) from bumped;

-- name: write_audit
-- $1 who, $2 why, $3 actions, $4 subjects, $5 details, $6 now.
insert into audit_log (at, who, why, action, subject, detail)
select to_timestamp($6::float8), $1, $2, action, subject, detail
from unnest($3::text[], $4::text[], $5::jsonb[]) with ordinality as entry (action, subject, detail, place)
order by place;

-- name: pause_limit
-- Whether it was paused before; no row = no such thing. $1 kind, $2 id, $3 paused.
with before as (select kind, id, paused from limits where kind = $1 and id = $2 for update)
update limits l
set paused = $3::boolean
from before b
where l.kind = b.kind and l.id = b.id
returning b.paused;

-- name: pause_number
-- Whether it was paused before; no row = no such thing. $1 number, $2 paused.
with before as (select number, paused from numbers where number = $1 for update)
update numbers n
set paused = $2::boolean
from before b
where n.number = b.number
returning b.paused;
