"""Why a line has no figure."""


class CannotMeasure(Exception):
    """Something that the yardstick needs is not here, or the measured path itself failed."""
