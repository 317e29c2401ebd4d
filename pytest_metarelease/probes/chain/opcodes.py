"""How many values each EVM instruction takes from the stack and puts on it.

Runs nothing, and refuses to guess: what is not in the table is not known, and ends no call.
Source: Yellow Paper, appendix H, with the instructions of later EIPs up to Osaka.
"""

from __future__ import annotations

ENDS = frozenset({0x00, 0xF3, 0xFD, 0xFE, 0xFF})
"""STOP, RETURN, REVERT, INVALID and SELFDESTRUCT: nothing follows."""


def _table() -> dict[int, tuple[int, int]]:
    table: dict[int, tuple[int, int]] = {0x5B: (0, 0)}  # JUMPDEST
    groups: tuple[tuple[tuple[int, int], tuple[int, ...]], ...] = (
        # ADD ... SIGNEXTEND without ADDMOD and MULMOD, comparisons, logic, shifts, KECCAK256
        ((2, 1), (*range(0x01, 0x08), 0x0A, 0x0B, *range(0x10, 0x15), *range(0x16, 0x19))),
        ((2, 1), (*range(0x1A, 0x1E), 0x20)),
        ((3, 1), (0x08, 0x09)),
        # ISZERO, NOT, CLZ (EIP-7939), BALANCE, CALLDATALOAD, EXTCODESIZE, EXTCODEHASH,
        # BLOCKHASH, BLOBHASH, MLOAD, SLOAD, TLOAD
        ((1, 1), (0x15, 0x19, 0x1E, 0x31, 0x35, 0x3B, 0x3F, 0x40, 0x49, 0x51, 0x54, 0x5C)),
        # ADDRESS, ORIGIN, CALLER, CALLVALUE, CALLDATASIZE, CODESIZE, GASPRICE, RETURNDATASIZE,
        # the block's own values, PC, MSIZE, GAS
        ((0, 1), (0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3A, 0x3D, *range(0x41, 0x49), 0x4A)),
        ((0, 1), (0x58, 0x59, 0x5A)),
        # POP, then MSTORE, MSTORE8, SSTORE, TSTORE, then the copies
        ((1, 0), (0x50,)),
        ((2, 0), (0x52, 0x53, 0x55, 0x5D)),
        ((3, 0), (0x37, 0x39, 0x3E, 0x5E)),
        ((4, 0), (0x3C,)),
        # CREATE, CREATE2, CALL and CALLCODE, DELEGATECALL and STATICCALL
        ((3, 1), (0xF0,)),
        ((4, 1), (0xF5,)),
        ((7, 1), (0xF1, 0xF2)),
        ((6, 1), (0xF4, 0xFA)),
    )
    for effect, opcodes in groups:
        table.update(dict.fromkeys(opcodes, effect))
    for topics in range(5):  # LOG0 to LOG4
        table[0xA0 + topics] = (2 + topics, 0)
    return table


POPS_AND_PUSHES = _table()
"""Opcode -> (values taken, values put), except PUSH, DUP, SWAP, JUMP and JUMPI."""

KNOWN = frozenset({*POPS_AND_PUSHES, *range(0x5F, 0xA0), 0x56, 0x57, *ENDS})
"""Every instruction that is understood: those of the table, PUSH, DUP, SWAP, jumps and ends."""
