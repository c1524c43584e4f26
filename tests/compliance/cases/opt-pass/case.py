"""PassCredentials= and PassSecurity= on every kind."""
import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])
from options import matrix

VARIANTS = {
    "credentials": "PassCredentials=yes",
    "security": "PassSecurity=yes",
    "both": "PassCredentials=yes\nPassSecurity=yes",
}
setup, run = matrix(VARIANTS)
