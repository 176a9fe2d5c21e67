"""The outbound engine: from message rows to the provider and back.

``launch`` puts ids into Redis, ``sender`` takes and sends them, ``recorder`` writes down what became of them, ``sweeper``
takes apart what a killed process left behind. ``docs/architecture.md`` draws the path.
"""
