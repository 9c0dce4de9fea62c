-- Whether no policy hides rows from us.
select rolsuper or rolbypassrls from pg_roles where rolname = current_user
