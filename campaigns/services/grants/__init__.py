"""Points that a service of the merchant gives without a receipt: a subscription, a ride, a finished task.

Lock order: the request's key, members in id order, the day's sums of a person, account, the grant's number,
the counter of the API key. A cancellation locks the grant's row after the members and before the account.
"""
