"""`hemomodel-recommend`, started from a checkout."""

import sys

from study.pipeline.commands.recommend import main

if __name__ == "__main__":
    sys.exit(main())
