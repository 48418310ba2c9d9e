"""Points by file: opening balances, grants and deductions, each row one ledger entry of the kind `import`."""
