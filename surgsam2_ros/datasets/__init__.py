# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Data sets of surgical video on disk: reading, checking and preparing them; without torch."""

from surgsam2_ros.datasets.vos_folder import VosFolder, VosFrame, VosVideo

__all__ = ['VosFolder', 'VosFrame', 'VosVideo']
