"""How often staff may look at personal data. These are the numbers of the house."""

# Persons whom one staff user may unmask within one clock hour; the next one is refused, with an alarm (T19).
UNMASKINGS_PER_HOUR = 60
# Member pages that one staff user opens within one clock hour before an alarm is raised. Nothing is refused:
# a busy counter on a sale day must go on serving.
PAGES_PER_HOUR = 200
