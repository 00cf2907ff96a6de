"""`make bench`: the figures of a whole cluster on this machine, measured in one run. Never a test: no figure fails."""
