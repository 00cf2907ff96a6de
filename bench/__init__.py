"""`make bench`: what picokube costs and how fast it is, measured in one run on clusters of its own.

Each figure stands beside what DESIGN asks for and what upstream 1.20 did on a machine with four cores; cores, load and a
calibration loop are printed with them, because rates of two machines cannot be compared otherwise. Nothing here is a test.
"""
