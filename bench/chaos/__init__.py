"""Everything is killed while tills go on; afterwards the books have to be what the tills were told."""
