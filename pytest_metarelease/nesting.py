"""How deep a JSON text is nested, found without reading it as JSON.

The reader's own protection is the recursion limit, which libraries raise to where the stack ends
first: ``py_ecc``, which ``eth_account`` imports, sets 100,000, and then ``[[[[...`` ends the whole
process. Nothing here says what a text holds.
"""

from __future__ import annotations

import re
from itertools import accumulate

DEEPEST = 100
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_CONTENT = bytes(one for one in range(256) if one not in b'[]{}"')
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_STRING = re.compile(rb'"[^"]*"?')


def check_depth(body: bytes, deepest: int = DEEPEST) -> None:
    """Do nothing if ``body`` is nested at most ``deepest`` times. Done in C: bodies are large.

    Raises:
        ValueError: It is nested deeper.
    """
    if body.count(b"[") + body.count(b"{") <= deepest:
        return
    if b"\\" in body:
        body = _ESCAPED.sub(b"", body)
    # Two quotes with nothing between them open and close, or close and open: nothing is lost.
    outline = body.translate(None, _CONTENT).replace(b'""', b"")
    outline = _STRING.sub(b"", outline)
    if max(accumulate(map(_STEPS.__getitem__, outline)), default=0) > deepest:
        raise ValueError(f"it is nested deeper than {deepest}")
