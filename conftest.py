"""Root of the repository: only what pytest allows nowhere else.

Our own tests bring what they need in ``tests/``, the bundled suite in ``verification/``, so that
neither sees the other's fixtures.
"""

# Tests of the plugin run real sessions in folders of their own.
pytest_plugins = ["pytester"]
