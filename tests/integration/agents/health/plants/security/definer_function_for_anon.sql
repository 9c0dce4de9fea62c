/*
expect = ["public.planted()"]
*/
create function public.closed() returns integer language sql security definer return 1;
revoke execute on function public.closed() from public, anon, authenticated;
create function public.invoker() returns integer language sql return 1;
-- @defect
create function public.planted() returns integer language sql security definer return 1;
grant execute on function public.planted() to anon;
