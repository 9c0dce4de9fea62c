-- Tells the audit log what is about to be done, or how it ended.
insert into public.audit_log (action, table_name, row_key, before, after, request_id)
values (
    %(action)s, %(object)s, %(check)s, jsonb_build_object('sql', %(sql)s::text, 'actor', %(actor)s::text),
    jsonb_build_object('outcome', %(outcome)s::text), %(request_id)s
)
