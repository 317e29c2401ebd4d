"""Stands for the interpreter inside a forked run: asks the server beside it for the process.

It waits for that process and ends as it ended. What the server cannot fork is started afresh.
"""

import _socket
import marshal
import os
import sys

folder, _, _ = sys.argv[0].rpartition("/")
command = sys.argv[1:]
fresh = command[:2] not in (["-u", "-c"], ["-m", "pytest"])
with open(folder + "/../variables", "rb") as file:  # noqa: PTH123 - pathlib takes longer than we
    fixed = marshal.load(file)  # noqa: S302 - written by ourselves
if fresh or fixed != {one: os.environ.get(one) for one in fixed}:
    os.execv(sys.executable, [sys.executable, *command])  # noqa: S606
asker = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
asker.connect(folder + "/socket")
asked = marshal.dumps((command, os.getcwd(), dict(os.environ), False))  # noqa: PTH109
files = b"".join(one.to_bytes(4, sys.byteorder) for one in (0, 1, 2))
asker.sendmsg([asked], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
nothing = os.open("/dev/null", os.O_RDWR)
for one in (0, 1, 2):
    os.dup2(nothing, one)
answer = asker.recv(100)
status = asker.recv(100) if answer else b""
code = os.waitstatus_to_exitcode(int(status)) if status else 70
if code < 0:
    import signal

    if -code != signal.SIGKILL:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
