"""Webhooks: who wants to hear of what, what waits for him, and the way there."""
