"""`python -m agents.oncall who|schedule|list|ack|resolve|test|silence|serve|allow-login`."""

from agents.oncall.cli import app

if __name__ == "__main__":
    app(prog_name="python -m agents.oncall")
