"""The import desk: from an uploaded file over a preview to applied rows, and back.

`kinds` is the socket that upper floors fill; `intake`, `looking`, `checking`, `applying` and `undoing` are
the
steps of the way, `verbs` what people decide in between, `results` what they get back.
"""
