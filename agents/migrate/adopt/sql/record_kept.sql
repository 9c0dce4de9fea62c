-- One object that stays.
insert into cryo.adopted_objects (kind, name, reason)
values (%(kind)s, %(name)s, %(reason)s)
on conflict (kind, name) do nothing
