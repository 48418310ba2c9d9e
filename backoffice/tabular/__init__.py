"""Files with rows and columns as values: what they are, how to read them, how to write them. No database."""
