"""Lists out of the house: the button on a list, the question, and the page on which a file is waited for."""

from backoffice.admin.exports import pages

__all__ = ["pages"]
