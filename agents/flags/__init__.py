"""Feature flags: what is switched on for whom (pure), kept fresh from the database, asked through OpenFeature."""
