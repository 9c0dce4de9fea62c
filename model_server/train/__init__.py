"""Train the released models; never imported by the server."""
