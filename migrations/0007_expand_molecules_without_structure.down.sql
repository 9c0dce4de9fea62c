-- Asks for a structure again; fails, and changes nothing, while a molecule has none.

comment on column public.molecules.smiles is null;
alter table public.molecules alter column smiles set not null;
