"""`python -m agents.release switch|status`."""

from agents.release.cli import app

if __name__ == "__main__":
    app(prog_name="python -m agents.release")
