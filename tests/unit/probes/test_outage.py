"""Outages: what was never told, answered or ended is no pass, and nothing stays broken."""

from __future__ import annotations
