# The kernel's TCP sockets in a test's hands. A line of JSON is a call, {"id": 1, "do": "connect", "on": "a", ...}, on the
# socket that the test has named; each runs on a thread of its own, so that it may wait, and is answered by a line with
# its id: {"id": 1, "is": ...} or {"id": 1, "error": "ECONNREFUSED"}.
import errno
import hashlib
import json
import socket
import struct
import sys
import threading
import time

sockets = {}
patterns = {}
said = threading.Lock()


def pattern(seed):
    if seed not in patterns:
        once = hashlib.shake_128(seed.encode()).digest(65521)
        patterns[seed] = once * 17
    return memoryview(patterns[seed])


def fresh(port=0, receive_buffer=None, congestion=None):
    s = socket.socket()
    if congestion is not None:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if receive_buffer is not None:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if port:
        s.bind(("0.0.0.0", port))
    return s


def listen(on, port, backlog=256, receive_buffer=None, congestion=None):
    sockets[on] = fresh(port, receive_buffer, congestion)
    sockets[on].listen(backlog)


def accept(on, named):
    sockets[named], peer = sockets[on].accept()
    return list(peer)


def connect(on, host, port, local_port=0, receive_buffer=None, congestion=None):
    sockets[on] = fresh(local_port, receive_buffer, congestion)
    sockets[on].connect((host, port))
    return sockets[on].getsockname()[1]


def send(on, size, seed, piece=1 << 20, pause=0):
    data = pattern(seed)
    at = 0
    while at < size:
        begin = at % 65521
        at += sockets[on].send(data[begin : begin + min(piece, size - at, len(data) - begin)])
        if pause:
            time.sleep(pause)


def receive(on, size=None, pause=0):
    hashed = hashlib.sha256()
    got = 0
    buffer = bytearray(1 << 18)
    view = memoryview(buffer)
    while size is None or got < size:
        n = sockets[on].recv_into(buffer, len(buffer) if size is None else min(len(buffer), size - got))
        if n == 0:
            break
        hashed.update(view[:n])
        got += n
        if pause:
            time.sleep(pause)
    return {"bytes": got, "sha256": hashed.hexdigest()}


def ask(on, size, times):
    """Sends so many bytes and waits for as many, again and again: the seconds that it took."""
    begun = time.monotonic()
    for _ in range(times):
        sockets[on].sendall(bytes(size))
        left = size
        while left:
            got = sockets[on].recv(left)
            if not got:
                raise OSError(errno.ECONNRESET, "the end, too early")
            left -= len(got)
    return time.monotonic() - begun


def echo(on):
    while data := sockets[on].recv(1 << 16):
        sockets[on].sendall(data)
    sockets[on].shutdown(socket.SHUT_WR)


def option(on, level, name, value):
    sockets[on].setsockopt(getattr(socket, level), getattr(socket, name), value)


def shutdown(on):
    sockets[on].shutdown(socket.SHUT_WR)


def close(on):
    sockets.pop(on).close()


def reset(on):
    sockets[on].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    close(on)


CALLS = {f.__name__: f for f in (listen, accept, connect, send, receive, ask, echo, option, shutdown, close, reset)}


def answered(id, do, **arguments):
    try:
        answer = {"id": id, "is": CALLS[do](**arguments)}
    except OSError as error:
        answer = {"id": id, "error": errno.errorcode.get(error.errno, str(error))}
    except Exception as error:
        answer = {"id": id, "error": repr(error)}
    with said:
        print(json.dumps(answer), flush=True)


for line in sys.stdin:
    threading.Thread(target=answered, kwargs=json.loads(line), daemon=True).start()
