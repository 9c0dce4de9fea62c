"""Training as jobs: who asked for which model, how far it is, and what became of it; imports nothing that trains."""
