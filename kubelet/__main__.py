"""`python -m kubelet`."""
import sys

from kubelet.main import main

sys.exit(main())
