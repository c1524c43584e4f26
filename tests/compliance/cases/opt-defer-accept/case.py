"""DeferAcceptSec=: the kernel rounds to its retransmissions."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

VARIANTS = {
    "ten": "DeferAcceptSec=10",
    "one": "DeferAcceptSec=1",
    "part": "DeferAcceptSec=1500ms",
    "less": "DeferAcceptSec=100ms",
    "zero": "DeferAcceptSec=0",
}
setup, run = matrix(VARIANTS, connections=False)
