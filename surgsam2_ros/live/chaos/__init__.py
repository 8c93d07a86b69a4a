# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A node under faults: which there are, what it has to do after each, and how it did.

A fault is a function in one of the `*_faults` modules with a line in its table; `run` strikes with
one after the other and checks the node after each.
"""
