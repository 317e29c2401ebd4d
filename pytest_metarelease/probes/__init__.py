"""Probes: the only way out of the process, one door for each wire.

Nothing is imported here: who needs a probe names its module, and pays only for that wire.
"""
