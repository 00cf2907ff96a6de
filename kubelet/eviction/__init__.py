"""What happens where a node, or a pod on it, runs short: thresholds, their conditions, and which pod has to go.

    thresholds  what is configured, and which of it is met by what was observed       pure
    usage       what pods use, and who uses too much of what it was given             pure
    ranking     in which order pods go                                                pure
    observe     what the machine and pods' directories say                            files
    manager     looks, tells the node's conditions, evicts
"""
