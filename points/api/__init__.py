"""The API's door to a member's own points: balances with their deadlines, and the ledger with its reasons."""
