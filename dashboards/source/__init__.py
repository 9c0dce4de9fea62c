"""One module per dashboard, and the few things they share."""
