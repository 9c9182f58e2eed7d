"""Carries packets between network namespaces in user space, each after a delay, where the kernel has no netem.

    relay.py NAMES

Makes a tun device of each name, prints "ready", and waits for lines on stdin: a number of milliseconds is the delay
from then on, one way. Packets go to the device whose place, counted from 1, is the last byte of their address.
"""

import collections
import fcntl
import os
import select
import struct
import sys
import time

# Of linux/if_tun.h: makes a device; one of packets; without a header of its own.
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
LARGEST_PACKET = 65536


def open_device(name):
    """A tun device: its file descriptor, which does not wait."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def send(device, packet):
    """Hands a packet over. What no device takes is lost, as on a network."""
    try:
        os.write(device, packet)
    except (BlockingIOError, OSError):
        pass


def receive(device):
    """The packets that wait at a device."""
    while True:
        try:
            yield os.read(device, LARGEST_PACKET)
        except BlockingIOError:
            return


def main(names):
    """Carries packets until stdin ends."""
    devices = [open_device(name) for name in names]
    print("ready", flush=True)
    delay, waiting = 0.0, collections.deque()
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([sys.stdin, *devices], [], [], pause)
        if sys.stdin in ready:
            line = sys.stdin.readline()
            if not line:
                return
            delay = float(line) / 1000
        for device in ready:
            if device is not sys.stdin:
                # The last byte of the destination of an IPv4 packet.
                due = time.monotonic() + delay
                waiting.extend((due, packet[19], packet) for packet in receive(device) if len(packet) >= 20)
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, place, packet = waiting.popleft()
            if 1 <= place <= len(devices):
                send(devices[place - 1], packet)


main(sys.argv[1:])
