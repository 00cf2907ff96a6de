"""The bundled kubectl: upstream's flags, output and exit codes, over raw documents.

It must start fast, so nothing here imports typing, dataclasses, pydantic, asyncio, an HTTP library or a model, and each
command's module is imported when the command is used. A test reads sys.modules.
"""
