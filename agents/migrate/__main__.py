"""`python -m agents.migrate plan|apply|adopt|baseline|foreign-keys|verify|status`."""

from agents.migrate.command_line import app

if __name__ == "__main__":
    app(prog_name="python -m agents.migrate")
