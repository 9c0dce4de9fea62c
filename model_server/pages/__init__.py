"""Pages for scientists: made on the server from the same handlers that answer the API, usable without scripts."""
