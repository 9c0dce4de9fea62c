"""Who may read and change which rows: a declaration, and the SQL that follows from it."""
