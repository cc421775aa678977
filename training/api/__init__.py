"""REST of the training room."""
