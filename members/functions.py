"""Database functions that the member tables are indexed by."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Bigrams(models.Func):
    """All two-character runs of a text, upper-cased: `members_bigrams(text) -> text[]` (migration 0001).

    Two Chinese characters hold no trigram, so a trigram index is read whole for the usual given name;
    a GIN index on bigrams answers it 40 times faster (`shared` study, repeated in `make bench`).
    """

    function = "members_bigrams"
    arity = 1
    output_field = ArrayField(models.TextField())
