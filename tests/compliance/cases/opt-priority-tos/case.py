"""Priority= and IPTOS=, which moves the priority; IPv6 has no traffic class of it."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

# socket-unit #105 #75
VARIANTS = {
    "priority": "Priority=3",
    "both": "Priority=3\nIPTOS=16",
    "tos": "IPTOS=8",
    "word": "IPTOS=low-cost",
    "zero": "Priority=0\nIPTOS=0",
    "most": "Priority=7\nIPTOS=255",
    "ecn": "IPTOS=3",
}
setup, run = matrix(VARIANTS)
