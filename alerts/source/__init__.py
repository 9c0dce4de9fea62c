"""Alerts as values: one module per rule file, and what every alert has to say about itself."""
