"""What all tests need of the process they run in, however it was started."""

from __future__ import annotations

import signal

# A shell without job control, as in a script that ends in `&`, starts its children deaf to SIGINT,
# `nohup` to SIGHUP, and they would start ours so: tests that end a run would wait in vain.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
