"""Broadcast= on every kind."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

VARIANTS = {
    "on": "Broadcast=yes",
    "off": "Broadcast=no",
}
setup, run = matrix(VARIANTS)
