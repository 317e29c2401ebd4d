"""Release verification with pytest: GO only for what was measured.

Importing this package imports nothing else; the plugin is loaded by its entry point.
"""

__version__ = "0.1.0"
