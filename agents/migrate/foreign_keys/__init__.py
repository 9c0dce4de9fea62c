"""Brings declared relations to their declared shape while the database serves."""
