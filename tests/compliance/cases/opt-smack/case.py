"""SmackLabel= and its kin on a kernel without SMACK: nothing happens, nothing fails."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

VARIANTS = {
    "label": "SmackLabel=a\nSmackLabelIPIn=b\nSmackLabelIPOut=c",
}
setup, run = matrix(VARIANTS)
