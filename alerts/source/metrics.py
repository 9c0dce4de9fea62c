"""Which metric is emitted by what: a rule on a metric that nothing emits looks exactly like a healthy one.

A test reads every rule and runbook and refuses a metric that is not here; another asks the live Prometheus for all of
them. `ALWAYS` are there as soon as their job is scraped; `AFTERWARDS` appear once what they count has happened.
"""

from __future__ import annotations

from types import MappingProxyType

# Metric to the job that emits it.
ALWAYS = MappingProxyType(
    {
        "alertmanager_config_last_reload_successful": "alertmanager",
        "alertmanager_notifications_failed_total": "alertmanager",
        "alertmanager_notifications_total": "alertmanager",
        "container_cpu_usage_seconds_total": "cadvisor",
        "container_fs_limit_bytes": "cadvisor",
        "container_fs_usage_bytes": "cadvisor",
        "container_memory_working_set_bytes": "cadvisor",
        "container_oom_events_total": "cadvisor",
        "container_start_time_seconds": "cadvisor",
        "cryo_db_pool_waiting_connections": "flags",
        "cryo_db_query_duration_seconds_count": "flags",
        "cryo_db_query_duration_seconds_sum": "flags",
        "cryo_flags_refreshes_total": "flags",
        "cryo_flags_snapshot_age_seconds": "flags",
        "cryo_model_drift_alarm": "model-server",
        "cryo_model_drift_samples": "model-server",
        "cryo_model_loaded": "model-server",
        "cryo_model_queue_rows": "model-server",
        "cryo_model_ready": "model-server",
        "kubelet_volume_stats_available_bytes": "kubelet",
        "kubelet_volume_stats_capacity_bytes": "kubelet",
        "machine_cpu_cores": "cadvisor",
        "machine_memory_bytes": "cadvisor",
        "pgbackrest_repo_status": "backup",
        "process_max_fds": "model-server",
        "process_open_fds": "model-server",
        "prometheus_config_last_reload_successful": "prometheus",
        "prometheus_notifications_alertmanagers_discovered": "prometheus",
        "prometheus_notifications_errors_total": "prometheus",
        "prometheus_notifications_sent_total": "prometheus",
        "prometheus_rule_evaluation_failures_total": "prometheus",
        "prometheus_rule_group_iterations_missed_total": "prometheus",
        "prometheus_tsdb_compactions_failed_total": "prometheus",
        "prometheus_tsdb_wal_corruptions_total": "prometheus",
        "traefik_entrypoint_requests_total": "gateway",
    }
)
# Metric to when it appears. Prometheus itself makes the last two for every target.
AFTERWARDS = MappingProxyType(
    {
        "app_request_count_total": "the CryoProtect API is deployed",
        "app_request_latency_seconds_bucket": "the CryoProtect API is deployed",
        "app_request_latency_seconds_count": "the CryoProtect API is deployed",
        "app_request_latency_seconds_sum": "the CryoProtect API is deployed",
        "container_cpu_cfs_periods_total": "a container has a CPU limit",
        "container_cpu_cfs_throttled_periods_total": "a container has a CPU limit",
        "cryo_db_errors_total": "a query failed",
        "cryo_backup_verified_age_seconds": "a backup was verified",
        "cryo_flags_request_duration_seconds_bucket": "a flag was asked for",
        "cryo_flags_request_duration_seconds_count": "a flag was asked for",
        "cryo_flags_request_duration_seconds_sum": "a flag was asked for",
        "cryo_flags_requests_total": "a flag was asked for",
        "cryo_model_infer_duration_seconds_bucket": "a prediction was made",
        "cryo_model_infer_duration_seconds_count": "a prediction was made",
        "cryo_model_infer_requests_total": "a prediction was made",
        "cryo_model_label_count": "a prediction was made",
        "cryo_model_label_coverage": "enough measurements arrived",
        "cryo_model_loads_total": "a version was loaded",
        "cryo_model_out_of_domain_share": "a prediction was made",
        "cryo_model_request_duration_seconds_bucket": "a request was answered",
        "cryo_model_request_duration_seconds_count": "a request was answered",
        "cryo_model_request_duration_seconds_sum": "a request was answered",
        "cryo_model_requests_total": "a request was answered",
        "pgbackrest_backup_error_status": "a backup was made",
        "pgbackrest_backup_since_last_completion_seconds": "a backup was made",
        "pgbackrest_backup_size_bytes": "a backup was made",
        "scrape_duration_seconds": "a target was scraped",
        "up": "a target was scraped",
    }
)
