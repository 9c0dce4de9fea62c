"""Data sets as manifests plus validating loaders; the files themselves stay outside the repository."""
