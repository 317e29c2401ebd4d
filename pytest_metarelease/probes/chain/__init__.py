"""The one way to an EVM chain: JSON-RPC reads, contract comparisons, flows and signatures.

Nothing here decides about an item, and nothing that writes leaves it on read-only access.
"""
