"""`python -m picokube`."""
import sys

from picokube.main import main

sys.exit(main())
