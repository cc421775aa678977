"""The only writers of the training room's tables."""
