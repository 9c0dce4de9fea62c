"""Dashboards as values: one module per dashboard, written to JSON that Grafana reads."""
