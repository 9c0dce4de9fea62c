"""Carry experiments of the CryoProtect database to the model server, in the typed form that it accepts."""
