"""Results of security tools, read from the files that they left.

Nothing here runs a tool, and none of their verdicts is believed: only what they found counts.
"""
