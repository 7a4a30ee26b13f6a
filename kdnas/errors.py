"""The one exception whose message is written for the user."""


class UserError(Exception):
    """A mistake that the user can mend: one sentence that names the key or file, the value and the remedy."""
