"""What every cluster has from its first second, and gets back when it is lost.

    wanted.py     the objects, pure
    policy.py     the roles and bindings that RBAC begins with, out of policytable.py; pure
    keeper.py     makes what is missing: at start, and whenever a watch shows one of them gone or changed
"""
