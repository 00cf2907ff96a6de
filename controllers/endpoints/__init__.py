"""The addresses behind a Service, found anew whenever it, its pods or their nodes change.

    members.py          which pods stand behind a Service, where and on which ports; pure
    looks.py            when a Service needs a look because of its pods, and how soon after the last one
    triggertime.py      when what is written now happened in the cluster
    slices.py           the EndpointSlices there should be, with as few changes as possible; pure
    endpointslice.py    the controller that writes them
    subsets.py          the same addresses as Endpoints say them, at most 1,000; pure
    endpoints.py        the controller that writes those, for older clients

A Service without a selector is its owner's to fill and is left alone; so is `kubernetes`, which the API servers keep.
"""
