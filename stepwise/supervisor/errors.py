"""What keeps the simulator from starting."""


class StartError(Exception):
    """One sentence for the person at the terminal: what is wrong and what to do."""
