"""Exams over the network while the parts of the product are killed: at the end each is where it was told to be, and charged once."""
