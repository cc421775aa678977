"""What real modalities do otherwise than the standard has it: in queries, in MPPS messages, and on the line. Profiles choose by name."""
