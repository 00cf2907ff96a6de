"""Typed views of every built-in type, one module per group-version; generated."""
