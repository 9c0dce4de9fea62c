"""The verbs of `cryo backup dump`: backups of databases whose files nobody can reach, and single tables."""
