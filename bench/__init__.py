"""Yardsticks: our paths and their anchors, measured side by side in one run. `python -m bench --help`."""
