"""Applies reviewed SQL files to a database that is in use, once each, with proof."""
