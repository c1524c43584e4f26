"""ReceiveBuffer= and SendBuffer=: doubled by the kernel, forced above its limit, refused above INT_MAX."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

# socket-unit #106 #76
VARIANTS = {
    "small": "ReceiveBuffer=8K\nSendBuffer=16K",
    "tiny": "ReceiveBuffer=1\nSendBuffer=1",
    "odd": "ReceiveBuffer=1.5K\nSendBuffer=5001",
    "huge": "ReceiveBuffer=64M\nSendBuffer=64M",
    "over": "ReceiveBuffer=4G\nSendBuffer=4G",
    "zero": "ReceiveBuffer=0\nSendBuffer=0",
}
setup, run = matrix(VARIANTS)
