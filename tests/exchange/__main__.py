"""``python -m tests.exchange``: play the exchange on real parts and print a table of its turns.

Ends with what the test ends with: 0 when everything was as expected.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from tests.exchange import FILE_VARIABLE


def main() -> int:
    """Run the test, which needs its own database and Valkey, then print what it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "exchange.md"
        os.environ[FILE_VARIABLE] = str(file)
        code = int(pytest.main(["-q", "--no-header", str(Path(__file__).with_name("test_exchange.py"))]))
        if file.exists():
            sys.stdout.write(f"\n{file.read_text()}")
    return code


if __name__ == "__main__":
    sys.exit(main())
