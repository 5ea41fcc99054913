"""`hemomodel-cohort`, started from a checkout."""

import sys

from study.pipeline.commands.cohort import main

if __name__ == "__main__":
    sys.exit(main())
