-- The whole data model. PostgreSQL >= 15, no extensions.
--
-- An attempt lies in exactly one of `waiting`, `calls`, `outcomes`; its `calls` row is its slot (the lease).
-- Lock order, everywhere: limits (kind, id) -> calls (tenant, attempt_id) -> everything else by key.
-- Names are compared byte by byte (collate "C"): the same order in Python and in every installation.

-- Catalogue ---------------------------------------------------------------------------------------------------------

create table tenants (
    tenant     text collate "C" primary key,
    settings   jsonb not null default '{}',  -- queue, allowed_destinations, allowed_kinds
    created_at timestamptz not null default now()
);

create table connections (
    connection text collate "C" primary key,
    provider   text not null,
    settings   jsonb not null default '{}',  -- base_url, account, credentials by reference, provider's own options
    created_at timestamptz not null default now()
);

create table numbers (
    number     text collate "C" primary key,
    e164       text collate "C" not null unique,
    tenant     text collate "C" not null references tenants,
    connection text collate "C" not null references connections,
    state      text not null default 'active' check (state in ('active', 'inactive', 'released')),
    paused     boolean not null default false,
    settings   jsonb not null default '{}',  -- allowed_countries, max_calls_24h, volume_budget_24h, number_type, time_zone
    created_at timestamptz not null default now()
);
create index numbers_tenant on numbers (tenant);
create index numbers_connection on numbers (connection);

create table campaigns (
    campaign       text collate "C" primary key,
    tenant         text collate "C" not null references tenants,
    primary_number text collate "C" not null references numbers,
    sticky_epoch   integer not null default 1,
    settings       jsonb not null default '{}',  -- what the operator wrote, defaults not filled in
    created_at     timestamptz not null default now()
);
create index campaigns_tenant on campaigns (tenant);

create table members (
    campaign    text collate "C" not null references campaigns on delete cascade,
    number      text collate "C" not null references numbers,
    base_weight double precision not null default 1 check (base_weight >= 0),
    paused      boolean not null default false,
    added_at    timestamptz not null default now(),  -- a sticky assignment bound earlier is void
    primary key (campaign, number)
);
create index members_number on members (number);

-- One row, bumped by every change of the catalogue or of a number's health: replicas poll it each second.
create table catalogue_version (
    single  boolean primary key default true check (single),
    version bigint not null default 1
);
insert into catalogue_version default values;

create table suppressions (
    tenant   text collate "C" not null references tenants on delete cascade,
    contact  text collate "C" not null,
    why      text not null default '',
    who      text not null default '',
    added_at timestamptz not null default now(),
    entry    bigint generated always as identity,  -- the order in which they are listed
    primary key (tenant, contact)
);
create index suppressions_entry on suppressions (tenant, entry);

create table audit_log (
    entry   bigint generated always as identity primary key,
    at      timestamptz not null default now(),
    who     text not null,
    action  text not null,   -- 'sticky.set', 'number.flag', 'pause', 'apply', ...
    subject text not null,   -- 'campaign/spring', 'number/us-1', ...
    why     text not null default '',
    detail  jsonb not null default '{}'
);
create index audit_log_subject on audit_log (subject, entry desc);
create index audit_log_at on audit_log using brin (at) with (pages_per_range = 32);

-- Forgets the oldest entries: the only way that anything leaves the log, and nothing younger than a month ever does.
create function forget_audit_log(before timestamptz, at_most integer) returns integer
    language plpgsql security definer set search_path from current as $$
declare
    gone integer;
begin
    delete from audit_log where entry in (
        select entry from audit_log where at < least(before, now() - interval '30 days') order by entry limit at_most
    );
    get diagnostics gone = row_count;
    return gone;
end $$;
revoke execute on function forget_audit_log(timestamptz, integer) from public;

-- Capacity ----------------------------------------------------------------------------------------------------------

-- Every tenant, campaign and connection has exactly one row. A tenant's row is the mutex for that tenant's calls,
-- statistics and sticky assignments. Small and updated all the time: most of each page is left free for HOT updates.
create table limits (
    kind             text collate "C" not null check (kind in ('campaign', 'connection', 'tenant')),
    id               text collate "C" not null,
    max_calls        integer check (max_calls >= 0),   -- null = no limit of its own, 0 = no new starts
    in_use           integer not null default 0,
    paused           boolean not null default false,
    -- connections only
    calls_per_second double precision check (calls_per_second > 0),  -- null = unpaced
    next_start_at    timestamptz,   -- earliest next create request
    backoff_until    timestamptz,   -- the carrier asked for a pause (429, temporary refusal)
    failures         integer not null default 0,    -- in a row
    recent           text not null default '',      -- requests and failures of the last minute, in parts of 10 s
    open_until       timestamptz,   -- the circuit: no starts until then, then one probe
    probe            text,          -- the placement that probes the half-open circuit
    primary key (kind, id)
) with (fillfactor = 20, autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0);

