"""The webhook process: a plain ASGI function beside Django, deployable alone.

It needs Redis and the encryption keys, nothing else: gateways are published to Redis by the console, so it goes on answering
while the database is away.
"""
