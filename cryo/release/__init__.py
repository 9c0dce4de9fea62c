"""Writes a release into Git, and takes it out again: environment files, registry and commits."""
