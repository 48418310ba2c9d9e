"""The API's foundation: strict input, one shape of errors, callers, keys, limits. Every app's `api/` stands
on it.
"""
