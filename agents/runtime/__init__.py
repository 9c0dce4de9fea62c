"""What every agent stands on: settings, logs, time, names, the database and the cluster."""
