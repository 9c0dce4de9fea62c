-- All flags and who belongs to the teams that they name, of one moment; the one thing the role cryo_flags may ask.
select private.read_feature_flags()::text
