"""Renderings of a finished decision: terminal, JSON, Markdown, Allure, and the packet on disk.

A report takes a ``Decision`` and returns text, bytes or files; it never changes a verdict.
"""
