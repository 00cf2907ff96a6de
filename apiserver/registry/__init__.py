"""The generic registry: one Store per resource, the same code for every kind; what a kind adds is its pure Strategy.

    store.py       reads from the watch cache, writes by compare-and-swap
    writes.py      what happens to a document on its way in: metadata, what an update keeps, generation; pure
    translation.py the storage's errors in the words of the API
    deletion.py    finalizers, grace, propagation: pure
    listing.py     resourceVersion rules, selectors, continue tokens
    patches.py     the patch types
"""
