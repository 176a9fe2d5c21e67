"""An exchange of many turns over HTTP against the simulator, and what was stored of each.

``python -m tests.exchange`` prints it.
"""

#: Names a file that the table is written to.
FILE_VARIABLE = "BROADCAST_EXCHANGE_FILE"
