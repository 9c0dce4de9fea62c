"""Brings alerts to a person who answers: schedules, escalation with acknowledge, and delivery that survives a crash."""
