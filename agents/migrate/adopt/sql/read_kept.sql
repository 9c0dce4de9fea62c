-- Everything that an adoption left in place.
select kind, name, reason
from cryo.adopted_objects
order by kind, name
