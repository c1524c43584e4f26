"""What every kind of socket is like when nothing is set: SO_REUSEADDR and no more."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

# socket-unit #104
VARIANTS = {
    "nothing": "",
}
setup, run = matrix(VARIANTS)
