"""The patches as pure functions of a document: JSON Patch, merge patch, strategic merge patch."""
