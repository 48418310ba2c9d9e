"""What tills do: a verb for each of their operations. None trusts a till further than its own store."""
