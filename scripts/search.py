"""`hemomodel-search`, started from a checkout."""

import sys

from study.pipeline.commands.search import main

if __name__ == "__main__":
    sys.exit(main())
