"""Answers for finance, managers and auditors: sums of the ledger that no page has to read whole."""
