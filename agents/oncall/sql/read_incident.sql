-- One incident by its number, held until the transaction ends.
select id, document::text from oncall.incidents where id = %(id)s for update