-- The way of an attempt ---------------------------------------------------------------------------------------------

-- Insert-only: the deduplication of `attempt_id` within its tenant, and the request as it was accepted.
create table attempts (
    tenant      text collate "C" not null,
    attempt_id  uuid not null,
    campaign    text collate "C" not null,
    contact     text collate "C" not null,
    request     jsonb not null,
    body_hash   bytea not null,
    received_at timestamptz not null,
    primary key (tenant, attempt_id)
);
-- What operators ask: the newest of a campaign, the history of a contact.
create index attempts_campaign on attempts (tenant, campaign, received_at, attempt_id);
create index attempts_contact on attempts (tenant, contact, received_at, attempt_id);
create index attempts_received on attempts using brin (received_at) with (pages_per_range = 32);  -- for upkeep alone

-- line: '' = any connection of its pool · a connection's name = waits for room there · null = asleep until look_at.
-- Rows in a line are due; rows that are not (yet) dialable are asleep, so a claim never walks over them.
create table waiting (
    tenant           text collate "C" not null,
    attempt_id       uuid not null,
    campaign         text collate "C" not null,
    contact          text collate "C" not null,
    line             text collate "C",
    urgency          smallint not null,       -- 9 - priority: 0 first
    due_at           timestamptz not null,
    not_after        timestamptz not null,
    look_at          timestamptz not null,    -- least(wake-up, not_after)
    blocker          text not null default 'in_line',
    next_eligible_at timestamptz,
    blocked_since    timestamptz,             -- since when this blocker holds (sticky and tier waits are bounded)
    spilled          smallint not null default 0,      -- proximity tiers given up on for this attempt
    sticky_waited    boolean not null default false,   -- sticky.max_wait_s is over: another number, this attempt only
    sticky_wait_s    double precision not null default 0,  -- waited for its own number before the present blocker
    tier_wait_s      double precision not null default 0,  -- waited for its tier before the present blocker
    excluded         text[] not null default '{}',     -- numbers refused by the carrier for this attempt
    picks            smallint not null default 0,
    attempt_no       integer,
    received_at      timestamptz not null,
    canceled         boolean not null default false,   -- an operator canceled it: whichever turn looks first ends it
    primary key (tenant, attempt_id)
) with (fillfactor = 80, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.02);
create index waiting_line on waiting (campaign, line, urgency, due_at, attempt_id) where line is not null;
create index waiting_look on waiting (look_at);
create index waiting_contact on waiting (tenant, contact) where blocker = 'contact_in_call';
create index waiting_campaign on waiting (campaign, blocker, received_at, attempt_id);

