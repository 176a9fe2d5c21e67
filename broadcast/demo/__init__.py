"""The demo: a whole installation with a simulated carrier, three messy lists and one campaign."""
