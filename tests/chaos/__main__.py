"""``python -m tests.chaos --rounds N [--seed S] --json``.

Ends with 0 when every round was clean, with 1 when one was not or could not be run, and with 2 when it was called wrongly.
"""

from __future__ import annotations

import sys

from tests.chaos.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
