-- What the roles of roles.sql may do with the tables of this release. Run by the migrator after each migration:
--
--     outdial migrate --grants grants.sql
--
-- Running it again changes nothing; what an earlier release granted and this one does not need is taken back. A test
-- holds every statement of outdial against it: each role can run all of its own, and writes to no other table.

revoke all on all tables in schema public from outdial_daemon, outdial_operator, outdial_reader;
revoke all on all sequences in schema public from outdial_daemon, outdial_operator, outdial_reader;

-- Both read everything: a decision depends on all of it, and so does explaining one.
grant select on all tables in schema public to outdial_daemon, outdial_operator;

-- The way of an attempt, and what is learnt on it.
grant insert on attempts, dead_letters to outdial_daemon;
grant insert, update on member_stats, number_health, outcomes, pool_baseline, spam_reports, spam_signals to outdial_daemon;
grant insert, update, delete on calls, number_volume, outbox, pool_pictures, sticky, waiting, workers to outdial_daemon;
grant insert, update, delete on waiting_counts to outdial_daemon;  -- by triggers; updated = locked
grant update on catalogue_version, limits to outdial_daemon;
grant update (created_at) on numbers to outdial_daemon;  -- enough to lock a number that is reported as spam
grant delete on attempts, cancellations, dead_letters, spam_signals to outdial_daemon;  -- what is past its time
grant usage on sequence worker_epoch to outdial_daemon;
grant execute on function
    make_outcomes_month(date), drop_outcomes_months(date), forget_audit_log(timestamptz, integer)
to outdial_daemon;

-- What people order.
grant insert, update, delete on campaigns, connections, limits, members, numbers, tenants to outdial_operator;
grant insert, update, delete on spam_reports, sticky, suppressions to outdial_operator;
grant insert on audit_log, waiting_counts to outdial_operator;  -- nobody changes the audit log
grant insert, update on cancellations to outdial_operator;
grant update on calls, catalogue_version, waiting to outdial_operator;
grant update, delete on dead_letters, number_health to outdial_operator;
grant delete on member_stats, number_volume, pool_baseline, spam_signals to outdial_operator;

-- Figures without contacts.
grant select on
    catalogue_version, campaigns, connections, limits, member_stats, members, number_volume, numbers, pool_baseline,
    schema_migrations, spam_reports, tenants, waiting_counts, workers
to outdial_reader;
grant select (tenant, attempt_id, campaign, received_at) on attempts to outdial_reader;
grant select (tenant, attempt_id, campaign, line, urgency, due_at, not_after, blocker, next_eligible_at, received_at)
    on waiting to outdial_reader;
grant select (tenant, attempt_id, campaign, connection, number, state, progress, place_at, accepted_at, answered_at, deadline)
    on calls to outdial_reader;
grant select (
    tenant, attempt_id, campaign, outcome, reason, ended_at, received_at, connection, number, tier, intent_at,
    accepted_at, ringing_at, answered_at, answered_by, provider_status, provider_code, corrections
) on outcomes to outdial_reader;
grant select (number, own_score, own_score_at, carrier_rejected_at, failures, failing_since, last_worked_at)
    on number_health to outdial_reader;
grant select (campaign, number, epoch, bound_at, expires_at) on sticky to outdial_reader;
grant select (event_id, tenant, created_at, retry_at) on outbox to outdial_reader;
grant select (letter, queue, message_type, reason, field, received_at, replayed_at) on dead_letters to outdial_reader;
