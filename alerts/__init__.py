"""What is watched: rules, routing and runbooks, all from the typed source in `alerts.source`."""
