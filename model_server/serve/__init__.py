"""The model server: HTTP in, predictions with intervals out; imports nothing that trains."""
