"""PassPacketInfo= on IPv4, IPv6 and netlink; elsewhere it is no more than a warning."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

VARIANTS = {
    "on": "PassPacketInfo=yes",
    "off": "PassPacketInfo=no",
}
setup, run = matrix(VARIANTS)
