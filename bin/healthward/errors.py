"""The error that a user can mend."""


class InputError(ValueError):
    """A user's mistake: the message names the file or row, the value and the mend, a line each."""
