"""Connect a modality: what was heard of it since somebody began, what that proves, and what was wrong in words."""
