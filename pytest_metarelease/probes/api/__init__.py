"""What a careful tester with a proxy tries at an API: wrong requests, and what they give away.

Refuses to know any product; everything is derived from what the manifest declares of endpoints.
"""
