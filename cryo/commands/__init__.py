"""One module per command; each imports what it needs when it runs, so that `cryo --help` stays fast."""
