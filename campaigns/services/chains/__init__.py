"""Text chains: a pure machine that moves, and the services that keep what it says."""
