#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
UDP datagrams in fragments of our own making and order, between real sockets.

  fragments.py serve ADDRESS PORT SIZE ORDER PAUSE
      answers each datagram with its own bytes, in fragments
  fragments.py ask SOURCE SPORT ADDRESS PORT LENGTH COUNT SIZE ORDER PAUSE
      sends COUNT datagrams of LENGTH bytes, each when the one before was answered or two seconds
      have passed; prints {"sent": n, "answered": n}: the same bytes must come back
  fragments.py flood SOURCE ADDRESS SECONDS
      later fragments whose first one never comes; prints {"sent": n}

SIZE: bytes of each fragment behind the IP header, a multiple of 8. ORDER: in-order, reversed,
first-last or shuffled. PAUSE: seconds before the first fragment, when it is not sent first. The kernel puts
together what is received, by its own rules.
"""
import ipaddress
import json
import os
import random
import socket
import struct
import sys
import time

UDP = 17


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Raw:
    """Sends IP packets whose headers we write."""

    def __init__(self, version):
        self.version = version
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        self.socket = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def fragment(self, src, dst, ident, offset, more, data):
        if self.version == 4:
            fields = (offset // 8) | (0x2000 if more else 0)
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), ident & 0xFFFF, fields, 64, UDP, 0)
            packet = head + src.packed + dst.packed + data
        else:
            head = struct.pack("!IHBB", 6 << 28, 8 + len(data), 44, 64)
            frag = struct.pack("!BBHI", UDP, 0, offset | (1 if more else 0), ident)
            packet = head + src.packed + dst.packed + frag + data
        self.socket.sendto(packet, (str(dst), 0))

    def datagram(self, src, sport, dst, dport, payload, size, order, pause):
        length = 8 + len(payload)
        pseudo = src.packed + dst.packed + struct.pack("!IBBBB", length, 0, 0, 0, UDP)
        head = struct.pack("!HHH", sport, dport, length)
        total = checksum(pseudo + head + b"\0\0" + payload) or 0xFFFF
        data = head + struct.pack("!H", total) + payload
        pieces = list(range(0, len(data), size))
        if order == "reversed":
            pieces.reverse()
        elif order == "first-last":
            pieces = pieces[1:] + pieces[:1]
        elif order == "shuffled":
            random.shuffle(pieces)
        ident = random.getrandbits(32)
        for n, at in enumerate(pieces):
            if at == 0 and n > 0:
                time.sleep(pause)
            self.fragment(src, dst, ident, at, at + size < len(data), data[at : at + size])


def bound(address, port):
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    taken = socket.socket(family, socket.SOCK_DGRAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    taken.bind((str(address), port))
    return taken


def serve(address, port, size, order, pause):
    address = ipaddress.ip_address(address)
    taken, raw = bound(address, int(port)), Raw(address.version)
    while True:
        payload, peer = taken.recvfrom(65535)
        to = ipaddress.ip_address(peer[0])
        raw.datagram(address, int(port), to, peer[1], payload, int(size), order, float(pause))


def ask(source, sport, address, port, length, count, size, order, pause):
    source, address = ipaddress.ip_address(source), ipaddress.ip_address(address)
    taken, raw = bound(source, int(sport)), Raw(address.version)
    taken.settimeout(2)
    answered = 0
    for _ in range(int(count)):
        payload = os.urandom(int(length))
        raw.datagram(
            source, int(sport), address, int(port), payload, int(size), order, float(pause)
        )
        try:
            while taken.recv(65535) != payload:
                pass
            answered += 1
        except TimeoutError:
            pass
    print(json.dumps({"sent": int(count), "answered": answered}))


def flood(source, address, seconds):
    source, address = ipaddress.ip_address(source), ipaddress.ip_address(address)
    raw, data = Raw(address.version), os.urandom(1200)
    end, sent = time.monotonic() + float(seconds), 0
    while time.monotonic() < end:
        try:
            raw.fragment(source, address, random.getrandbits(32), 1200, True, data)
            sent += 1
        except OSError:  # the device's queue is full
            time.sleep(0.001)
    print(json.dumps({"sent": sent}))


{"serve": serve, "ask": ask, "flood": flood}[sys.argv[1]](*sys.argv[2:])
