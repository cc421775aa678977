"""What prices are in."""

from typing import Final

CURRENCY: Final = "USD"
"""By ISO 4217; of all prices of the catalogue, and so of all charges."""
SIGN: Final = "$"
"""How pages write it."""
