# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The page's drawings: each a shape of its own, so that none needs its colour to be understood."""

from __future__ import annotations

LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#10181f"/>'
    '<circle cx="16" cy="16" r="8" fill="none" stroke="#56b4e9" stroke-width="2.5"/>'
    '<circle cx="16" cy="16" r="2.5" fill="#56b4e9"/>'
    '<path d="M16 3v6M16 23v6M3 16h6M23 16h6" stroke="#dbe6ee" stroke-width="2.5" '
    'stroke-linecap="round"/></svg>'
)
