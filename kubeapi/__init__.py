"""Every kind of Kubernetes: facts, types, defaults, validation and columns, and the machinery that works on any of them.

Promises: no I/O and no asyncio; a kind is declared once (a Resource in the catalog, a Schema as data, a Strategy of pure functions), and
everything else is derived from that. Validation tells all that is wrong at once and never raises.
"""
