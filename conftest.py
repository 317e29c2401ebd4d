"""Root of the repository: nothing is configured here.

Our own tests bring what they need in ``tests/conftest.py``, the bundled suite in
``verification/conftest.py``, so that neither sees the other's fixtures.
"""
