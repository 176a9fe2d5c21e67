"""Runs the installation's programs: starts, watches, restarts and stops them."""
