"""Agents that change a running CryoProtect: migrations and releases, on a shared runtime."""
