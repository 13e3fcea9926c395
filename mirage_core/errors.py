"""The one exception for mistakes a user can mend."""


class InputError(ValueError):
    """A setting, file or folder that cannot be used; the message names it and says what would be right."""
