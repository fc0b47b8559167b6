-- Four roles that own or may do as little as their work needs. Run once per database, by whoever may create roles:
--
--     psql -v ON_ERROR_STOP=1 -d outdial -f roles.sql
--
-- Running it again changes nothing. The roles cannot log in: each installation makes logins of its own as their members,
-- two per role while a password is being changed (docs/how-to/rotate-secrets.md):
--
--     create role outdial_daemon_a login password '…' in role outdial_daemon;
--     create role outdial_migrate_a login password '…' in role outdial_migrator;
--     alter role outdial_migrate_a set role = outdial_migrator;    -- so that the role owns what the login makes
--
-- outdial_migrator  owns all tables; only `outdial migrate` logs in with it
-- outdial_daemon    what one replica does without the admin port: the way of an attempt; reads the catalogue
-- outdial_operator  what people order: the catalogue, sticky assignments, suppressions, cancels, dead letters
-- outdial_reader    figures without contacts, for reports; no column that can hold a phone number of a contact
--
-- A replica that serves the admin port does for operators what they ask it to:
--     grant outdial_operator to outdial_daemon;

do $$
declare
    wanted text;
begin
    foreach wanted in array array['outdial_migrator', 'outdial_daemon', 'outdial_operator', 'outdial_reader'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            execute format('create role %I nologin', wanted);
        end if;
    end loop;
    -- Nobody else has any business here, and nobody needs temporary tables.
    execute format('revoke all on database %I from public', current_database());
    execute format(
        'grant connect on database %I to outdial_migrator, outdial_daemon, outdial_operator, outdial_reader',
        current_database()
    );
end $$;

revoke all on schema public from public;
grant usage on schema public to outdial_daemon, outdial_operator, outdial_reader;
grant usage, create on schema public to outdial_migrator;
