"""What the launcher refuses to do."""


class LauncherError(Exception):
    """Cannot go on; the message is one sentence for the person at the terminal, with what to do."""
