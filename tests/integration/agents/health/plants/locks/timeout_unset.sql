/*
expect = ["app / idle_in_transaction_session_timeout", "app / statement_timeout"]
*/
create role app login;
alter role app set statement_timeout = '30s';
alter role app set idle_in_transaction_session_timeout = '60s';
-- @defect
alter role app reset statement_timeout;
alter role app set idle_in_transaction_session_timeout = 0;
