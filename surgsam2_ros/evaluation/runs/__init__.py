# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs of the tracker over videos with a truth: inputs, prompts, scores, label images, records.

Nothing is imported here: what reads and scores videos needs no torch, `tracker_run` does.
"""
