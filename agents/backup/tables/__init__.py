"""Brings single tables back from a set, without touching anything else."""
