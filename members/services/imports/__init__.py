"""What files about members do, as set-based SQL for a span of staged rows: members and tag lists.

The order of locks is that of the app: member rows by id, then inserts. `plugs.py` registers the kinds.
"""
