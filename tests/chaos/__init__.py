"""Chaos: ``python -m tests.chaos --rounds N --json``; ``docs/chaos.md`` says what it does and what it proves."""
