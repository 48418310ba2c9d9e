"""A machine of one's own: `python -m config.local run` brings up database, broker, web, worker and scheduler.

Standard library only, because it runs before anything else of the project is known to work.
"""
