"""ReusePort=, FreeBind= and Transparent= on every kind; only IP sockets have them."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

# socket-unit #91 #93
VARIANTS = {
    "reuse": "ReusePort=yes",
    "free": "FreeBind=yes",
    "transparent": "Transparent=yes",
    "all": "ReusePort=yes\nFreeBind=yes\nTransparent=yes",
}
setup, run = matrix(VARIANTS)