-- How many wait, by campaign and blocker: the sum over its rows. Every statement that changes the waiting room adds rows
-- of its own, so nobody waits for a counter; upkeep adds them up. Counting a million rows would take 150 ms each time.
create table waiting_counts (
    tenant   text collate "C" not null,
    campaign text collate "C" not null,
    blocker  text not null,
    attempts bigint not null
) with (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
create index waiting_counts_campaign on waiting_counts (campaign);

create function count_waiting() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into waiting_counts select tenant, campaign, blocker, count(*) from came group by 1, 2, 3;
    elsif tg_op = 'DELETE' then
        insert into waiting_counts select tenant, campaign, blocker, -count(*) from went group by 1, 2, 3;
    else
        insert into waiting_counts
        select tenant, campaign, blocker, sum(n)
        from (
            select tenant, campaign, blocker, 1 as n from came
            union all
            select tenant, campaign, blocker, -1 from went
        ) k
        group by 1, 2, 3
        having sum(n) <> 0;
    end if;
    return null;
end $$;
create trigger count_inserted after insert on waiting
    referencing new table as came for each statement execute function count_waiting();
create trigger count_deleted after delete on waiting
    referencing old table as went for each statement execute function count_waiting();
create trigger count_updated after update on waiting
    referencing old table as went new table as came for each statement execute function count_waiting();

-- state: placing -> placed | unconfirmed; the row goes when the attempt ends or is given back. `progress` is the
-- monotone rank of the call itself. No index on what changes, so updates stay HOT; the table is as small as the limits.
create table calls (
    tenant           text collate "C" not null,
    attempt_id       uuid not null,
    placement        uuid not null unique,
    campaign         text collate "C" not null,
    contact          text collate "C" not null,
    connection       text collate "C" not null,
    number           text collate "C" not null,
    state            text not null default 'placing' check (state in ('placing', 'placed', 'unconfirmed')),
    progress         smallint not null default 0,  -- rules/call_progress.py
    intent_at        timestamptz not null,
    place_at         timestamptz not null,
    deadline         timestamptz not null,         -- ring limit + call limit + margin: hang up, look up, free
    next_check_at    timestamptz not null,         -- when the poller asks the carrier
    checks           smallint not null default 0,  -- negative searches of an unconfirmed attempt
    worker           uuid not null,
    epoch            bigint not null,
    carrier_call_id  text,
    accepted_at      timestamptz,
    ringing_at       timestamptz,
    answered_at      timestamptz,
    ended_at         timestamptz,     -- the carrier said so; settling may still wait for machine detection
    answered_by      text,
    provider_status  text,            -- as it came
    provider_code    text,
    outcome          text,            -- of the final status, when settling waits
    cancel_requested boolean not null default false,
    counted          boolean not null,  -- freely drawn: feeds the index; sticky calls only count for the volume
    h                double precision not null,
    r                double precision not null,
    baseline_class   text not null,     -- first | retry
    sticky_epoch     integer not null,
    decision         jsonb not null,
    carry            jsonb not null,    -- what a give-back needs to wait again (urgency, due_at, not_after, picks, ...)
    primary key (tenant, attempt_id),
    unique (tenant, contact)            -- a contact is never in two calls of one tenant
) with (fillfactor = 50, autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0);
create index calls_connection on calls (connection);

-- Append-only (a late correction is the one update); one partition a month.
create table outcomes (
    tenant          text collate "C" not null,
    attempt_id      uuid not null,
    campaign        text collate "C" not null,
    contact         text collate "C" not null,
    outcome         text not null,
    reason          text not null default '',   -- why rejected, expired, canceled; else empty
    ended_at        timestamptz not null,
    received_at     timestamptz not null,
    -- null when the attempt ended without a call
    placement       uuid,
    connection      text collate "C",
    number          text collate "C",
    tier            text,
    carrier_call_id text,
    intent_at       timestamptz,
    accepted_at     timestamptz,
    ringing_at      timestamptz,
    answered_at     timestamptz,
    answered_by     text,
    provider_status text,
    provider_code   text,
    counted         boolean,
    h               double precision,
    r               double precision,
    baseline_class  text,
    sticky_epoch    integer,
    decision        jsonb,
    corrections     smallint not null default 0
) partition by range (ended_at);
create table outcomes_rest partition of outcomes default;  -- upkeep makes the months ahead of time
-- Makes the month's partition, so that no replica needs to own the table; false = it is there, or the default partition
-- has rows of that month already. Rows that came earlier stay where they are.
create function make_outcomes_month(day date) returns boolean
    language plpgsql security definer set search_path from current as $$
declare
    first date := date_trunc('month', day);
    name  text := 'outcomes_' || to_char(first, 'YYYY_MM');
begin
    if to_regclass(name) is not null then
        return false;
    end if;
    execute format(
        'create table %I partition of outcomes for values from (%L) to (%L)',
        name, to_char(first, 'YYYY-MM-DD+00'), to_char(first + interval '1 month', 'YYYY-MM-DD+00')
    );
    return true;
exception when check_violation or duplicate_table or duplicate_object or unique_violation then
    return false;
end $$;
revoke execute on function make_outcomes_month(date) from public;

-- Drops the months that ended before that day. Whoever uses the table at that moment goes first: it gives up instead of
-- making anybody wait, and is asked again later. Returns how many went.
create function drop_outcomes_months(before date) returns integer
    language plpgsql security definer set search_path from current set lock_timeout = '100ms' as $$
declare
    month text;
    gone  integer := 0;
begin
    for month in
        select c.relname
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'outcomes'::regclass and c.relname ~ '^outcomes_\d{4}_\d\d$'
            and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before
        order by c.relname
    loop
        execute format('drop table %I', month);
        gone := gone + 1;
    end loop;
    return gone;
exception when lock_not_available then
    return 0;
end $$;
revoke execute on function drop_outcomes_months(date) from public;

create index outcomes_attempt on outcomes (tenant, attempt_id);
create index outcomes_contact on outcomes (campaign, contact);
create index outcomes_placement on outcomes (placement) where placement is not null;
create index outcomes_campaign on outcomes (campaign, ended_at);
create index outcomes_outcome on outcomes (campaign, outcome, received_at, attempt_id);
create index outcomes_number on outcomes (number, received_at, attempt_id) where number is not null;

-- A cancel that came before its attempt is remembered for 7 days.
create table cancellations (
    tenant     text collate "C" not null,
    attempt_id uuid not null,
    at         timestamptz not null,
    primary key (tenant, attempt_id)
);

create table outbox (
    event_id    uuid primary key,
    tenant      text collate "C" not null,
    routing_key text not null,
    body        text not null,      -- the CloudEvent as it will be published
    created_at  timestamptz not null,
    retry_at    timestamptz not null   -- until then the replica that wrote it publishes it from memory
) with (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
create index outbox_retry on outbox (retry_at);

create table dead_letters (
    letter      bigint generated always as identity primary key,
    queue       text not null,
    routing_key text not null,
    message_id  text,
    message_type text,
    body        bytea not null,
    headers     jsonb not null default '{}',
    reason      text not null,
    field       text not null default '',
    received_at timestamptz not null,
    replayed_at timestamptz
);
create index dead_letters_open on dead_letters (letter) where replayed_at is null;

-- Choosing the number -----------------------------------------------------------------------------------------------

-- A content-addressed picture of a pool as picks saw it; decision records refer to it by hash.
create table pool_pictures (
    hash     text collate "C" primary key,
    campaign text collate "C" not null,
    body     jsonb not null,
    seen_at  timestamptz not null
);
create index pool_pictures_seen on pool_pictures (seen_at);

create table sticky (
    campaign   text collate "C" not null,
    contact    text collate "C" not null,
    number     text collate "C" not null,
    epoch      integer not null,
    bound_at   timestamptz not null,
    expires_at timestamptz,            -- null = for ever
    bound_by   text not null,          -- 'attempt <id>' or the operator's name
    primary key (campaign, contact)
) with (fillfactor = 70);
create index sticky_number on sticky (number, campaign);

create table member_stats (
    campaign  text collate "C" not null,
    number    text collate "C" not null,
    attempts  bigint not null default 0,
    answered  bigint not null default 0,
    y         double precision not null default 0,
    e         double precision not null default 0,
    yf        double precision not null default 0,
    ef        double precision not null default 0,
    at        timestamptz not null,
    last_used timestamptz,
    primary key (campaign, number)
) with (fillfactor = 50);

create table pool_baseline (
    campaign text collate "C" not null,
    country  text collate "C" not null,  -- '' = unknown
    class    text collate "C" not null,  -- first | retry
    y        double precision not null default 0,
    x        double precision not null default 0,
    at       timestamptz not null,
    primary key (campaign, country, class)
) with (fillfactor = 50);

create table number_volume (
    number text collate "C" not null,
    hour   timestamptz not null,
    dials  integer not null default 0,
    primary key (number, hour)
) with (fillfactor = 50);

create table number_health (
    number              text collate "C" primary key,
    own_score           double precision not null default 0,  -- halves every 7 days
    own_score_at        timestamptz,
    carrier_rejected_at timestamptz,   -- until an operator clears it
    failures            integer not null default 0,           -- by the carrier, in a row
    failed_contacts     text[] not null default '{}',
    failed_since        timestamptz,   -- of the first of these failures
    failing_since       timestamptz,
    probe_after         timestamptz,
    last_worked_at      timestamptz    -- a carrier last connected a call from it (kept to the half minute)
) with (fillfactor = 50);

-- What reputation services and operators reported; it never decays.
create table spam_reports (
    number      text collate "C" not null,
    source      text not null,
    score       double precision not null check (score between 0 and 1),
    why         text not null default '',
    reported_at timestamptz not null,
    primary key (number, source)
);

-- Calls that a carrier or the contact's handset blocked as spam: three contacts within 24 h raise the number's own score.
create table spam_signals (
    number  text collate "C" not null,
    contact text collate "C" not null,
    at      timestamptz not null,
    primary key (number, contact)
);

-- Replicas ----------------------------------------------------------------------------------------------------------

create sequence worker_epoch;
create table workers (
    worker  uuid primary key,
    epoch   bigint not null,
    seen_at timestamptz not null
) with (fillfactor = 50);

create view attempt_states as
    select tenant, attempt_id, campaign, contact, 'waiting'::text as state from waiting
    union all
    select tenant, attempt_id, campaign, contact, state from calls
    union all
    select tenant, attempt_id, campaign, contact, 'ended' from outcomes;
