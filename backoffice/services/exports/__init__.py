"""Lists out of the house: asked for by a verb, written by a job in chunks, taken by a link that ends.

`kinds` is the socket that upper floors fill, `verbs` what people decide, `writing` the job.
"""
