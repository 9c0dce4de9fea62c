"""`python -m model_server.registry`: look at released models and decide about them."""

import os
import sys

from model_server.registry.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
