"""NoDelay= on what has it and on what has not."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

VARIANTS = {
    "on": "NoDelay=yes",
    "off": "NoDelay=no",
}
setup, run = matrix(VARIANTS)
