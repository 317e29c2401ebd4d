"""The embedded Ethereum node: py-evm behind a real JSON-RPC server.

Refuses to be imported at the start of anything: py-evm alone takes most of a second.
"""
