"""`python -m agents.backup.dumps`."""

from agents.backup.dumps.command_line import app

if __name__ == "__main__":
    app(prog_name="python -m agents.backup.dumps")
