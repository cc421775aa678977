"""REST of the RIS. A call parses, calls one action or query, and shows the result; `stepwise/api.py` puts the rooms together."""
