"""What a station sent over some days against what the standard and IHE ask of a modality, check by check, to send to its vendor."""
