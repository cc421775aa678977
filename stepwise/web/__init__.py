"""Pages that belong to no room below: signing in, help, errors, and those that show several rooms at once."""
