"""Receipts on the import desk: reading rows, judging them, bringing them in, taking them back."""
