"""Kernels that start at once use ports of their own.

Jupyter asks the system for free ports and frees them until the kernel has started; meanwhile a
kernel of another process, or any connection, may be given the same, and the build fails now and
then. Here each process has a range of its own, below those that Linux gives away.
"""

import os
import socket

from jupyter_client.connect import LocalPortCache

FIRST, RANGES, SIZE = 10_000, 110, 200


def own_port(self, ip):
    first = FIRST + os.getpid() % RANGES * SIZE
    for port in range(first, first + SIZE):
        if port not in self.currently_used_ports and is_free(ip, port):
            self.currently_used_ports.add(port)
            return port
    raise RuntimeError(f"no port from {first} to {first + SIZE - 1} is free")


def is_free(ip, port):
    with socket.socket() as tried:
        try:
            tried.bind((ip, port))
        except OSError:
            return False
    return True


def setup(app):
    LocalPortCache.find_available_port = own_port
    return {"parallel_read_safe": True, "parallel_write_safe": True}
