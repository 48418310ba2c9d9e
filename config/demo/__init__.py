"""Demo data: a merchant that one believes in, with books that balance. Only `seed_demo` calls it."""
