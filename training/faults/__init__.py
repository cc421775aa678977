"""Faults on purpose: the table of kinds, what each does to associations and messages, and which of them hold at the moment."""
