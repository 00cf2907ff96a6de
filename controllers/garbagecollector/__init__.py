"""The garbage collector: an object whose owners are all gone goes too.

    graph.py        who owns whom, fed by a watch of every kind; pure
    reconciler.py   checks live before it deletes; foreground and orphan finalizers
"""
