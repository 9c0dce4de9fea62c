"""`python -m agents.flags list|show|set|rollout|override|remove|history|serve|allow-login`."""

from agents.flags.cli import app

if __name__ == "__main__":
    app(prog_name="python -m agents.flags")
