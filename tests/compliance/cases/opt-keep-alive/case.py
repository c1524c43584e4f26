"""KeepAlive= with its times and probes: whole seconds, only what is set, on listeners and connections."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

# socket-unit #106
VARIANTS = {
    "on": "KeepAlive=yes",
    "times": "KeepAlive=yes\nKeepAliveTimeSec=111\nKeepAliveIntervalSec=1500ms\nKeepAliveProbes=3",
    "without": "KeepAliveTimeSec=2min\nKeepAliveProbes=9",
    "zero": "KeepAlive=yes\nKeepAliveTimeSec=0\nKeepAliveIntervalSec=0\nKeepAliveProbes=0",
    "fraction": "KeepAliveTimeSec=900ms\nKeepAliveIntervalSec=999ms",
    "large": "KeepAliveTimeSec=32768\nKeepAliveIntervalSec=32768\nKeepAliveProbes=128",
}
setup, run = matrix(VARIANTS)
