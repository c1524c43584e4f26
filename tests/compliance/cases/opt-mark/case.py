"""Mark= in decimal and hexadecimal, zero and the largest."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

VARIANTS = {
    "mark": "Mark=99",
    "hex": "Mark=0x10",
    "zero": "Mark=0",
    "most": "Mark=2147483647",
}
setup, run = matrix(VARIANTS)
