"""TCPCongestion=: what the kernel has, what it has not, what is no TCP."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

# socket-unit #103
VARIANTS = {
    "cubic": "TCPCongestion=cubic",
    "reno": "TCPCongestion=reno",
    "none": "TCPCongestion=nosuch",
    "empty": "TCPCongestion=cubic\nTCPCongestion=",
}
setup, run = matrix(VARIANTS)
