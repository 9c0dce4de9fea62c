"""The engine for databases that we run: pgBackRest 2.55, driven by its configuration file and read by its output."""
