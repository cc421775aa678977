"""The demo hospital's charge processor: an MLLP listener with a ledger of its own.

It stands for somebody else's system. It shares no table with the RIS; what it booked is in its own SQLite file.
"""
