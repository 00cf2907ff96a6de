"""Admission: what a write must pass after its author was found allowed to make it.

Every plugin may change the object (`admit`), then every plugin may refuse it (`validate`); both see the same Attributes. A
plugin reads other objects through Objects, and what it reserves for a write (a ClusterIP) it takes back through `undo`.
"""
