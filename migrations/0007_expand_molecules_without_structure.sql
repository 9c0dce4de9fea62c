-- Lets a molecule be without SMILES: polymers have none, and a compound imported by its PubChem number gets it later.
-- @lock-budget-ms 500
-- @server 15
-- @transaction yes

alter table public.molecules alter column smiles drop not null;
comment on column public.molecules.smiles is 'Structure; null for a polymer, or until it was looked up by cid.';
