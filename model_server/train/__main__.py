"""`python -m model_server.train tg`: the training verbs without the rest of the command line."""

import sys

from model_server.train.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
