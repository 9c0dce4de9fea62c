"""`python -m agents.backup`."""

from agents.backup.command_line import app

if __name__ == "__main__":
    app(prog_name="python -m agents.backup")
