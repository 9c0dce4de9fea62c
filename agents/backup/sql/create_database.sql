-- The statement that makes a database with bytes ordered as bytes, which every machine can do.
select format(
    'create database %%I template template0 encoding %%L lc_collate ''C'' lc_ctype ''C''',
    %(name)s::text, %(encoding)s::text
)
