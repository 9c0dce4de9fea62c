"""Builds what the platform runs on: Go tools from pinned modules, container images, and a one-node cluster."""
