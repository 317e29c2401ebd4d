"""What all tests need of the process they run in, however it was started."""

from __future__ import annotations

import signal

# A shell without job control, as in a script that ends in `&`, starts its children deaf to SIGINT,
# and they would start ours so: tests that interrupt a run would wait in vain.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
