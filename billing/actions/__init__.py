"""The verbs of the billing: each function is one transaction and the only way to write its tables."""
