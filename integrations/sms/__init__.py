"""SMS gateways as plain Python: no Django, no HTTP client, no I/O."""
