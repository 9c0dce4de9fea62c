"""`python -m agents.health checks|fix|report|serve`."""

from agents.health.cli import app

if __name__ == "__main__":
    app(prog_name="python -m agents.health")
