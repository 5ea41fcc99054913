"""`hemomodel-submit`, started from a checkout."""

import sys

from study.pipeline.commands.submit import main

if __name__ == "__main__":
    sys.exit(main())
