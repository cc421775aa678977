"""The demo hospital: its stations, catalogue and people as data, and the day that is played on them."""
