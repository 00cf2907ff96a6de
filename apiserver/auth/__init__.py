"""Who is asking, and may they.

    authentication.py  client certificates and tokens (serviceaccounts.py, bootstraptokens.py) become a User
    authorization.py   the authorizers in order; access.py is what they are asked
    rbac.py            roles and their bindings (bindings.py)
    nodes.py           kubelets, and what their pods refer to (podreferences.py)
"""
