"""Benches: ``python -m tests.bench NAME --json``; ``docs/performance.md`` says how to read and repeat them."""
