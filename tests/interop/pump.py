# Carries frames between two devices as a cable does, whatever is in them: by packet sockets.
import select
import socket
import sys

ETH_P_ALL = 3
OUTGOING = 4


def opened(device):
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    packets.bind((device, ETH_P_ALL))
    return packets


left, right = opened(sys.argv[1]), opened(sys.argv[2])
print("ready", flush=True)
try:
    while True:
        for source in select.select([left, right], [], [])[0]:
            frame, address = source.recvfrom(65536)
            if address[2] != OUTGOING:
                (right if source is left else left).send(frame)
except OSError:
    pass  # a device is down, or gone
