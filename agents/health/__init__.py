"""One honest answer about the database: what is wrong, how badly, and what to do about it."""
