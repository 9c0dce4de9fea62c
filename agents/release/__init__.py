"""Moves an application's traffic from one colour to the other, or proves that it did not."""
