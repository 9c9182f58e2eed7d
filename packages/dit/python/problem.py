"""The error of bad input, which ends a command with one line."""


class Problem(Exception):
    """What is wrong with files or options, in one sentence, with a hint."""
