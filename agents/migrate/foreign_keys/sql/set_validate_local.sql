-- Settings of one VALIDATE: nobody waits for its result, so it takes one processor and leaves the others to writers, and
-- joins in memory (its query is given maintenance_work_mem) instead of writing files that they would wait behind.
select
    set_config('max_parallel_workers_per_gather', '0', true),
    set_config('maintenance_work_mem', %(work_mem)s, true)
