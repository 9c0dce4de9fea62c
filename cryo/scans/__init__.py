"""Scanners that look for what must not be merged: unsafe workflows, secrets in Git, packages with known holes."""
