"""The command line of the platform: one program that brings it up, shows it, and holds each agent's verbs."""
