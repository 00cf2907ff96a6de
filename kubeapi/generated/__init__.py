"""Everything here is written by hack/generate.py."""
