"""Takes backups, proves them, expires them by rule and brings data back."""
