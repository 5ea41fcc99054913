"""`hemomodel-sync`, started from a checkout."""

import sys

from study.pipeline.commands.sync import main

if __name__ == "__main__":
    sys.exit(main())
