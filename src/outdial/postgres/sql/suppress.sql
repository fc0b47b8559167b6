-- Suppressions: contacts that a tenant must not call. Changed under the lock of the tenant's limits row, so that once an
-- addition has returned no turn makes an intent any more that had looked before. Every change leaves its own audit entry.

-- name: add
-- $1 tenant, $2 contacts, $3 why, $4 who, $5 now
with put as (
    insert into suppressions (tenant, contact, why, who, added_at)
    select $1, contact, $3, $4, $5 from unnest($2::text[]) as k (contact) order by contact
    on conflict (tenant, contact) do nothing
    returning contact
)
insert into audit_log (at, who, action, subject, why, detail)
select $5, $4, 'suppress.add', 'tenant/' || $1::text, $3, jsonb_build_object('contact', contact) from put order by contact

-- name: remove
-- $1 tenant, $2 contacts, $3 why, $4 who, $5 now
with gone as (
    delete from suppressions where tenant = $1 and contact = any ($2::text[]) returning contact
)
insert into audit_log (at, who, action, subject, why, detail)
select $5, $4, 'suppress.remove', 'tenant/' || $1::text, $3, jsonb_build_object('contact', contact)
from gone
order by contact

-- name: page
-- The latest first. $1 tenant, $2 before that entry, $3 how many
select contact, why, who, added_at, entry from suppressions where tenant = $1 and entry < $2 order by entry desc limit $3

-- name: one
-- $1 tenant, $2 contact
select contact, why, who, added_at, entry from suppressions where tenant = $1 and contact = $2
