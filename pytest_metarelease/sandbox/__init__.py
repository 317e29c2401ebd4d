"""The embedded target: a small, real Meta Aggregator on 127.0.0.1, healthy or with faults.

Refuses to import what its parts need: importing this package costs nothing, and the parts run in
processes of their own.

The variables a manifest may refer to (all strings; a fault never changes them):
``SANDBOX_API_URL`` and ``SANDBOX_FRONTEND_URL`` (origins), ``SANDBOX_RPC_URL``,
``SANDBOX_DATABASE_URL`` (SQLAlchemy), ``SANDBOX_ZEROX_URL``, ``SANDBOX_ZEROX_QUOTE_URL`` and
``SANDBOX_COINGECKO_URL`` (whole URLs to be asked), ``SANDBOX_ESCROW``, ``SANDBOX_FIXED_ESCROW``,
``SANDBOX_SETTLEMENT_LOG``, ``SANDBOX_OWNER``, ``SANDBOX_DEPLOYER``, ``SANDBOX_SIGNER_1`` to ``_3``,
``SANDBOX_ESCROW_BUILD``, ``SANDBOX_FIXED_ESCROW_BUILD`` and
``SANDBOX_SETTLEMENT_LOG_BUILD`` (names of artifacts),
``SANDBOX_DEPOSITOR``, ``SANDBOX_COUNTERPARTY``, ``SANDBOX_ARBITER``, ``SANDBOX_TOKEN``,
``SANDBOX_ROUTER``, ``SANDBOX_TRADE_HASH``, ``SANDBOX_FEE_MATH``, ``SANDBOX_TREASURY``,
``SANDBOX_TREASURY_LOGIC``, ``SANDBOX_TREASURY_ADMIN``, ``SANDBOX_SPENDER_KEY``,
``SANDBOX_TRADER_KEY``, ``SANDBOX_API_TOKEN``.
"""

from __future__ import annotations

from pytest_metarelease.sandbox.api_faults import Fault
from pytest_metarelease.sandbox.faults import FAULTS, check_faults
from pytest_metarelease.sandbox.running import Running
from pytest_metarelease.sandbox.starting import Settings, start

__all__ = ["FAULTS", "Fault", "Running", "Settings", "check_faults", "start"]
