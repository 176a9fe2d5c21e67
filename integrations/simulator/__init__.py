"""The carrier simulator: a program of its own that speaks a provider's HTTP API and behaves like the people behind it.

It imports neither Django nor any adapter, so that a mistake an adapter makes is not made here as well.
"""
