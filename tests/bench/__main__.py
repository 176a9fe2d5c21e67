"""``python -m tests.bench NAME [options] --json``.

Ends with 0 when it has measured, whether or not the targets were reached (``ok`` says so), with 1 when it could not, and
with 2 when it was called wrongly.
"""

from __future__ import annotations

import sys

from tests.bench.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
