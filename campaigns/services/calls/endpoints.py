"""Secrets of webhook endpoints."""

from __future__ import annotations

import secrets


def new_secret() -> str:
    """A secret that signs an endpoint's calls; nobody can guess it."""
    return f"whsec_{secrets.token_urlsafe(32)}"
