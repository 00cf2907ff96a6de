"""The scheduler: gives every pending pod a node, by filters and scores, and says why when no node fits.

Promises: a pod is bound once, through pods/binding; a decision counts at once (the pod is assumed) and is taken back if
binding fails; a pod that fitted nowhere is tried again only after something happened that may help it.
"""
