"""Requests and replies as values, and the drivers that carry them."""
