"""IPTTL= on IPv4 and as hop limit on IPv6; what the kernel refuses leaves the socket up."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

VARIANTS = {
    "set": "IPTTL=55",
    "one": "IPTTL=1",
    "most": "IPTTL=255",
    "zero": "IPTTL=0",
    "more": "IPTTL=256",
}
setup, run = matrix(VARIANTS)
