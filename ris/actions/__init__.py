"""The verbs of the RIS: each function is one transaction and the only way to write its tables."""
