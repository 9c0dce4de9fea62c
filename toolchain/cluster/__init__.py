"""Finds or makes the Kubernetes cluster that the platform runs on: embedded, kind, or one that already exists."""
