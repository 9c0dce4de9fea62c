-- Each row is a rule that still asks for a structure, or the rule against an empty one that was lost.
-- @expect zero-rows

select 'molecules.smiles is not null' as wrong
from pg_attribute
where attrelid = to_regclass('public.molecules') and attname = 'smiles' and attnotnull;

select 'molecules.smiles is gone' as wrong
where not exists (
    select
    from pg_attribute
    where attrelid = to_regclass('public.molecules') and attname = 'smiles' and not attisdropped
);
