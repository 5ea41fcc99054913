"""`hemomodel-report`, started from a checkout."""

import sys

from study.pipeline.commands.report import main

if __name__ == "__main__":
    sys.exit(main())
