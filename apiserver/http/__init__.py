"""The HTTP front: one ASGI callable in front of FastAPI, a dict from group, version and resource to what serves it.

    requestinfo.py   what a path and method ask for
    negotiation.py   which representation the client accepts
    bodies.py        reading and decoding request bodies, within bounds
    responses.py     sending JSON, Status, gzip
    table.py         Tables for kubectl
    verbs.py         get, list, create, update, patch, delete ...
    watch.py         the stream of changes
    app.py           authentication, limits, errors, dispatch
    server.py        uvicorn, TLS, the peer's certificate
"""
