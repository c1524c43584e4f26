"""Timestamping= in its words."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

# socket-unit #77
VARIANTS = {
    "us": "Timestamping=us",
    "ns": "Timestamping=ns",
    "yes": "Timestamping=yes",
    "no": "Timestamping=no",
    "usec": "Timestamping=usec",
    "nsec": "Timestamping=nsec",
    "off": "Timestamping=off",
}
setup, run = matrix(VARIANTS)
